"""`nnpd up`: the whole service on this machine, API, workers and reconciler under one supervisor."""

import importlib.util
import os
import shutil
import socket
import sys
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path

import structlog

from models_store import database, log
from models_store.home import Home
from nnpd import child, listening, lock
from nnpd.settings import Settings
from nnpd.supervisor import Supervisor

logger = structlog.get_logger(__name__)


def up(settings: Settings, *, allow_network: bool, announce: Callable[[str], None]) -> int:
    """Run until SIGINT or SIGTERM; `announce` gets the lines a person reads. Returns the signal that ended it.

    Raises:
        ServerError: another `nnpd up` has this home, the port is taken, or a process does not come up.
    """
    log.configure("supervisor", format=settings.log_format, level=settings.log_level)
    home = Home.at(settings.home).create()
    with lock.hold(home.path / "nnpd.lock"), listening.listen(settings, allow_network=allow_network) as listener:
        database.migrate(settings.database_url or home.database_url)
        url = listening.url(listener)
        url_file = home.path / "url"
        url_file.write_text(f"{url}\n")
        announce(f"nnpd is starting at {url} (home {home.path}). Ctrl-C stops it; what is stored stays.")
        if not can_train():
            announce("torch is not installed: training jobs will wait. Install nnpd[train] and start again.")
        threading.Thread(target=_announce_ready, args=(url, announce), daemon=True).start()
        try:
            supervisor = Supervisor(
                commands(settings, listener),
                stop_seconds=settings.stop_seconds,
                on_start=lambda name, pid: _record_pid(home.path / "processes", name, pid),
            )
            return supervisor.run()
        finally:
            url_file.unlink(missing_ok=True)
            shutil.rmtree(home.path / "processes", ignore_errors=True)


def commands(settings: Settings, listener: socket.socket) -> list[child.Command]:
    """The processes of the small installation. Uploads do not wait for trainings: each queue has its worker."""
    environment = {"NNPD_HOME": str(settings.home.resolve())}

    def command(name: str, *arguments: str, inherited: tuple[int, ...] = ()) -> child.Command:
        return child.Command(
            name=name,
            arguments=(sys.executable, "-m", "nnpd", *arguments),
            environment=environment,
            inherited=inherited,
        )

    return [
        command("api", "serve", "--fd", str(listener.fileno()), inherited=(listener.fileno(),)),
        command("worker-default", "work", "--queue", "default"),
        *([command("worker-train", "work", "--queue", "train")] if can_train() else []),
        command("reconciler", "work", "--reconciler"),
    ]


def can_train() -> bool:
    """Whether torch is installed; looking for it does not import it."""
    return importlib.util.find_spec("torch") is not None


def _record_pid(folder: Path, name: str, pid: int) -> None:
    """One file per process with its id, for people and for tests that kill one."""
    folder.mkdir(exist_ok=True)
    unfinished = folder / f".{name}"
    unfinished.write_text(f"{pid}\n")
    os.replace(unfinished, folder / name)


def _announce_ready(url: str, announce: Callable[[str], None]) -> None:
    # The socket listens already: this request waits in its queue until the API answers it.
    try:
        with urllib.request.urlopen(f"{url}/v1/health", timeout=120):
            announce(f"nnpd is ready at {url}")
    except OSError as error:
        logger.warning("the API did not answer", url=url, reason=str(error))
