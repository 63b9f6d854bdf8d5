"""Waiting for what a job says next: short reads in turn, no transaction held in between."""

import asyncio
import time
from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool

from models_store import jobs
from nnp_client.wire import jobs as wire
from service.parts import Parts
from service.views import jobs as views

LONGEST_WAIT_SECONDS = 30.0
PAUSE_SECONDS = 0.25


async def wait_for(
    parts: Parts, job_id: str, *, after: int, kinds: Sequence[str], limit: int, wait_seconds: float
) -> wire.JobEvents:
    """The events after number `after`; if there are none and the job goes on, wait for some.

    Raises:
        NotFound: There is no such job.
    """
    end = time.monotonic() + min(wait_seconds, LONGEST_WAIT_SECONDS)
    while True:
        found = await run_in_threadpool(_read, parts, job_id, after, kinds, limit)
        left = end - time.monotonic()
        if found.events or found.state in wire.FINAL_STATES or left <= 0:
            return found
        await asyncio.sleep(min(PAUSE_SECONDS, left))


def _read(parts: Parts, job_id: str, after: int, kinds: Sequence[str], limit: int) -> wire.JobEvents:
    with parts.read_sessions() as session:
        job = jobs.get(session, job_id)
        entries = jobs.events(session, job_id, after=after, kinds=kinds, limit=limit)
        return views.events(job, entries, after)
