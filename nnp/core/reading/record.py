"""What a file says of one frame, before it means anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from nnp.core import errors


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """A frame that cannot be used: the file, its 0-based frame and 1-based line where known, and the reason."""

    file: str
    frame: int | None
    line: int | None
    reason: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """One frame as it stands in the file, in the units of the file.

    Attributes:
        frame: 0-based number.
        line: 1-based line where the frame begins, where the file has lines.
        first_atom_line: 1-based line of atom 0; the others follow line by line.
        symbols: of the N atoms.
        positions: (N, 3).
        cell: (3, 3), rows are the vectors.
        pbc: (3,).
        values: by name: text, numbers or arrays that belong to the frame.
        arrays: by name: (N, ...) arrays that belong to the atoms.
    """

    frame: int
    line: int | None = None
    first_atom_line: int | None = None
    symbols: Sequence[str]
    positions: npt.NDArray[np.float64]
    cell: npt.NDArray[np.float64]
    pbc: Sequence[bool]
    values: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, Any] = field(default_factory=dict)

    def line_of(self, atom: int | None) -> int | None:
        """The line of an atom, else that of the frame."""
        return self.line if atom is None or self.first_atom_line is None else self.first_atom_line + atom


Item = Record | errors.ReadError
"""What a reader of a format yields: a frame, or what is wrong with one if it can go on; it raises if it cannot."""
