"""Following a job by long polls."""

import time
from collections.abc import Iterator
from typing import Protocol

from nnp_client import errors
from nnp_client.wire import jobs as wire

POLL_SECONDS = 10.0


class Events(Protocol):
    """What following needs of a client."""

    def events(self, job_id: str, *, after: int = 0, wait_seconds: float = 0.0) -> wire.JobEvents:
        """Events after a number, waiting for some."""
        ...


def watch(client: Events, job_id: str, *, timeout_seconds: float | None) -> Iterator[wire.JobEvents]:
    """Follow a job to its end.

    Args:
        client: Reads events.
        job_id: The job.
        timeout_seconds: Longest time to follow, in s; None to the end of the job.

    Yields:
        New events with the job's state and progress; the last one has a final state.

    Raises:
        TimedOutError: The job did not end in time.
    """
    end = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    after = 0
    while True:
        left = POLL_SECONDS if end is None else end - time.monotonic()
        found = client.events(job_id, after=after, wait_seconds=max(0.0, min(POLL_SECONDS, left)))
        ended = found.state in wire.FINAL_STATES
        # A page that is not the last one comes with the state too: the job has ended when nothing is left to read.
        if found.events or ended:
            yield found
        if ended and not found.events:
            return
        if not ended and left <= 0:
            raise errors.TimedOutError(f"job {job_id} is still {found.state.value} after {timeout_seconds:g} s")
        after = found.last


def succeeded(job: wire.JobOut) -> wire.JobOut:
    """The job, if it succeeded.

    Raises:
        JobError: It failed or was cancelled.
    """
    if job.state == wire.JobState.SUCCEEDED:
        return job
    reason = f": {job.error.message}" if job.error is not None else ""
    raise errors.JobError(f"job {job.id} ({job.kind.value}) {job.state.value}{reason}", job_id=job.id, state=job.state)
