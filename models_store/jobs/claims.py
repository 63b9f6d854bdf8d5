"""What a worker does with a job it holds. The attempt's number is the fencing token: every write carries it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, case, func, insert, or_, update
from sqlalchemy.orm import Session

from models_store import clock, errors, rings
from models_store.jobs import abandonment, event_log
from models_store.jobs.reconciliation import FIRST_PAUSE_SECONDS
from models_store.tables import AttemptOutcome, EventKind, Job, JobArtifact, JobAttempt, JobKind, JobState, now


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A job as its worker holds it.

    Attributes:
        job_id: the job.
        attempt: the fencing token; counts the claims of the job from 1.
        kind: what is to be done.
        queue: the queue it was claimed from.
        payload: what the worker needs to know.
        parent_id: the job this one is a part of.
        created_by: who submitted it; what it makes is theirs.
    """

    job_id: str
    attempt: int
    kind: JobKind
    queue: str
    payload: Mapping[str, Any]
    parent_id: str | None = None
    created_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """What a heartbeat brings back: whether somebody asked to cancel the job."""

    cancel_requested: bool


def claim(session: Session, job_id: str, *, worker: str, lease_seconds: float) -> Claim | None:
    """Take the job if it waits, or if the lease of who held it ran out; None if there is nothing to take.

    One compare-and-set UPDATE: of any number of workers that were rung, one gets the job.
    """
    now_seconds = clock.seconds_now()
    free = or_(
        and_(Job.state == JobState.QUEUED, Job.available_at <= now_seconds),
        and_(
            Job.state == JobState.RUNNING,
            Job.lease_until < now_seconds,
            Job.cancel_requested.is_(False),
            Job.lost_attempts + 1 < Job.max_lost_attempts,
        ),
    )
    taken = (
        update(Job)
        .where(Job.id == job_id, free)
        .values(
            state=JobState.RUNNING,
            attempt=Job.attempt + 1,
            lost_attempts=Job.lost_attempts + case((Job.state == JobState.RUNNING, 1), else_=0),
            worker=worker,
            lease_until=now_seconds + lease_seconds,
            started_at=func.coalesce(Job.started_at, now()),
            last_event=Job.last_event + 1,
        )
        .returning(Job.attempt, Job.kind, Job.queue, Job.payload, Job.parent_id, Job.created_by, Job.last_event)
        .execution_options(synchronize_session=False)
    )
    row = session.execute(taken).one_or_none()
    if row is None:
        return None
    _end_attempts(session, job_id, AttemptOutcome.LOST, before=row.attempt)
    session.execute(insert(JobAttempt).values(job_id=job_id, number=row.attempt, worker=worker))
    data = {"state": JobState.RUNNING, "worker": worker}
    event_log.add(session, job_id, row.attempt, row.last_event, [event_log.Entry(kind=EventKind.STATE, data=data)])
    return Claim(
        job_id=job_id,
        attempt=row.attempt,
        kind=row.kind,
        queue=row.queue,
        payload=row.payload,
        parent_id=row.parent_id,
        created_by=row.created_by,
    )


def heartbeat(
    session: Session, held: Claim, *, lease_seconds: float, progress: Mapping[str, Any] | None = None
) -> Pulse:
    """Renew the lease, tell how far the job is, and learn whether it is to be cancelled.

    Raises:
        Fenced: the job is no longer held by this attempt.
    """
    values: dict[str, Any] = {"lease_until": clock.seconds_now() + lease_seconds}
    if progress is not None:
        values["progress"] = dict(progress)
    row = _write(session, held, values)
    return Pulse(cancel_requested=row.cancel_requested)


def record(session: Session, held: Claim, entries: Sequence[event_log.Entry]) -> int:
    """Write events; returns the number of the last one.

    Raises:
        Fenced: the job is no longer held by this attempt.
    """
    row = _write(session, held, {"last_event": Job.last_event + len(entries)})
    event_log.add(session, held.job_id, held.attempt, row.last_event, entries)
    return row.last_event


def keep(session: Session, held: Claim, artifacts: Mapping[str, str]) -> None:
    """Keep registered artifacts that the job made (sha256 by role) for a time; for the transaction of `succeed`."""
    rows = [{"job_id": held.job_id, "role": role, "sha256": sha256} for role, sha256 in artifacts.items()]
    session.execute(insert(JobArtifact), rows)


