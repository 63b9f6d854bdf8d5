"""Dataset versions from other versions, and what differs between two of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models_store import errors
from models_store.datasets import catalogue, content, ingestion
from models_store.tables import DatasetMember, DatasetState, DatasetVersion, Label, Method, Structure


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A structure that both versions have and treat differently.

    Attributes:
        structure_id: the structure.
        before: in the first version.
        after: in the second one.
    """

    structure_id: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What changed from one version to another.

    Attributes:
        added: structures that only the second version has.
        removed: structures that only the first version has.
        unchanged: how many structures are the same in both, with label, group and split.
        relabelled: structures whose labels differ; before and after are "method energy-in-eV-per-atom", or "none".
        resplit: structures in another split.
        regrouped: structures in another group.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    relabelled: tuple[Difference, ...]
    resplit: tuple[Difference, ...]
    regrouped: tuple[Difference, ...]


def exclude(
    session: Session,
    parent: DatasetVersion,
    *,
    positions: Collection[int] = (),
    groups: Collection[str] = (),
    structure_ids: Collection[str] = (),
    note: str = "",
    actor: str | None = None,
) -> ingestion.Ingested:
    """A new version without some frames; those that stay keep their splits.

    Args:
        session: the transaction.
        parent: the version to leave frames out of; ready or withdrawn.
        positions: of frames to leave out.
        groups: to leave out; "" means frames without a group.
        structure_ids: to leave out.
        note: why.
        actor: who asks.

    Raises:
        Invalid: nothing would be left out, or a position, group or structure is not in the version.
        EmptyVersion: nothing would be left.
        Conflict: the parent is neither ready nor withdrawn.
    """
    if parent.state not in (DatasetState.READY, DatasetState.WITHDRAWN):
        raise errors.Conflict(f"{parent.reference} is {parent.state.value}")
    rows = _rows(session, parent)
    _check_known("position", positions, {row["position"] for row in rows}, parent)
    _check_known("group", groups, {row["group"] or "" for row in rows}, parent)
    _check_known("structure", structure_ids, {row["structure_id"] for row in rows}, parent)
    unwanted = (set(positions), set(groups), set(structure_ids))
    kept = [
        row
        for row in rows
        if row["position"] not in unwanted[0]
        and (row["group"] or "") not in unwanted[1]
        and row["structure_id"] not in unwanted[2]
    ]
    if len(kept) == len(rows):
        raise errors.Invalid("nothing would be left out", advice="name positions, groups or structures")
    if not kept:
        raise errors.EmptyVersion()
    version = catalogue.begin(session, parent.dataset.name, parent_id=parent.id, note=note, actor=actor)
    lines = [_line(row) for row in kept]
    new = [
        {**{name: row[name] for name in _COPIED}, "version_id": version.id, "position": index}
        for index, row in enumerate(kept)
    ]
    return ingestion.freeze(session, version, new, lines, statistics=content.statistics(lines))


def compare(session: Session, before: DatasetVersion, after: DatasetVersion) -> Comparison:
    """What changed from `before` to `after`, by structure; they may belong to different datasets."""
    first, second = _by_structure(session, before), _by_structure(session, after)
    relabelled, resplit, regrouped, unchanged = [], [], [], 0
    for structure_id in sorted(first.keys() & second.keys()):
        old, new = first[structure_id], second[structure_id]
        if old["labels"] != new["labels"]:
            relabelled.append(_difference(structure_id, old["labels"], new["labels"]))
        if old["splits"] != new["splits"]:
            resplit.append(_difference(structure_id, old["splits"], new["splits"]))
        if old["groups"] != new["groups"]:
            regrouped.append(_difference(structure_id, old["groups"], new["groups"]))
        unchanged += old == new
    return Comparison(
        added=tuple(sorted(second.keys() - first.keys())),
        removed=tuple(sorted(first.keys() - second.keys())),
        unchanged=unchanged,
        relabelled=tuple(relabelled),
        resplit=tuple(resplit),
        regrouped=tuple(regrouped),
    )


_COPIED = (
    "structure_id",
    "label_id",
    "group",
    "trajectory",
    "split",
    "name",
    "source_file",
    "source_frame",
    "source_line",
)


def _rows(session: Session, version: DatasetVersion) -> Sequence[dict[str, Any]]:
    query = (
        select(
            DatasetMember.position,
            *(getattr(DatasetMember, name) for name in _COPIED),
            Structure.elements,
            Structure.n_atoms,
            Label.digest.label("label_digest"),
            Label.energy_per_atom,
            Label.max_force,
            Label.stress.is_not(None).label("has_stress"),
            Method.name.label("method"),
        )
        .join(Structure, Structure.id == DatasetMember.structure_id)
        .outerjoin(Label, Label.id == DatasetMember.label_id)
        .outerjoin(Method, Method.id == Label.method_id)
        .where(DatasetMember.version_id == version.id)
        .order_by(DatasetMember.position)
    )
    return [dict(row) for row in session.execute(query).mappings()]


def _line(row: dict[str, Any]) -> content.Line:
    return content.Line(
        structure_id=row["structure_id"],
        elements=row["elements"],
        n_atoms=row["n_atoms"],
        label_digest=row["label_digest"],
        method=row["method"],
        energy_per_atom=row["energy_per_atom"],
        max_force=row["max_force"],
        has_stress=bool(row["has_stress"]),
        group=row["group"],
        trajectory=row["trajectory"],
        split=row["split"].value,
    )


def _check_known(kind: str, asked: Collection[Any], known: Collection[Any], version: DatasetVersion) -> None:
    missing = sorted(set(asked) - set(known))
    if missing:
        raise errors.Invalid(f"{version.reference} has no {kind} {', '.join(str(name) for name in missing[:5])}")


def _by_structure(session: Session, version: DatasetVersion) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for row in _rows(session, version):
        entry = found.setdefault(row["structure_id"], {"labels": [], "splits": [], "groups": []})
        label = "none"
        if row["label_id"] is not None:
            label = f"{row['method']} {row['energy_per_atom']:.6f} (label {row['label_id']})"
        entry["labels"].append(label)
        entry["splits"].append(row["split"].value)
        entry["groups"].append(row["group"] or "")
    for entry in found.values():
        for values in entry.values():
            values.sort()
    return found


def _difference(structure_id: str, before: Sequence[str], after: Sequence[str]) -> Difference:
    return Difference(structure_id=structure_id, before=", ".join(before), after=", ".join(after))
