"""Deletion of versions, with a dry run that says what would go."""

import sqlalchemy
from sqlalchemy.orm import Session

from models_store import potentials
from models_store.tables import PotentialArtifact, PotentialVersion
from nnp_client.wire.potentials import Deletion


def potential_version(session: Session, version: PotentialVersion, *, dry_run: bool, actor: str | None) -> Deletion:
    """Delete a potential version, or find out what that would free.

    Raises:
        Immutable: It was promoted once, or something descends from it.
    """
    reference = version.reference
    sizes = {held.sha256: held.artifact.size for held in version.artifacts}
    trial = session.begin_nested()
    potentials.delete(session, version, actor=actor)
    query = sqlalchemy.select(PotentialArtifact.sha256).where(PotentialArtifact.sha256.in_(sizes))
    free = sorted(sizes.keys() - set(session.scalars(query)))
    if dry_run:
        trial.rollback()
    else:
        trial.commit()
    return Deletion(
        reference=reference, deleted=not dry_run, artifacts=free, bytes=sum(sizes[sha256] for sha256 in free)
    )
