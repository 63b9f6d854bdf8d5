"""`nnpd up` as a child of the demonstration: started on a free loopback port, stopped cleanly whatever happens."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nnp_client.client import Client
from nnp_client.errors import ClientError
from nnpd import child
from nnpd.errors import ServerError

START_SECONDS = 90.0
STOP_SECONDS = 60.0
POLL_SECONDS = 0.1


@contextmanager
def running(home: Path, log: Path) -> Iterator[str]:
    """Yield the URL of a ready service whose data are in `home`; its output goes to the file `log`.

    Raises:
        ServerError: it did not become ready; the message names the log.
    """
    environment = {
        **os.environ,
        "NNPD_HOME": str(home),
        "NNPD_LOG_FORMAT": "console",
        child.SUPERVISOR: str(os.getpid()),
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "nnpd", "up", "--port", "0"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us alone; we pass it on below
        )
        try:
            yield _wait_until_ready(process, home / "url", log)
        finally:
            _stop(process)


def _wait_until_ready(process: subprocess.Popen[bytes], url_file: Path, log: Path) -> str:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise ServerError(f"the service ended with code {process.returncode}; see {log}")
        url = url_file.read_text().strip() if url_file.exists() else ""
        if url and _ready(url):
            return url
        time.sleep(POLL_SECONDS)
    raise ServerError(f"the service was not ready after {START_SECONDS:g} s; see {log}")


def _ready(url: str) -> bool:
    try:
        with Client(url, patience_seconds=0.0, timeout_seconds=5.0) as client:
            client.ready()
    except ClientError:
        return False
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    """SIGINT and a patient wait; a second Ctrl-C meanwhile does not leave processes behind."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        signal.signal(signal.SIGINT, previous)
