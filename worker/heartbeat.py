"""The heartbeat of a running job: its own thread renews the lease and hears of cancellation and loss."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from models_store import errors, jobs
from worker.stopping import CancelRequested, LeaseLost, ShuttingDown
from worker.workplace import Workplace

BEATS_PER_LEASE = 5

logger = structlog.get_logger(__name__)


class Pulse:
    """What the heartbeat learned; the job asks it between two steps."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self.cancelled = threading.Event()
        self.lost = threading.Event()

    def check(self) -> None:
        """Raise the reason (a `JobStopped`) if the job must not go on."""
        if self.lost.is_set():
            raise LeaseLost
        if self.cancelled.is_set():
            raise CancelRequested
        if self._stopping.is_set():
            raise ShuttingDown


@contextmanager
def beating(workplace: Workplace, claim: jobs.Claim) -> Iterator[Pulse]:
    """Beat until the block is left."""
    pulse, finished = Pulse(workplace.stopping), threading.Event()

    def beat() -> None:
        while not finished.wait(workplace.lease_seconds / BEATS_PER_LEASE) and not pulse.lost.is_set():
            _beat_once(workplace, claim, pulse)

    thread = threading.Thread(target=beat, name=f"heartbeat-{claim.job_id}", daemon=True)
    thread.start()
    try:
        yield pulse
    finally:
        finished.set()
        thread.join()


def _beat_once(workplace: Workplace, claim: jobs.Claim, pulse: Pulse) -> None:
    try:
        with workplace.sessions.begin() as session:
            answer = jobs.heartbeat(session, claim, lease_seconds=workplace.lease_seconds)
    except errors.Fenced:
        pulse.lost.set()
    except SQLAlchemyError as error:
        # The registry may be back before the lease ends; if not, the fencing token keeps us from publishing twice.
        logger.warning("heartbeat missed", job_id=claim.job_id, reason=str(error))
    else:
        if answer.cancel_requested:
            pulse.cancelled.set()
