"""Lineage: from any version back to job, recipe, dataset version, code and packages; what was withdrawn on the way."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import CTE, select
from sqlalchemy.orm import Session, aliased

from models_store.tables import DatasetState, DatasetVersion, Job, PotentialState, PotentialVersion


def of_potential(session: Session, version: PotentialVersion) -> dict[str, Any]:
    """Where a potential version comes from, as JSON; its warm-start parents are in `parents`, the nearest first."""
    parents = [found for found in _potential_line(session, version) if found.id != version.id]
    return {
        **_potential(session, version),
        "parents": [_potential(session, parent) for parent in parents],
        "withdrawn_ancestors": withdrawn_ancestors(session, [version])[version.id],
    }


def of_dataset(session: Session, version: DatasetVersion) -> dict[str, Any]:
    """Where a dataset version comes from, and what was made from it, as JSON."""
    line = _dataset_line(session, version)
    children = session.scalars(
        select(DatasetVersion).where(DatasetVersion.parent_id == version.id).order_by(DatasetVersion.id)
    )
    trained = session.scalars(
        select(PotentialVersion).where(PotentialVersion.dataset_version_id == version.id).order_by(PotentialVersion.id)
    )
    return {
        **_dataset(version),
        "job": _job(session, version.job_id),
        "parents": [_dataset(found) for found in line if found.id != version.id],
        "withdrawn_ancestors": [
            _sentence("dataset", found)
            for found in line
            if found.id != version.id and found.state == DatasetState.WITHDRAWN
        ],
        "children": [child.reference for child in children],
        "potentials": [potential.reference for potential in trained],
    }


def withdrawn_ancestors(session: Session, versions: Iterable[PotentialVersion]) -> dict[int, list[str]]:
    """For each potential version (by row id) what it learnt from that was withdrawn since, in sentences.

    That is the dataset version it was trained on, the versions it was warm-started from, and theirs; and, in other
    words because the bad frames may have been left out, what those dataset versions were made from. Two queries,
    however many versions are asked about.
    """
    asked = list(versions)
    if not asked:
        return {}
    line = (
        select(PotentialVersion.id.label("asked"), PotentialVersion.id, PotentialVersion.parent_id)
        .where(PotentialVersion.id.in_([version.id for version in asked]))
        .cte("line", recursive=True)
    )
    line = line.union(
        select(line.c.asked, PotentialVersion.id, PotentialVersion.parent_id).join(
            line, PotentialVersion.id == line.c.parent_id
        )
    )
    potentials = session.execute(
        select(line.c.asked, PotentialVersion)
        .join(PotentialVersion, PotentialVersion.id == line.c.id)
        .where(PotentialVersion.state == PotentialState.WITHDRAWN, PotentialVersion.id != line.c.asked)
        .order_by(PotentialVersion.id.desc())
    )
    found: dict[int, list[str]] = {version.id: [] for version in asked}
    for asked_id, sentence in itertools.chain(
        _withdrawn_data(session, line), ((asked_id, _sentence("potential", row)) for asked_id, row in potentials)
    ):
        if sentence not in found[asked_id]:
            found[asked_id].append(sentence)
    return found


def _withdrawn_data(session: Session, line: CTE) -> Iterator[tuple[int, str]]:
    """For the potentials in `line`, which dataset versions behind them are withdrawn: first those trained on."""
    trained_on = (
        select(line.c.asked, DatasetVersion.id.label("used"), DatasetVersion.id, DatasetVersion.parent_id)
        .join(PotentialVersion, PotentialVersion.id == line.c.id)
        .join(DatasetVersion, DatasetVersion.id == PotentialVersion.dataset_version_id)
        .cte("data", recursive=True)
    )
    data = trained_on.union(
        select(trained_on.c.asked, trained_on.c.used, DatasetVersion.id, DatasetVersion.parent_id).join(
            trained_on, DatasetVersion.id == trained_on.c.parent_id
        )
    )
    used = aliased(DatasetVersion)
    rows = session.execute(
        select(data.c.asked, used, DatasetVersion)
        .join(used, used.id == data.c.used)
        .join(DatasetVersion, DatasetVersion.id == data.c.id)
        .where(DatasetVersion.state == DatasetState.WITHDRAWN)
        .order_by(used.id.desc(), DatasetVersion.id.desc())
    ).all()
    learnt_from = {(asked, withdrawn.id) for asked, trained, withdrawn in rows if trained.id == withdrawn.id}
    for asked, trained, withdrawn in rows:
        if trained.id == withdrawn.id:
            yield asked, _sentence("dataset", withdrawn)
    for asked, trained, withdrawn in rows:
        if (asked, withdrawn.id) not in learnt_from:
            yield (
                asked,
                f"dataset {trained.reference} was made from {withdrawn.reference}, "
                f"which was withdrawn: {withdrawn.reason}",
            )


def _potential_line(session: Session, version: PotentialVersion) -> Sequence[PotentialVersion]:
    line = select(PotentialVersion.id, PotentialVersion.parent_id).where(PotentialVersion.id == version.id)
    cte = line.cte("line", recursive=True)
    cte = cte.union(
        select(PotentialVersion.id, PotentialVersion.parent_id).join(cte, PotentialVersion.id == cte.c.parent_id)
    )
    query = select(PotentialVersion).where(PotentialVersion.id.in_(select(cte.c.id)))
    return session.scalars(query.order_by(PotentialVersion.id.desc())).all()


def _dataset_line(session: Session, version: DatasetVersion) -> Sequence[DatasetVersion]:
    line = select(DatasetVersion.id, DatasetVersion.parent_id).where(DatasetVersion.id == version.id)
    cte = line.cte("line", recursive=True)
    cte = cte.union(select(DatasetVersion.id, DatasetVersion.parent_id).join(cte, DatasetVersion.id == cte.c.parent_id))
    query = select(DatasetVersion).where(DatasetVersion.id.in_(select(cte.c.id)))
    return session.scalars(query.order_by(DatasetVersion.id.desc())).all()


def _potential(session: Session, version: PotentialVersion) -> dict[str, Any]:
    dataset = session.get(DatasetVersion, version.dataset_version_id) if version.dataset_version_id else None
    return {
        "version": version.reference,
        "state": version.state.value,
        "created_at": version.created_at.isoformat(),
        "created_by": version.created_by,
        "job": _job(session, version.job_id),
        "origin": version.origin,
        "recipe": version.recipe,
        "recipe_hash": version.recipe_hash,
        "dataset": _dataset(dataset) if dataset else None,
        "code_version": version.code_version,
        "package_versions": version.package_versions,
        "artifacts": version.artifact_hashes,
    }


def _dataset(version: DatasetVersion) -> dict[str, Any]:
    return {
        "version": version.reference,
        "state": version.state.value,
        "content_hash": version.content_hash,
        "source_sha256": version.source_sha256,
        "note": version.note,
        "created_at": version.created_at.isoformat(),
        "created_by": version.created_by,
    }


def _job(session: Session, job_id: str | None) -> dict[str, Any] | None:
    job = session.get(Job, job_id) if job_id else None
    if job is None:
        return None
    return {
        "id": job.id,
        "kind": job.kind.value,
        "attempt": job.attempt,
        "created_by": job.created_by,
        "created_at": job.created_at.isoformat(),
    }


def _sentence(kind: str, version: DatasetVersion | PotentialVersion) -> str:
    return f"{kind} {version.reference} was withdrawn: {version.reason}"
