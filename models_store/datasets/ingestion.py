"""Frames into a dataset version: structures and labels stored once, splits assigned, the version frozen."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import delete as delete_rows
from sqlalchemy import exc, insert, select, update
from sqlalchemy.orm import Session

from models_store import errors, labels, structures
from models_store.datasets import content, earlier_splits, splits
from models_store.tables import (
    DatasetMember,
    DatasetState,
    DatasetVersion,
    Method,
    Structure,
    now,
)
from nnp.core import identity
from nnp.core.label import Frame

CHUNK = 1000
"""Frames that are inserted by one statement."""
KEPT_REJECTIONS = 1000
"""Rejections that are stored with a version; all of them are counted."""


@dataclass(frozen=True, kw_only=True)
class Ingested:
    """What became of the frames.

    Attributes:
        version: the version that holds them: the new one, or the one that already held the same content.
        duplicate: whether the content was there already.
    """

    version: DatasetVersion
    duplicate: bool

    @property
    def warning(self) -> str | None:
        """What the uploader must know: the content was there and is withdrawn, so that nothing is trained on it."""
        if self.duplicate and self.version.state == DatasetState.WITHDRAWN:
            return (
                f"the same content is {self.version.reference} already, which was withdrawn: {self.version.reason}; "
                "trainings do not take it, and a version is withdrawn for good: mend the data, or use another dataset"
            )
        return None


@dataclass(kw_only=True)
class _Gathered:
    """What is remembered of the frames while they stream by: everything but the arrays."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    seen: set[tuple[str, int | None]] = field(default_factory=set)
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    duplicates: int = 0


def ingest(
    session: Session,
    version: DatasetVersion,
    frames: Iterable[Frame],
    *,
    method: Method | None = None,
    test_fraction: float = 0.1,
    seed: int = 0,
    rejected: Sequence[Mapping[str, Any]] = (),
    on_conflict: Literal["raise", "skip"] = "raise",
) -> Ingested:
    """Fill a begun version and freeze it.

    If the dataset has a version with the same content, the begun one is removed and the other one returned. What an
    earlier version has keeps its split, so that nothing a potential learnt from is tested on later.

    Args:
        session: the transaction; roll it back if this raises, and call `reject` in another one.
        version: in state "ingesting".
        frames: read once, in chunks.
        method: of the labels; without one they belong to a method named after the dataset, of unstated settings.
        test_fraction: of the frames of each group, where the file states no splits.
        seed: of the choice of the test frames among those that are new to the dataset.
        rejected: frames that were left out while reading (file, frame, line, reason); may grow while `frames` is read.
        on_conflict: "skip" leaves out frames whose labels contradict stored ones and lists them, "raise" raises.

    Raises:
        LabelConflict: structures have other labels by this method.
        EmptyVersion: there are no frames.
        InvalidSplit: the splits in the file cannot be.
        Immutable: the version is not being made.
    """
    if version.state != DatasetState.INGESTING:
        raise errors.Immutable(f"{version.reference} is {version.state.value}", advice="begin a new version")
    method = method or labels.ensure_method(session, version.dataset.name)
    gathered = _Gathered()
    stream = iter(frames)
    while chunk := list(itertools.islice(stream, CHUNK)):
        _store(session, method, chunk, gathered)
    if gathered.conflicts and on_conflict == "raise":
        raise errors.LabelConflict(gathered.conflicts)
    if not gathered.rows:
        raise errors.EmptyVersion("no frame is left" if rejected or gathered.conflicts else None)
    places = [splits.Place(**{name: line[name] for name in _PLACE}) for line in gathered.lines]
    kept = earlier_splits.of(session, version, places)
    assigned = splits.assign(places, test_fraction=test_fraction, seed=seed, kept=kept)
    lines = []
    for index, split in enumerate(assigned):
        gathered.rows[index] |= {"split": split, "version_id": version.id, "position": index}
        lines.append(content.Line(**{**gathered.lines[index], "split": split.value}))
    rejections = [*(dict(entry) for entry in rejected), *gathered.conflicts]
    statistics = content.statistics(lines, duplicates=gathered.duplicates, rejected=len(rejections))
    return freeze(session, version, gathered.rows, lines, statistics=statistics, rejections=rejections)


