"""What clients ask for: submit, look at, cancel and retry jobs."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import exc, func, insert, select, update
from sqlalchemy.orm import Session

from models_store import clock, errors, identifiers, rings
from models_store.jobs import abandonment, event_log
from models_store.jobs.reconciliation import FIRST_PAUSE_SECONDS
from models_store.tables import Job, JobArtifact, JobAttempt, JobKind, JobState, now

QUEUES: Mapping[JobKind, str] = {
    JobKind.INGEST: "default",
    JobKind.EVALUATE: "default",
    JobKind.TRAIN: "train",
    JobKind.RETRAIN: "train",
    JobKind.IMPORT: "train",
    JobKind.REPLICAS: "train",
    JobKind.EXPORT: "default",
    JobKind.PREVIEW: "train",
    JobKind.SELECT: "train",
    JobKind.SEARCH: "train",
}
"""The queue of each kind, named after the resource it needs."""

LIVE = (JobState.QUEUED, JobState.RUNNING)


def submit(
    session: Session,
    kind: JobKind | str,
    payload: Mapping[str, Any],
    *,
    queue: str | None = None,
    parent_id: str | None = None,
    priority: int = 0,
    idempotency_key: str | None = None,
    artifacts: Mapping[str, str] | None = None,
    max_lost_attempts: int = 3,
    actor: str | None = None,
) -> Job:
    """Queue a job and ring for it after the commit.

    Args:
        session: the transaction.
        kind: what is to be done.
        payload: what the worker needs to know, JSON; never changed afterwards.
        queue: of another resource than the kind's own.
        parent_id: the job this one is a part of.
        priority: higher goes first among the jobs that the reconciler rings.
        idempotency_key: the same key again gives the job that was submitted with it.
        artifacts: sha256 by role of registered artifacts that must be kept while the job can run.
        max_lost_attempts: the job fails when this many workers died over it.
        actor: who asks.

    Raises:
        Conflict: the key was used for a different job.
    """
    kind = JobKind(kind)
    if idempotency_key is not None and (known := _by_key(session, idempotency_key, kind, payload)):
        return known
    job = Job(
        id=identifiers.new(),
        kind=kind,
        state=JobState.QUEUED,
        queue=queue or QUEUES[kind],
        priority=priority,
        parent_id=parent_id,
        payload=dict(payload),
        idempotency_key=idempotency_key,
        max_lost_attempts=max_lost_attempts,
        created_by=actor,
        ring_at=clock.seconds_now() + FIRST_PAUSE_SECONDS,
        rings=1,
    )
    try:
        with session.begin_nested():
            session.add(job)
    except exc.IntegrityError:
        if idempotency_key is not None and (known := _by_key(session, idempotency_key, kind, payload)):
            return known
        raise
    if artifacts:
        session.execute(
            insert(JobArtifact), [{"job_id": job.id, "role": role, "sha256": sha} for role, sha in artifacts.items()]
        )
    event_log.say(session, job.id, JobState.QUEUED)
    rings.collect(session, job.id, job.queue)
    session.refresh(job)
    return job


def get(session: Session, job_id: str) -> Job:
    """The job, as it is now.

    Raises:
        NotFound: there is none with this id.
    """
    job = session.get(Job, job_id, populate_existing=True)
    if job is None:
        raise errors.NotFound("job", job_id)
    return job


def search(
    session: Session,
    *,
    kinds: Collection[str] = (),
    states: Collection[str] = (),
    queue: str | None = None,
    parent_id: str | None = None,
    limit: int = 100,
    before: str | None = None,
) -> Sequence[Job]:
    """Jobs, the newest first; `before` is the id of the last one of the page before."""
    query = select(Job)
    if kinds:
        query = query.where(Job.kind.in_([JobKind(kind) for kind in kinds]))
    if states:
        query = query.where(Job.state.in_([JobState(state) for state in states]))
    if queue is not None:
        query = query.where(Job.queue == queue)
    if parent_id is not None:
        query = query.where(Job.parent_id == parent_id)
    if before is not None:
        query = query.where(Job.id < before)
    return session.scalars(query.order_by(Job.id.desc()).limit(limit)).all()


def count_by_state(session: Session) -> dict[tuple[str, str], int]:
    """How many jobs there are by (queue, state)."""
    rows = session.execute(select(Job.queue, Job.state, func.count()).group_by(Job.queue, Job.state))
    return {(queue, state.value): number for queue, state, number in rows}


def attempts(session: Session, job_id: str) -> Sequence[JobAttempt]:
    """Who worked on the job, in order."""
    return session.scalars(select(JobAttempt).where(JobAttempt.job_id == job_id).order_by(JobAttempt.number)).all()


def cancel(session: Session, job_id: str, *, actor: str | None = None) -> Job:
    """Cancel a queued job at once; ask the worker of a running one to stop. An ended job stays as it is.

    Raises:
        NotFound: there is no such job.
    """
    get(session, job_id)
    waiting = update(Job).where(Job.id == job_id, Job.state == JobState.QUEUED)
    if session.execute(waiting.values(state=JobState.CANCELLED, finished_at=now()).returning(Job.id)).first():
        event_log.say(session, job_id, JobState.CANCELLED, actor=actor)
        abandonment.reject_begun_versions(session, job_id, "the job was cancelled")
        return get(session, job_id)
    running = update(Job).where(Job.id == job_id, Job.state == JobState.RUNNING, Job.cancel_requested.is_(False))
    if session.execute(running.values(cancel_requested=True).returning(Job.id)).first():
        event_log.say(session, job_id, "cancel_requested", actor=actor)
    return get(session, job_id)


def retry(session: Session, job_id: str, *, actor: str | None = None) -> Job:
    """Queue a failed or cancelled job again; it goes on from its checkpoint, if it has one.

    Raises:
        NotFound: there is no such job.
        Conflict: the job is queued or running, or has succeeded.
    """
    ended = update(Job).where(Job.id == job_id, Job.state.in_([JobState.FAILED, JobState.CANCELLED]))
    values = {
        "state": JobState.QUEUED,
        "error": None,
        "finished_at": None,
        "cancel_requested": False,
        "lost_attempts": 0,
        "available_at": 0.0,
        "lease_until": None,
        "ring_at": clock.seconds_now() + FIRST_PAUSE_SECONDS,
        "rings": 1,
    }
    if not session.execute(ended.values(values).returning(Job.id)).first():
        job = get(session, job_id)
        raise errors.Conflict(f"the job is {job.state.value}", advice="only failed and cancelled jobs are retried")
    event_log.say(session, job_id, JobState.QUEUED, actor=actor, reason="retried")
    job = get(session, job_id)
    rings.collect(session, job_id, job.queue)
    return job


def _by_key(session: Session, key: str, kind: JobKind, payload: Mapping[str, Any]) -> Job | None:
    job = session.scalars(select(Job).where(Job.idempotency_key == key)).first()
    if job is not None and (job.kind != kind or _canonical(job.payload) != _canonical(payload)):
        raise errors.Conflict(
            f"the idempotency key {key!r} was used for a different job ({job.id})", advice="use a new key per request"
        )
    return job


def _canonical(payload: Mapping[str, Any]) -> bytes:
    return orjson.dumps(dict(payload), option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY)
