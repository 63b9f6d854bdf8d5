"""A child process: its own session, so that Ctrl-C reaches the supervisor alone; it ends when its supervisor ends."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SUPERVISOR = "NNPD_SUPERVISOR_PID"
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, kw_only=True)
class Command:
    """One process the supervisor keeps alive; the file descriptors `inherited` stay open in it."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    inherited: Sequence[int] = ()


def start(command: Command) -> subprocess.Popen[bytes]:
    """Start the process."""
    return subprocess.Popen(
        list(command.arguments),
        env={**os.environ, **command.environment, SUPERVISOR: str(os.getpid())},
        stdin=subprocess.DEVNULL,
        pass_fds=tuple(command.inherited),
        start_new_session=True,
    )


def end_with_supervisor() -> None:
    """Called first in every child: ask the kernel for SIGTERM when the supervisor dies, even by `kill -9`.

    The wish survives exec. Only Linux has it; elsewhere children outlive a killed supervisor.
    """
    supervisor = os.environ.get(SUPERVISOR)
    if supervisor is None or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(supervisor):
        # It died before the wish was heard.
        sys.exit(0)
