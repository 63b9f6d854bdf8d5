"""Restarts a worker that no longer hears its broker (Celery can stay up, deaf, after a lost Redis connection)."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog

from models_store.doorbell import Doorbell

CHECKS_PER_PERIOD = 4
SECONDS_TO_LEAVE = 10.0

logger = structlog.get_logger(__name__)


class Ear:
    """When this process last heard the doorbell."""

    def __init__(self) -> None:
        self._answering = threading.Event()
        self._last = time.monotonic()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Around the answer to a ring: a worker at work need not listen."""
        self._answering.set()
        try:
            yield
        finally:
            self.heard()
            self._answering.clear()

    def heard(self) -> None:
        """Something came, or there was nothing to hear."""
        self._last = time.monotonic()

    def silent_seconds(self) -> float:
        """Since when nothing was heard; 0 while answering."""
        return 0.0 if self._answering.is_set() else time.monotonic() - self._last


def leave() -> None:
    """Ask the main thread to stop; if it hangs in the broker's library, end the process."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SECONDS_TO_LEAVE)
    os._exit(1)


def start(
    doorbell: Doorbell,
    queues: Sequence[str],
    ear: Ear,
    *,
    deaf_seconds: float,
    stopping: threading.Event,
    leave: Callable[[], None] = leave,
) -> threading.Thread:
    """Watch from a thread; a deaf process ends itself and whoever supervises it starts a new one."""

    def watch() -> None:
        while not stopping.wait(deaf_seconds / CHECKS_PER_PERIOD):
            if not messages_wait(doorbell, queues):
                ear.heard()
            elif ear.silent_seconds() >= deaf_seconds:
                logger.error("deaf: messages wait and none arrives", queues=list(queues))
                leave()
                return

    thread = threading.Thread(target=watch, name="watchdog", daemon=True)
    thread.start()
    return thread


def messages_wait(doorbell: Doorbell, queues: Sequence[str]) -> bool:
    """Whether the broker holds messages; a broker that does not answer is not a deaf worker."""
    try:
        return any(doorbell.waiting(queue) > 0 for queue in queues)
    except Exception as error:
        logger.warning("the broker did not answer", reason=str(error))
        return False