def succeed(session: Session, held: Claim, result: Mapping[str, Any]) -> None:
    """End the job with its result, in the transaction that writes what it made.

    Raises:
        Fenced: the job is no longer held by this attempt; roll back what was made.
    """
    _end(session, held, JobState.SUCCEEDED, AttemptOutcome.SUCCEEDED, {"result": dict(result)})


def fail(
    session: Session,
    held: Claim,
    *,
    code: str,
    message: str,
    retryable: bool = False,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """End the job with an error.

    Raises:
        Fenced: the job is no longer held by this attempt.
    """
    error = {"code": code, "message": message, "retryable": retryable, "detail": dict(detail or {})}
    _end(session, held, JobState.FAILED, AttemptOutcome.FAILED, {"error": error}, said=message)


def cancelled(session: Session, held: Claim) -> None:
    """End the job because somebody asked to cancel it.

    Raises:
        Fenced: the job is no longer held by this attempt.
    """
    _end(session, held, JobState.CANCELLED, AttemptOutcome.CANCELLED, {})


def release(session: Session, held: Claim, *, reason: str, delay_seconds: float = 0.0) -> None:
    """Give the job back unfinished (the worker shuts down, the disk is full): it waits in its queue again.

    Not counted as a lost attempt. A cancel request that came meanwhile ends the job instead.

    Raises:
        Fenced: the job is no longer held by this attempt.
    """
    now_seconds = clock.seconds_now()
    values = {
        "state": JobState.QUEUED,
        "lease_until": None,
        "available_at": now_seconds + delay_seconds,
        "ring_at": now_seconds + (delay_seconds or FIRST_PAUSE_SECONDS),
        "rings": 0 if delay_seconds else 1,
        "last_event": Job.last_event + 1,
    }
    row = _write(session, held, values)
    data = {"state": JobState.QUEUED, "reason": reason}
    event_log.add(
        session, held.job_id, held.attempt, row.last_event, [event_log.Entry(kind=EventKind.STATE, data=data)]
    )
    _end_attempts(session, held.job_id, AttemptOutcome.RELEASED, detail=reason)
    if row.cancel_requested:
        session.execute(update(Job).where(Job.id == held.job_id).values(state=JobState.CANCELLED, finished_at=now()))
        event_log.say(session, held.job_id, JobState.CANCELLED)
        abandonment.reject_begun_versions(session, held.job_id, "the job was cancelled")
    elif not delay_seconds:
        rings.collect(session, held.job_id, held.queue)


def _end(
    session: Session,
    held: Claim,
    state: JobState,
    outcome: AttemptOutcome,
    values: Mapping[str, Any],
    *,
    said: str | None = None,
) -> None:
    written = {"state": state, "finished_at": now(), "lease_until": None, "last_event": Job.last_event + 1, **values}
    row = _write(session, held, written)
    data = {"state": state} if said is None else {"state": state, "message": said}
    event_log.add(
        session, held.job_id, held.attempt, row.last_event, [event_log.Entry(kind=EventKind.STATE, data=data)]
    )
    _end_attempts(session, held.job_id, outcome, detail=said)


def _write(session: Session, held: Claim, values: Mapping[str, Any]) -> Any:
    """Change the job's row if this attempt still holds it."""
    written = (
        update(Job)
        .where(Job.id == held.job_id, Job.attempt == held.attempt, Job.state == JobState.RUNNING)
        .values(dict(values))
        .returning(Job.last_event, Job.cancel_requested)
        .execution_options(synchronize_session=False)
    )
    row = session.execute(written).one_or_none()
    if row is None:
        raise errors.Fenced(f"attempt {held.attempt} no longer holds job {held.job_id}; nothing was written")
    return row


def _end_attempts(
    session: Session, job_id: str, outcome: AttemptOutcome, *, detail: str | None = None, before: int | None = None
) -> None:
    ended = update(JobAttempt).where(JobAttempt.job_id == job_id, JobAttempt.outcome == AttemptOutcome.RUNNING)
    if before is not None:
        ended = ended.where(JobAttempt.number < before)
    session.execute(
        ended.values(outcome=outcome, detail=detail, finished_at=now()).execution_options(synchronize_session=False)
    )
