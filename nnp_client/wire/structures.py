"""A structure on the wire: lists in JSON, arrays in MessagePack, the same four fields."""

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from nnp_client.wire.base import Wire

MAX_STRUCTURES = 10_000
MAX_ATOMS = 1_000_000

Vector = Annotated[list[float], Field(min_length=3, max_length=3, description="Cartesian components x, y, z.")]


class StructureIn(Wire):
    """Atoms, cell and periodicity. In MessagePack the arrays are int32 (N,), float64 (N, 3), (3, 3) and bool (3,)."""

    numbers: list[Annotated[int, Field(ge=1, le=118)]] = Field(
        min_length=1, max_length=MAX_ATOMS, description="Atomic numbers Z, shape (N,)."
    )
    positions: list[Vector] = Field(
        min_length=1, max_length=MAX_ATOMS, description="Cartesian positions in Å, shape (N, 3)."
    )
    cell: list[Vector] | None = Field(
        default=None,
        min_length=3,
        max_length=3,
        description="Cell in Å, shape (3, 3), rows are the vectors; null for a cluster.",
    )
    pbc: list[bool] | None = Field(
        default=None,
        min_length=3,
        max_length=3,
        description="Periodicity along the three cell vectors; null means all true with a cell and all false without.",
    )


FIELDS = frozenset(StructureIn.model_fields)


def plain(numbers: Any, positions: Any, cell: Any, pbc: Any) -> dict[str, Any]:
    """The wire's map of a structure, with arrays ready for `arrays.pack`.

    Args:
        numbers: Atomic numbers, shape (N,).
        positions: Cartesian positions in Å, shape (N, 3).
        cell: Cell vectors as rows in Å, shape (3, 3).
        pbc: Periodicity, shape (3,).
    """
    return {
        "numbers": np.asarray(numbers, dtype="<i4"),
        "positions": np.asarray(positions, dtype="<f8"),
        "cell": np.asarray(cell, dtype="<f8"),
        "pbc": np.asarray(pbc, dtype="|b1"),
    }
