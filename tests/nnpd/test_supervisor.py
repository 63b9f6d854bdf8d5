"""The supervisor with real processes: restarts, stops, gives up, and takes its children with it when it is killed."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.processes

PROGRAM = """
import sys
from pathlib import Path
from nnpd import child, supervisor

folder = Path(sys.argv[1])
commands = [
    child.Command(name=file.stem, arguments=(sys.executable, str(file), str(folder)), environment={"NAME": file.stem})
    for file in sorted(folder.glob("*.py"))
]
def record(name, pid):
    (folder / f"{name}.{pid}").touch()
supervisor.FIRST_PAUSE = 0.05
print(supervisor.Supervisor(commands, stop_seconds=float(sys.argv[2]), on_start=record).run())
"""

PATIENT = """
import signal, sys
from pathlib import Path
from nnpd import child
child.end_with_supervisor()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
(Path(sys.argv[1]) / "ready").touch()
while True:
    signal.pause()
"""

STUBBORN = PATIENT.replace("sys.exit(0)", '(Path(sys.argv[1]) / "asked").touch()')


@pytest.fixture
def start(tmp_path: Path, repository: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(stop_seconds: float = 10.0, **children: str) -> subprocess.Popen[str]:
        for name, source in children.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path), str(stop_seconds)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=repository,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def pids(folder: Path, name: str) -> list[int]:
    return [int(path.suffix[1:]) for path in folder.glob(f"{name}.[0-9]*")]


def test_a_crashed_child_starts_again(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, eventually: Callable[..., None]
) -> None:
    process = start(patient=PATIENT)
    eventually((tmp_path / "ready").exists)
    (first,) = pids(tmp_path, "patient")
    (tmp_path / "ready").unlink()
    os.kill(first, signal.SIGKILL)
    eventually((tmp_path / "ready").exists)
    assert len(pids(tmp_path, "patient")) == 2
    assert process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, eventually: Callable[..., None], number: signal.Signals
) -> None:
    process = start(patient=PATIENT, second=PATIENT.replace('"ready"', '"second-ready"'))
    eventually(lambda: (tmp_path / "ready").exists() and (tmp_path / "second-ready").exists())
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert output.split()[-1] == str(int(number))
    assert not any(psutil.pid_exists(pid) for name in ("patient", "second") for pid in pids(tmp_path, name))


def test_a_child_that_does_not_stop_is_killed(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, eventually: Callable[..., None]
) -> None:
    process = start(stop_seconds=0.2, stubborn=STUBBORN)
    eventually((tmp_path / "ready").exists)
    process.terminate()
    process.communicate(timeout=20)
    assert not any(psutil.pid_exists(pid) for pid in pids(tmp_path, "stubborn"))


def test_a_second_signal_does_not_wait(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, eventually: Callable[..., None]
) -> None:
    process = start(stop_seconds=1000.0, stubborn=STUBBORN)
    eventually((tmp_path / "ready").exists)
    process.terminate()
    eventually((tmp_path / "asked").exists)
    process.terminate()
    process.communicate(timeout=20)
    assert not any(psutil.pid_exists(pid) for pid in pids(tmp_path, "stubborn"))


def test_it_gives_up_on_a_child_that_never_comes_up(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, eventually: Callable[..., None]
) -> None:
    process = start(broken="raise SystemExit(3)", patient=PATIENT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "broken stopped with status 3" in errors
    assert len(pids(tmp_path, "broken")) == 5
    assert not any(psutil.pid_exists(pid) for pid in pids(tmp_path, "patient"))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends children with a killed parent")
def test_children_end_when_the_supervisor_is_killed(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, eventually: Callable[..., None]
) -> None:
    process = start(patient=PATIENT)
    eventually((tmp_path / "ready").exists)
    process.kill()
    process.communicate()
    eventually(lambda: not any(psutil.pid_exists(pid) for pid in pids(tmp_path, "patient")))
