"""Structures in the registry: rows from and to `nnp.core` structures, inserted in bulk, once per content."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models_store import errors
from models_store.tables import Structure
from nnp.core import structure as core


def get(session: Session, structure_id: str) -> core.Structure:
    """The structure with this id.

    Raises:
        NotFound: there is none.
    """
    row = session.get(Structure, structure_id)
    if row is None:
        raise errors.NotFound("structure", structure_id)
    return to_core(row)


def row(structure_id: str, structure: core.Structure) -> dict[str, Any]:
    """The row of a structure."""
    return {
        "id": structure_id,
        "formula": structure.formula,
        "elements": f" {' '.join(structure.elements)} ",
        "n_atoms": len(structure),
        "numbers": structure.numbers.astype("<i4").tobytes(),
        "positions": structure.positions.astype("<f8").tobytes(),
        "cell": structure.cell.astype("<f8").tobytes(),
        "pbc": sum(1 << axis for axis in range(3) if structure.pbc[axis]),
    }


def to_core(stored: Any) -> core.Structure:
    """The structure of anything with the columns of the table."""
    return core.Structure(
        numbers=np.frombuffer(stored.numbers, dtype="<i4"),
        positions=np.frombuffer(stored.positions, dtype="<f8").reshape(-1, 3),
        cell=np.frombuffer(stored.cell, dtype="<f8").reshape(3, 3),
        pbc=np.array([bool(stored.pbc >> axis & 1) for axis in range(3)]),
    )


def insert_missing(session: Session, table: type, rows: Iterable[Mapping[str, Any]], key: Sequence[str]) -> None:
    """Insert the rows whose `key` columns are not there yet; sorted, so that two transactions cannot deadlock."""
    ordered = sorted(rows, key=lambda given: tuple(given[column] for column in key))
    if not ordered:
        return
    target: Table = table.__table__  # type: ignore[attr-defined]
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    session.execute(dialect.insert(target).on_conflict_do_nothing(index_elements=list(key)), ordered)