def freeze(
    session: Session,
    version: DatasetVersion,
    rows: Sequence[Mapping[str, Any]],
    lines: Sequence[content.Line],
    *,
    statistics: Mapping[str, Any],
    rejections: Sequence[Mapping[str, Any]] = (),
) -> Ingested:
    """Write the members and make the version ready, unless its dataset already has one of the same content."""
    content_hash = content.content_hash(lines)
    if (same := _same(session, version, content_hash)) is not None:
        return same
    values = {
        "state": DatasetState.READY,
        "content_hash": content_hash,
        "elements": content.elements(lines),
        "statistics": dict(statistics),
        "rejections": [dict(entry) for entry in rejections[:KEPT_REJECTIONS]],
        "frozen_at": now(),
    }
    try:
        with session.begin_nested():
            session.execute(insert(DatasetMember), rows)
            frozen = update(DatasetVersion).where(DatasetVersion.id == version.id)
            session.execute(frozen.values(values).execution_options(synchronize_session=False))
    except exc.IntegrityError:
        # Another transaction froze the same content in the meantime.
        if (same := _same(session, version, content_hash)) is not None:
            return same
        raise
    session.refresh(version)
    return Ingested(version=version, duplicate=False)


def reject(
    session: Session, version: DatasetVersion, *, rejections: Sequence[Mapping[str, Any]] = (), reason: str
) -> DatasetVersion:
    """End a begun version that cannot be filled: it keeps its number, the reason and the list of what is wrong.

    Raises:
        Immutable: the version is not being made.
    """
    ended = update(DatasetVersion).where(
        DatasetVersion.id == version.id, DatasetVersion.state == DatasetState.INGESTING
    )
    values = {
        "state": DatasetState.REJECTED,
        "reason": reason,
        "rejections": [dict(entry) for entry in rejections[:KEPT_REJECTIONS]],
        "frozen_at": now(),
    }
    done = session.execute(
        ended.values(values).returning(DatasetVersion.id).execution_options(synchronize_session=False)
    ).first()
    session.refresh(version)
    if done is None:
        raise errors.Immutable(f"{version.reference} is {version.state.value}")
    return version


_PLACE = ("structure_id", "group", "trajectory", "split")


def _store(session: Session, method: Method, chunk: Sequence[Frame], gathered: _Gathered) -> None:
    ids = [identity.structure_id(frame.structure) for frame in chunk]
    rows = {found: structures.row(found, frame.structure) for found, frame in zip(ids, chunk, strict=True)}
    structures.insert_missing(session, Structure, rows.values(), ("id",))
    labelled = [index for index, frame in enumerate(chunk) if frame.label is not None]
    label_rows = [
        labels.row(ids[index], method.id, len(chunk[index].structure), given)
        for index in labelled
        if (given := chunk[index].label) is not None
    ]
    answers: dict[int, tuple[int, str] | str] = {}
    if label_rows:
        answers = dict(zip(labelled, labels.store(session, method.id, label_rows), strict=True))
    by_index = dict(zip(labelled, label_rows, strict=True))
    for index, frame in enumerate(chunk):
        answer = answers.get(index)
        if isinstance(answer, str):
            gathered.conflicts.append(_rejection(frame, answer))
            continue
        label_id, digest = answer or (None, None)
        if (ids[index], label_id) in gathered.seen:
            gathered.duplicates += 1
            continue
        gathered.seen.add((ids[index], label_id))
        label = by_index.get(index, {})
        gathered.rows.append(_member(frame, ids[index], label_id))
        gathered.lines.append(
            {
                "structure_id": ids[index],
                "elements": rows[ids[index]]["elements"],
                "n_atoms": len(frame.structure),
                "label_digest": digest,
                "method": method.name if label else None,
                "energy_per_atom": label.get("energy_per_atom"),
                "max_force": label.get("max_force"),
                "has_stress": label.get("stress") is not None,
                "group": frame.group,
                "trajectory": frame.trajectory,
                "split": frame.split,
            }
        )


def _member(frame: Frame, structure_id: str, label_id: int | None) -> dict[str, Any]:
    source = frame.source
    return {
        "structure_id": structure_id,
        "label_id": label_id,
        "group": frame.group,
        "trajectory": frame.trajectory,
        "name": frame.name,
        "source_file": source.file if source else None,
        "source_frame": source.frame if source else None,
        "source_line": source.line if source else None,
    }


def _rejection(frame: Frame, reason: str) -> dict[str, Any]:
    source = frame.source
    return {
        "file": source.file if source else None,
        "frame": source.frame if source else None,
        "line": source.line if source else None,
        "reason": reason,
    }


def _same(session: Session, version: DatasetVersion, content_hash: str) -> Ingested | None:
    query = select(DatasetVersion).where(
        DatasetVersion.dataset_id == version.dataset_id, DatasetVersion.content_hash == content_hash
    )
    same = session.scalars(query).first()
    if same is None:
        return None
    session.execute(delete_rows(DatasetVersion).where(DatasetVersion.id == version.id))
    return Ingested(version=same, duplicate=True)
