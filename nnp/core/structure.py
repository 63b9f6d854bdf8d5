"""A structure: atoms, cell and periodicity, validated once and never changed."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ase.data import atomic_numbers, chemical_symbols

from nnp.core import errors

HEAVIEST = 118
FARTHEST = 1e7
"""Å; no coordinate or cell vector component is larger: float64 and the content hash stay exact below it."""
SHORTEST_VECTOR = 0.5
"""Å; a periodic vector below this puts an atom on top of its own image."""
SMALLEST_SKEWNESS = 1e-3
"""Volume spanned by the periodic vectors over the product of their lengths; below this the cell counts as singular."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Structure:
    """Atoms in a cell, periodic along none, some or all of its vectors.

    The arrays are copied and read-only. Two structures compare equal only when they are the same object;
    `nnp.core.identity.structure_id` compares content.

    Attributes:
        numbers: (N,) int32, atomic numbers 1 to 118; N >= 1.
        positions: (N, 3) float64, Å; anywhere, also outside the cell.
        cell: (3, 3) float64, Å, rows are the cell vectors; rows of directions that are not periodic are zero.
        pbc: (3,) bool, periodic along each cell vector.

    Raises:
        StructureError: no atoms, wrong shapes, numbers that are not finite, unknown elements, a singular cell.
    """

    numbers: npt.NDArray[np.int32]
    positions: npt.NDArray[np.float64]
    cell: npt.NDArray[np.float64]
    pbc: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        numbers = _numbers(self.numbers)
        positions = _positions(self.positions, len(numbers))
        pbc = np.array(np.broadcast_to(np.asarray(self.pbc, dtype=bool), (3,)))
        cell = _cell(self.cell, pbc)
        for name, array in (("numbers", numbers), ("positions", positions), ("cell", cell), ("pbc", pbc)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The chemical symbol of each atom."""
        return tuple(chemical_symbols[number] for number in self.numbers)

    @property
    def elements(self) -> tuple[str, ...]:
        """The chemical symbols present, each once, by atomic number."""
        return tuple(chemical_symbols[number] for number in np.unique(self.numbers))

    @property
    def formula(self) -> str:
        """The chemical formula in Hill order (C, H, then by alphabet), such as "C2H6O" or "O2Si"."""
        amount = Counter(self.symbols)
        first = ["C", "H"] if "C" in amount else []
        order = [name for name in first if name in amount] + sorted(name for name in amount if name not in first)
        return "".join(name + (str(amount[name]) if amount[name] > 1 else "") for name in order)

    @property
    def volume(self) -> float | None:
        """The volume of the cell in Å^3; None unless it is periodic in all three directions."""
        return float(abs(np.linalg.det(self.cell))) if self.pbc.all() else None

    @classmethod
    def from_atoms(cls, atoms: Any) -> "Structure":
        """The structure of an `ase.Atoms`; its cell vectors count only where it is periodic.

        Raises:
            StructureError: see the class.
        """
        return cls(numbers=atoms.numbers, positions=atoms.positions, cell=np.asarray(atoms.cell), pbc=atoms.pbc)

    @classmethod
    def from_symbols(
        cls, symbols: list[str] | tuple[str, ...], positions: npt.ArrayLike, cell: npt.ArrayLike, pbc: npt.ArrayLike
    ) -> "Structure":
        """A structure from chemical symbols; `positions` (N, 3) and `cell` (3, 3) in Å, `pbc` one or three booleans.

        Raises:
            StructureError: a symbol is no element; see the class.
        """
        for index, symbol in enumerate(symbols):
            if atomic_numbers.get(symbol, 0) == 0:
                raise errors.StructureError(f"atom {index}: unknown element {symbol!r}", atom=index)
        numbers = np.array([atomic_numbers[symbol] for symbol in symbols], dtype=np.int32)
        return cls(numbers=numbers, positions=np.asarray(positions), cell=np.asarray(cell), pbc=np.asarray(pbc))

    def to_atoms(self) -> Any:
        """An `ase.Atoms` with the same content and no calculator."""
        from ase import Atoms

        return Atoms(numbers=self.numbers, positions=self.positions, cell=self.cell, pbc=self.pbc)


def _numbers(given: npt.ArrayLike) -> npt.NDArray[np.int32]:
    numbers = np.asarray(given)
    if numbers.ndim != 1 or numbers.size == 0:
        raise errors.StructureError("a structure needs at least one atom and one atomic number for each")
    if numbers.dtype.kind not in "iu":
        raise errors.StructureError("atomic numbers must be integers")
    wrong = np.flatnonzero((numbers < 1) | (numbers > HEAVIEST))
    if wrong.size:
        atom = int(wrong[0])
        raise errors.StructureError(
            f"atom {atom}: unknown element, atomic number {int(numbers[atom])} is outside 1..{HEAVIEST}", atom=atom
        )
    return numbers.astype(np.int32)


def _positions(given: npt.ArrayLike, atoms: int) -> npt.NDArray[np.float64]:
    positions = np.array(given, dtype=np.float64, order="C")
    if positions.shape != (atoms, 3):
        raise errors.StructureError(f"positions have shape {positions.shape}, {atoms} atoms need ({atoms}, 3)")
    if not (np.abs(positions) <= FARTHEST).all():  # also where a position is NaN; one pass, as nearly all are fine
        _refuse_positions(positions)
    return positions


def _refuse_positions(positions: npt.NDArray[np.float64]) -> None:
    wrong = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if wrong.size:
        atom = int(wrong[0])
        raise errors.StructureError(f"atom {atom}: the position is not a finite number (NaN or infinite)", atom=atom)
    atom = int(np.flatnonzero((np.abs(positions) > FARTHEST).any(axis=1))[0])
    raise errors.StructureError(f"atom {atom}: the position is more than {FARTHEST:g} Å from the origin", atom=atom)


def _cell(given: npt.ArrayLike, pbc: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    cell = np.array(given, dtype=np.float64, order="C")
    if cell.shape != (3, 3):
        raise errors.StructureError(f"the cell has shape {cell.shape}, not (3, 3)")
    cell[~pbc] = 0.0
    vectors = cell[pbc]
    if not np.isfinite(vectors).all():
        raise errors.StructureError("the cell is not finite (NaN or infinite)")
    if (np.abs(vectors) > FARTHEST).any():
        raise errors.StructureError(f"a cell vector is longer than {FARTHEST:g} Å")
    lengths = np.sqrt((vectors * vectors).sum(axis=1))
    if (lengths < SHORTEST_VECTOR).any():
        raise errors.StructureError(
            f"singular cell: a periodic cell vector is only {lengths.min():.3g} Å long; "
            "give the full cell, or pbc false along that direction"
        )
    span = np.sqrt(max(np.linalg.det(vectors @ vectors.T), 0.0)) if len(vectors) else 1.0
    if span < SMALLEST_SKEWNESS * np.prod(lengths):
        raise errors.StructureError("singular cell: the periodic cell vectors are (almost) linearly dependent")
    return cell
