import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nnpd import lock
from nnpd.errors import HomeInUseError

HOLDER = """
import signal, sys
from pathlib import Path
from nnpd import lock
with lock.hold(Path(sys.argv[1])):
    print("held", flush=True)
    signal.pause()
"""


def test_the_lock_is_exclusive_and_names_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "nnpd.lock"
    with lock.hold(path):
        assert lock.is_held(path)
        with pytest.raises(HomeInUseError, match=f"process {os.getpid()}"), lock.hold(path):
            pass
    assert not lock.is_held(path)
    with lock.hold(path):
        pass


def test_no_file_is_no_lock(tmp_path: Path) -> None:
    assert not lock.is_held(tmp_path / "nnpd.lock")


@pytest.mark.processes
def test_a_killed_holder_leaves_no_lock(tmp_path: Path, repository: Path, eventually: Callable[..., None]) -> None:
    path = tmp_path / "nnpd.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True, cwd=repository
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(HomeInUseError, match=f"process {holder.pid}"), lock.hold(path):
            pass
        holder.send_signal(signal.SIGKILL)
    with lock.hold(path):
        pass
