"""Running a job: claim its row, keep the lease, do the work, publish once."""

import itertools
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models_store import errors, jobs
from models_store.tables import AttemptOutcome
from worker import failing
from worker.failing import Failure, Rejections
from worker.heartbeat import beating
from worker.jobs import evaluate, export, importing, ingest, preview, replicas, search, select, train
from worker.journal import Journal
from worker.stopping import CancelRequested, JobStopped, ShuttingDown
from worker.work import Publish, Work
from worker.workplace import Workplace


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What to do for a kind of job, and what else to write down when it comes to nothing (reason, bad frames)."""

    run: Callable[[Work], Publish]
    abandon: Callable[[Session, Work, str, Rejections], None] = lambda *_: None


KINDS = {
    "ingest": Kind(run=ingest.run, abandon=ingest.abandon),
    "train": Kind(run=train.run),
    "retrain": Kind(run=train.run),
    "evaluate": Kind(run=evaluate.run),
    "import": Kind(run=importing.run),
    "replicas": Kind(run=replicas.run),
    "export": Kind(run=export.run),
    "preview": Kind(run=preview.run),
    "select": Kind(run=select.run),
    "search": Kind(run=search.run),
}
PUBLICATION_PAUSES = (0.5, 2.0, 5.0)
"""Seconds to wait before publishing again when the registry did not answer."""
AUTOMATIC_ATTEMPTS = 5
"""A job that waits for something outside (disk space) is put off so often in a row before it fails."""
LISTED = 100
"""How many bad frames the error of a job lists; a dataset version keeps more."""

logger = structlog.get_logger(__name__)


def run_job(workplace: Workplace, job_id: str) -> None:
    """Run the job if its row is free; a second ring for the same job does nothing."""
    with workplace.sessions.begin() as session:
        claim = jobs.claim(session, job_id, worker=workplace.name, lease_seconds=workplace.lease_seconds)
    if claim is None:
        logger.info("nothing to claim", job_id=job_id)
        return
    with structlog.contextvars.bound_contextvars(job_id=job_id, kind=claim.kind, attempt=claim.attempt):
        logger.info("claimed")
        _attempt(workplace, claim)


def _attempt(workplace: Workplace, claim: jobs.Claim) -> None:
    journal = Journal(workplace, claim)
    with beating(workplace, claim) as pulse:
        work = Work(workplace=workplace, claim=claim, pulse=pulse, journal=journal)
        try:
            work.check()
            publish = KINDS[claim.kind].run(work)
            journal.write()
            _publish(work, publish)
        except (errors.Fenced, JobStopped) as stopped:
            _stop(work, stopped)
        except Exception as error:
            _fail(work, error)
        else:
            shutil.rmtree(work.checkpoint_directory, ignore_errors=True)
            logger.info("succeeded")


def _publish(work: Work, publish: Publish) -> None:
    """The rows and `succeeded` in one transaction, fenced: a late finisher fails here with nothing written."""
    for pause in (*PUBLICATION_PAUSES, None):
        try:
            with work.workplace.sessions.begin() as session:
                result = publish(session)
                jobs.succeed(session, work.claim, result)
        except OperationalError as error:
            if pause is None:
                raise
            logger.warning("publication waits", reason=str(error), pause_seconds=pause)
            time.sleep(pause)
        else:
            return


def _stop(work: Work, stopped: errors.Fenced | JobStopped) -> None:
    logger.info("stopped", reason=type(stopped).__name__)
    try:
        if isinstance(stopped, CancelRequested):
            work.journal.write()
            with work.workplace.sessions.begin() as session:
                KINDS[work.claim.kind].abandon(session, work, "the job was cancelled", ())
                jobs.cancelled(session, work.claim)
        elif isinstance(stopped, ShuttingDown):
            work.journal.write()
            with work.workplace.sessions.begin() as session:
                jobs.release(session, work.claim, reason="the worker was asked to stop")
    except errors.Fenced:
        logger.info("the job belongs to another worker")


def _fail(work: Work, error: Exception) -> None:
    """Write down why; if even that fails (full disk, database gone), the lease runs out and the job starts again."""
    failure = failing.explain(error)
    level = logging.ERROR if failure.traceback else logging.WARNING
    logger.log(level, "failed", code=failure.code, message=failure.message, exc_info=failure.traceback)
    try:
        work.journal.write()
        with work.workplace.sessions.begin() as session:
            waited = _waited(session, work, failure)
            if failure.pause_seconds is not None and waited < AUTOMATIC_ATTEMPTS:
                delay = failure.pause_seconds * (1 + waited)
                jobs.release(session, work.claim, reason=_reason(failure), delay_seconds=delay)
            else:
                _end(session, work, failure)
    except errors.Fenced:
        logger.info("the job belongs to another worker")
    except Exception as second:
        logger.exception("the failure could not be recorded", reason=str(second))


def _reason(failure: Failure) -> str:
    return f"{failure.code}: {failure.message}"


def _waited(session: Session, work: Work, failure: Failure) -> int:
    """How often in a row the job was already put off for this reason."""
    before = [attempt for attempt in jobs.attempts(session, work.claim.job_id) if attempt.number < work.claim.attempt]
    put_off = itertools.takewhile(lambda attempt: (attempt.detail or "").startswith(failure.code), reversed(before))
    return sum(attempt.outcome == AttemptOutcome.RELEASED for attempt in put_off)


def _end(session: Session, work: Work, failure: Failure) -> None:
    KINDS[work.claim.kind].abandon(session, work, failure.message, failure.rejections)
    detail = {**failure.detail, **({"rejections": failure.rejections[:LISTED]} if failure.rejections else {})}
    jobs.fail(
        session,
        work.claim,
        code=failure.code,
        message=failure.message,
        retryable=failure.retryable,
        detail=detail,
    )
