"""One attempt at one job, as the functions in `worker/jobs` see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from models_store import jobs
from worker.heartbeat import Pulse
from worker.journal import Journal
from worker.workplace import Workplace

Publish = Callable[[Session], dict[str, Any]]
"""Writes the rows of a finished job and returns its result; called in the transaction that makes it `succeeded`."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What to do, with what, and whom to tell."""

    workplace: Workplace
    claim: jobs.Claim
    pulse: Pulse
    journal: Journal

    @property
    def payload(self) -> Mapping[str, Any]:
        """What was asked for."""
        return self.claim.payload

    @property
    def checkpoint_directory(self) -> Path:
        """Where the job keeps what the next attempt goes on from, and files while it runs; removed when it succeeds."""
        return self.workplace.checkpoints / self.claim.job_id

    def check(self) -> None:
        """Raise a `JobStopped` if the job must not go on here; called between two steps."""
        self.pulse.check()
