"""Deletion of versions, with a dry run that says what would go."""

from collections.abc import Callable, Mapping

import sqlalchemy
from sqlalchemy.orm import Session

from models_store import datasets, potentials
from models_store.tables import Artifact, DatasetVersion, PotentialArtifact, PotentialVersion
from nnp_client.wire.versions import Deletion


def potential_version(session: Session, version: PotentialVersion, *, dry_run: bool, actor: str | None) -> Deletion:
    """Delete a potential version, or find out what that would free.

    Raises:
        Immutable: It was promoted once, or something descends from it.
    """
    sizes = {held.sha256: held.artifact.size for held in version.artifacts}
    return _delete(
        session, version.reference, sizes, lambda: potentials.delete(session, version, actor=actor), dry_run=dry_run
    )


def dataset_version(session: Session, version: DatasetVersion, *, dry_run: bool, actor: str | None) -> Deletion:
    """Delete a dataset version, or find out what that would free.

    Raises:
        Immutable: A potential was trained on it, or another version was made from it.
    """
    source = None if version.source_sha256 is None else session.get_one(Artifact, version.source_sha256)
    sizes = {} if source is None else {source.sha256: source.size}
    return _delete(
        session, version.reference, sizes, lambda: datasets.delete(session, version, actor=actor), dry_run=dry_run
    )


def _delete(
    session: Session, reference: str, sizes: Mapping[str, int], delete: Callable[[], None], *, dry_run: bool
) -> Deletion:
    trial = session.begin_nested()
    delete()
    held: set[str | None] = set()
    for column in (PotentialArtifact.sha256, DatasetVersion.source_sha256):
        held |= set(session.scalars(sqlalchemy.select(column).where(column.in_(sizes))))
    if dry_run:
        trial.rollback()
    else:
        trial.commit()
    free = sorted(sizes.keys() - held)
    return Deletion(
        reference=reference, deleted=not dry_run, artifacts=free, bytes=sum(sizes[sha256] for sha256 in free)
    )
