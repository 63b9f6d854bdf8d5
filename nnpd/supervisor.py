"""Keeps a few processes alive: restarts what crashes, with growing pauses, and stops all on SIGINT or SIGTERM."""

import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from nnpd import child
from nnpd.errors import ChildFailedError

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STEADY_AFTER = 30.0
"""Seconds a process must live for its next crash to count as the first one again."""
EARLY_FAILURES = 5
"""Crashes in a row, each before STEADY_AFTER, of a process that was never steady, after which we give up."""

logger = structlog.get_logger(__name__)


@dataclass
class Slot:
    """One process to keep alive, with its crash count; `process` is None while it waits for its restart."""

    command: child.Command
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restart_at: float = 0.0
    crashes: int = 0
    was_steady: bool = False


class Supervisor:
    """Runs `commands` until a signal asks it to stop."""

    def __init__(
        self,
        commands: Sequence[child.Command],
        *,
        stop_seconds: float,
        on_start: Callable[[str, int], None] = lambda _name, _pid: None,
    ) -> None:
        self._slots = [Slot(command=command) for command in commands]
        self._stop_seconds = stop_seconds
        self._on_start = on_start
        self._signals: list[int] = []

    def run(self) -> int:
        """Start all, keep them alive, stop all; returns the signal that asked for it.

        Raises:
            ChildFailedError: a process never came up; the others were stopped.
        """
        with self._listening() as wake:
            try:
                while not self._signals:
                    self._start_due()
                    wake(self._seconds_to_next_start())
                    self._reap()
            finally:
                self._stop(wake)
        return self._signals[0]

    def _start_due(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if slot.process is None and slot.restart_at <= now:
                slot.process, slot.started = child.start(slot.command), now
                self._on_start(slot.command.name, slot.process.pid)
                logger.info("started", child=slot.command.name, pid=slot.process.pid)

    def _seconds_to_next_start(self) -> float | None:
        waiting = [slot.restart_at for slot in self._slots if slot.process is None]
        return max(0.0, min(waiting) - time.monotonic()) if waiting else None

    def _reap(self) -> None:
        for slot in self._slots:
            if slot.process is None or slot.process.poll() is None:
                continue
            now, code, pid = time.monotonic(), slot.process.returncode, slot.process.pid
            slot.process = None
            if now - slot.started >= STEADY_AFTER:
                slot.crashes, slot.was_steady = 0, True
            pause = min(FIRST_PAUSE * 2**slot.crashes, LONGEST_PAUSE)
            slot.crashes += 1
            slot.restart_at = now + pause
            logger.warning("restarting", child=slot.command.name, pid=pid, code=code, pause_seconds=pause)
            if slot.crashes >= EARLY_FAILURES and not slot.was_steady:
                raise ChildFailedError(slot.command.name, code)

    def _stop(self, wake: Callable[[float | None], None]) -> None:
        """SIGTERM to all; SIGKILL to those still there after `stop_seconds` or at a second signal to us."""
        heard = len(self._signals)
        for slot in self._running():
            slot.process.terminate()  # type: ignore[union-attr]
        deadline = time.monotonic() + self._stop_seconds
        while self._running() and time.monotonic() < deadline and len(self._signals) == heard:
            wake(min(0.5, max(0.0, deadline - time.monotonic())))
        for slot in self._running():
            logger.warning("killing", child=slot.command.name, pid=slot.process.pid)  # type: ignore[union-attr]
            slot.process.kill()  # type: ignore[union-attr]
        for slot in self._slots:
            if slot.process is not None:
                slot.process.wait()

    def _running(self) -> list[Slot]:
        return [slot for slot in self._slots if slot.process is not None and slot.process.poll() is None]

    @contextmanager
    def _listening(self) -> Iterator[Callable[[float | None], None]]:
        """Signals (our end, a child's end) wake the loop through a socket pair: none is missed between two checks."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)

        def wake(timeout: float | None) -> None:
            if select.select([reader], [], [], timeout)[0]:
                reader.recv(4096)

        handlers = {
            signal.SIGINT: lambda number, _: self._signals.append(number),
            signal.SIGTERM: lambda number, _: self._signals.append(number),
            signal.SIGCHLD: lambda *_: None,
        }
        previous_fd = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield wake
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(previous_fd)
            reader.close()
            writer.close()
