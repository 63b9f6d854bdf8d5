"""Collection: artifacts that nothing refers to are removed, after a time, on request."""

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import and_, exists, or_, select, union
from sqlalchemy import delete as delete_rows
from sqlalchemy.orm import Session, sessionmaker

from models_store import audit
from models_store.artifacts import ArtifactStore, Listed
from models_store.tables import (
    Artifact,
    DatasetState,
    DatasetVersion,
    Job,
    JobArtifact,
    JobKind,
    JobState,
    PotentialArtifact,
    now,
)

YOUNG = timedelta(days=1)
"""Artifacts younger than this are kept: what refers to them may be about to be written."""
RETRY_WINDOW = timedelta(days=30)
"""How long the artifacts of failed and cancelled jobs and of rejected uploads are kept, so that they can be retried.
What exports, selections and searches made is kept as long, so that it can be fetched."""


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What a collection removed, or would remove.

    Attributes:
        removed: the artifacts.
        unfinished: how many left-overs of interrupted writers were removed.
        dry_run: nothing was removed.
    """

    removed: tuple[Listed, ...]
    unfinished: int
    dry_run: bool

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(artifact.size for artifact in self.removed)


def collect(
    sessions: sessionmaker[Session],
    store: ArtifactStore,
    *,
    dry_run: bool = False,
    young: timedelta = YOUNG,
    retry_window: timedelta = RETRY_WINDOW,
    actor: str | None = None,
) -> Collected:
    """Remove the artifacts that nothing refers to: first the rows, in one committed transaction, then the bytes.

    In this order a crash leaves bytes without a row, which the next collection removes. Of the file of a rejected
    dataset version the row stays, so that its hash and size are known when its bytes are gone.
    """
    before = time.time() - young.total_seconds()
    listed = [artifact for artifact in store.list() if artifact.put_at < before]
    with sessions() as session:
        kept = _referred(session, retry_window)
    loose = [artifact for artifact in listed if artifact.sha256 not in kept]
    if dry_run:
        return Collected(removed=tuple(loose), unfinished=0, dry_run=True)
    removed = []
    for artifact in loose:
        if _forget(sessions, artifact, retry_window, actor):
            removed.append(artifact)
            store.delete(artifact.sha256, before=before)
    return Collected(removed=tuple(removed), unfinished=store.remove_unfinished(before), dry_run=False)


def missing(session: Session, store: ArtifactStore) -> Iterator[str]:
    """The sha256 of artifacts that are referred to and are not in the store."""
    for sha256 in sorted(_referred(session, RETRY_WINDOW)):
        if not store.exists(sha256):
            yield sha256


def _forget(sessions: sessionmaker[Session], artifact: Listed, retry_window: timedelta, actor: str | None) -> bool:
    """Remove the row unless something refers to it by now."""
    with sessions.begin() as session:
        if artifact.sha256 in _referred(session, retry_window, [artifact.sha256]):
            return False
        session.execute(delete_rows(JobArtifact).where(JobArtifact.sha256 == artifact.sha256))
        named = exists().where(DatasetVersion.source_sha256 == Artifact.sha256)
        session.execute(delete_rows(Artifact).where(Artifact.sha256 == artifact.sha256, ~named))
        audit.record(session, "collect", f"artifact {artifact.sha256}", actor=actor, size=artifact.size)
    return True


def _referred(session: Session, retry_window: timedelta, among: Collection[str] = ()) -> set[str]:
    live = or_(
        Job.state.in_([JobState.QUEUED, JobState.RUNNING]),
        and_(
            or_(
                Job.state.in_([JobState.FAILED, JobState.CANCELLED]),
                Job.kind.in_([JobKind.EXPORT, JobKind.PREVIEW, JobKind.SELECT, JobKind.SEARCH]),
            ),
            Job.finished_at > now() - retry_window,
        ),
    )
    queries = [
        select(PotentialArtifact.sha256),
        select(DatasetVersion.source_sha256).where(
            DatasetVersion.source_sha256.is_not(None),
            or_(DatasetVersion.state != DatasetState.REJECTED, DatasetVersion.frozen_at > now() - retry_window),
        ),
        select(JobArtifact.sha256).join(Job, Job.id == JobArtifact.job_id).where(live),
    ]
    if among:
        columns = (PotentialArtifact.sha256, DatasetVersion.source_sha256, JobArtifact.sha256)
        queries = [query.where(column.in_(among)) for query, column in zip(queries, columns, strict=True)]
    return set(session.scalars(union(*queries)))
