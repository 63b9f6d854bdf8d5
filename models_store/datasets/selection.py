"""Frames out of a dataset version: filtered, counted, listed, streamed."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from models_store import labels, structures
from models_store.tables import DatasetMember, DatasetVersion, Label, Method, Split, Structure
from nnp.core.label import Frame, Source

CHUNK = 500
"""Frames that are read from the database at a time."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which members are meant; everything stated must hold.

    Attributes:
        elements: chemical symbols that must all be present.
        only_elements: no other symbols than these.
        formula: the formula, in Hill order.
        groups: one of these; "" means no group.
        splits: one of these.
        trajectory: this one.
        energy_per_atom_min: eV per atom.
        energy_per_atom_max: eV per atom.
        max_force_min: eV/Å, of the largest force on an atom.
        max_force_max: eV/Å, of the largest force on an atom.
        n_atoms_min: atoms.
        n_atoms_max: atoms.
        labelled: with, or without, a label.
    """

    elements: Collection[str] = ()
    only_elements: Collection[str] = ()
    formula: str | None = None
    groups: Collection[str] = ()
    splits: Collection[str] = ()
    trajectory: str | None = None
    energy_per_atom_min: float | None = None
    energy_per_atom_max: float | None = None
    max_force_min: float | None = None
    max_force_max: float | None = None
    n_atoms_min: int | None = None
    n_atoms_max: int | None = None
    labelled: bool | None = None


EVERYTHING = Filter()


@dataclass(frozen=True, kw_only=True)
class Member:
    """One member, without its arrays."""

    position: int
    structure_id: str
    formula: str
    n_atoms: int
    label_id: int | None
    method: str | None
    energy_per_atom: float | None
    max_force: float | None
    group: str | None
    trajectory: str | None
    split: Split
    name: str | None
    source_file: str | None
    source_frame: int | None
    source_line: int | None


def count(session: Session, version: DatasetVersion, wanted: Filter = EVERYTHING) -> int:
    """How many members there are."""
    return session.scalar(_chosen(select(func.count()), version, wanted)) or 0


def members(
    session: Session,
    version: DatasetVersion,
    wanted: Filter = EVERYTHING,
    *,
    after: int = -1,
    limit: int = 100,
) -> list[Member]:
    """Members in order; `after` is the position of the last one of the page before."""
    columns = select(
        DatasetMember.position,
        DatasetMember.structure_id,
        Structure.formula,
        Structure.n_atoms,
        DatasetMember.label_id,
        Method.name.label("method"),
        Label.energy_per_atom,
        Label.max_force,
        DatasetMember.group,
        DatasetMember.trajectory,
        DatasetMember.split,
        DatasetMember.name,
        DatasetMember.source_file,
        DatasetMember.source_frame,
        DatasetMember.source_line,
    )
    query = _chosen(columns, version, wanted).outerjoin(Method, Method.id == Label.method_id)
    query = query.where(DatasetMember.position > after).order_by(DatasetMember.position).limit(limit)
    return [Member(**row) for row in session.execute(query).mappings()]


def frames(session: Session, version: DatasetVersion, wanted: Filter = EVERYTHING) -> Iterator[Frame]:
    """The members as frames, in order, a chunk at a time: memory does not grow with the version."""
    columns = select(
        DatasetMember.position,
        DatasetMember.label_id,
        DatasetMember.group,
        DatasetMember.trajectory,
        DatasetMember.split,
        DatasetMember.name,
        DatasetMember.source_file,
        DatasetMember.source_frame,
        DatasetMember.source_line,
        Structure.numbers,
        Structure.positions,
        Structure.cell,
        Structure.pbc,
        Label.energy,
        Label.forces,
        Label.stress,
        Label.charge,
        Label.spin,
        Label.electronic_temperature,
    )
    query = _chosen(columns, version, wanted).order_by(DatasetMember.position).limit(CHUNK)
    after = -1
    while rows := session.execute(query.where(DatasetMember.position > after)).all():
        for row in rows:
            yield _frame(row)
        after = rows[-1].position


def _frame(row: Any) -> Frame:
    source = None
    if row.source_file is not None and row.source_frame is not None:
        source = Source(file=row.source_file, frame=row.source_frame, line=row.source_line)
    return Frame(
        structure=structures.to_core(row),
        label=labels.to_core(row) if row.label_id is not None else None,
        group=row.group,
        trajectory=row.trajectory,
        split=row.split.value,
        name=row.name,
        source=source,
    )


def _chosen(columns: Any, version: DatasetVersion, wanted: Filter) -> Select[Any]:
    query = (
        columns.select_from(DatasetMember)
        .join(Structure, Structure.id == DatasetMember.structure_id)
        .outerjoin(Label, Label.id == DatasetMember.label_id)
    )
    return query.where(DatasetMember.version_id == version.id, *_conditions(wanted))


def _conditions(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    for element in wanted.elements:
        yield Structure.elements.contains(f" {element} ", autoescape=True)
    if wanted.only_elements:
        yield _nothing_but(wanted.only_elements)
    if wanted.groups:
        named = DatasetMember.group.in_(wanted.groups)
        yield or_(named, DatasetMember.group.is_(None)) if "" in wanted.groups else named
    if wanted.splits:
        yield DatasetMember.split.in_([Split(split) for split in wanted.splits])
    if wanted.labelled is not None:
        yield DatasetMember.label_id.is_not(None) if wanted.labelled else DatasetMember.label_id.is_(None)
    if wanted.formula is not None:
        yield Structure.formula == wanted.formula
    if wanted.trajectory is not None:
        yield DatasetMember.trajectory == wanted.trajectory
    ranges: tuple[tuple[Any, float | None, float | None], ...] = (
        (Label.energy_per_atom, wanted.energy_per_atom_min, wanted.energy_per_atom_max),
        (Label.max_force, wanted.max_force_min, wanted.max_force_max),
        (Structure.n_atoms, wanted.n_atoms_min, wanted.n_atoms_max),
    )
    for column, least, most in ranges:
        if least is not None:
            yield column >= least
        if most is not None:
            yield column <= most


def _nothing_but(symbols: Collection[str]) -> ColumnElement[bool]:
    left: ColumnElement[Any] = Structure.elements.expression
    for symbol in symbols:
        left = func.replace(left, f" {symbol} ", " ")
    return left == " "
