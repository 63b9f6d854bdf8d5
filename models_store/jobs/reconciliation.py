"""What is done about jobs that nobody heard of or nobody holds any more."""

from dataclasses import dataclass

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from models_store import clock, rings
from models_store.jobs import abandonment, event_log
from models_store.tables import AttemptOutcome, Job, JobAttempt, JobState, now

FIRST_PAUSE_SECONDS = 15.0
"""How long a job may wait after its first ring before it is rung again."""
LONGEST_PAUSE_SECONDS = 480.0
"""The pause doubles up to this, so that a job behind a long queue does not fill the broker with messages."""


@dataclass(frozen=True, kw_only=True)
class Due:
    """What one step of the reconciler did: the ids of the jobs.

    Attributes:
        rung: rung, for the first time or again.
        lost: taken back from workers that stopped renewing the lease; they wait in their queue again.
        failed: taken back once too often.
        cancelled: taken back, and somebody had asked to cancel them.
    """

    rung: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()


def due(session: Session, *, limit: int = 100) -> Due:
    """One step: take back jobs whose lease ran out, ring for jobs that wait; the rings go out after the commit.

    Several reconcilers may do this at once: every change is a compare-and-set.
    """
    ended: dict[JobState, list[str]] = {JobState.QUEUED: [], JobState.FAILED: [], JobState.CANCELLED: []}
    for job_id, attempt in session.execute(
        select(Job.id, Job.attempt)
        .where(Job.state == JobState.RUNNING, Job.lease_until < clock.seconds_now())
        .order_by(Job.lease_until)
        .limit(limit)
    ).all():
        state = _take_back(session, job_id, attempt)
        if state is not None:
            ended[state].append(job_id)
    return Due(
        rung=tuple(_ring(session, limit)),
        lost=tuple(ended[JobState.QUEUED]),
        failed=tuple(ended[JobState.FAILED]),
        cancelled=tuple(ended[JobState.CANCELLED]),
    )


def _take_back(session: Session, job_id: str, attempt: int) -> JobState | None:
    exhausted = Job.lost_attempts + 1 >= Job.max_lost_attempts
    state = case(
        (Job.cancel_requested.is_(True), JobState.CANCELLED.value),
        (exhausted, JobState.FAILED.value),
        else_=JobState.QUEUED.value,
    )
    taken = (
        update(Job)
        .where(
            Job.id == job_id,
            Job.attempt == attempt,
            Job.state == JobState.RUNNING,
            Job.lease_until < clock.seconds_now(),
        )
        .values(
            state=state, lost_attempts=Job.lost_attempts + 1, lease_until=None, available_at=0.0, ring_at=0.0, rings=0
        )
        .returning(Job.state, Job.lost_attempts, Job.worker)
        .execution_options(synchronize_session=False)
    )
    row = session.execute(taken).one_or_none()
    if row is None:
        return None
    reason = f"worker {row.worker} stopped renewing its lease"
    session.execute(
        update(JobAttempt)
        .where(JobAttempt.job_id == job_id, JobAttempt.outcome == AttemptOutcome.RUNNING)
        .values(outcome=AttemptOutcome.LOST, detail=reason, finished_at=now())
        .execution_options(synchronize_session=False)
    )
    if row.state != JobState.QUEUED:
        message = f"{row.lost_attempts} workers died over this job, or were killed (often for memory)"
        error = {"code": "attempts_exhausted", "message": message, "retryable": True, "detail": {}}
        values = {"finished_at": now(), "error": error if row.state == JobState.FAILED else None}
        session.execute(update(Job).where(Job.id == job_id).values(values).execution_options(synchronize_session=False))
        ended = "the job was cancelled" if row.state == JobState.CANCELLED else message
        abandonment.reject_begun_versions(session, job_id, ended)
    event_log.say(session, job_id, row.state, reason=reason)
    return row.state


def _ring(session: Session, limit: int) -> list[str]:
    now_seconds = clock.seconds_now()
    waiting = (
        select(Job.id, Job.queue, Job.ring_at, Job.rings)
        .where(Job.state == JobState.QUEUED, Job.ring_at <= now_seconds, Job.available_at <= now_seconds)
        .order_by(Job.priority.desc(), Job.ring_at, Job.id)
        .limit(limit)
    )
    rung = []
    for job_id, queue, ring_at, count in session.execute(waiting).all():
        pause = min(FIRST_PAUSE_SECONDS * 2 ** min(count, 10), LONGEST_PAUSE_SECONDS)
        marked = (
            update(Job)
            .where(Job.id == job_id, Job.state == JobState.QUEUED, Job.ring_at == ring_at)
            .values(ring_at=now_seconds + pause, rings=Job.rings + 1)
            .returning(Job.id)
            .execution_options(synchronize_session=False)
        )
        if session.execute(marked).first():
            rings.collect(session, job_id, queue)
            rung.append(job_id)
    return rung
