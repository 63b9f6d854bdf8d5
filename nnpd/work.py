"""`nnpd work`: becomes a Celery worker, or the reconciler; the process id stays the same."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn


def worker_arguments(queues: Sequence[str], *, log_level: str) -> list[str]:
    """Command line of one worker process: one job at a time, in the main thread (torch and fork do not mix)."""
    return [
        *(sys.executable, "-m", "celery", "--app", "worker.main", "--quiet", "worker"),
        *("--pool", "solo", "--concurrency", "1", "--queues", ",".join(queues)),
        *("--hostname", f"{'-'.join(queues)}-{os.getpid()}@%h", "--loglevel", log_level),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]


def become_worker(queues: Sequence[str], *, log_level: str) -> NoReturn:
    """Replace this process by a worker of `queues`."""
    os.execv(sys.executable, worker_arguments(queues, log_level=log_level))


def become_reconciler() -> NoReturn:
    """Replace this process by the reconciler."""
    os.execv(sys.executable, [sys.executable, "-m", "worker.reconciler"])
