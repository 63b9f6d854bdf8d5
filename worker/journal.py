"""What a job says while it runs: kept in memory for a moment, written to the registry in batches."""

import time
from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy.exc import OperationalError

from models_store import jobs
from worker.workplace import Workplace

SECONDS_BETWEEN_WRITES = 1.0

logger = structlog.get_logger(__name__)


class Journal:
    """Collects events of one attempt; a slow job is written event by event, a fast one in batches."""

    def __init__(self, workplace: Workplace, claim: jobs.Claim) -> None:
        self._workplace = workplace
        self._claim = claim
        self._entries: list[jobs.Entry] = []
        self._progress: dict[str, Any] | None = None
        self._written = float("-inf")

    def say(self, message: str, *, level: str = "info") -> None:
        """A line for the job's log."""
        self._add(jobs.Entry(kind="log", data={"level": level, "message": message}))

    def progress(
        self,
        stage: str,
        *,
        epoch: int | None = None,
        epochs: int | None = None,
        seconds_left: float | None = None,
        metrics: Mapping[str, float | None] | None = None,
        message: str | None = None,
    ) -> None:
        """Where the job is now; epochs with metrics also make its learning curve."""
        self._progress = {
            "stage": stage,
            "epoch": epoch,
            "epochs": epochs,
            "seconds_left": seconds_left,
            "metrics": dict(metrics or {}),
            "message": message,
            "fraction": epoch / epochs if epoch is not None and epochs else None,
        }
        if metrics:
            data = {"stage": stage, "epoch": epoch, "epochs": epochs, "metrics": dict(metrics)}
            self._add(jobs.Entry(kind="metrics", data=data))
        else:
            self._write_when_due()

    def _add(self, entry: jobs.Entry) -> None:
        self._entries.append(entry)
        self._write_when_due()

    def _write_when_due(self) -> None:
        if time.monotonic() - self._written >= SECONDS_BETWEEN_WRITES:
            self.write()

    def write(self) -> None:
        """Write what was collected; a registry that does not answer now gets it with the next batch.

        Raises:
            Fenced: the job belongs to another worker by now.
        """
        if not self._entries and self._progress is None:
            return
        lease_seconds = self._workplace.lease_seconds
        try:
            with self._workplace.sessions.begin() as session:
                if self._entries:
                    jobs.record(session, self._claim, self._entries)
                jobs.heartbeat(session, self._claim, lease_seconds=lease_seconds, progress=self._progress)
        except OperationalError as error:
            logger.warning("the journal waits", job_id=self._claim.job_id, reason=str(error))
        else:
            self._entries, self._progress = [], None
        self._written = time.monotonic()
