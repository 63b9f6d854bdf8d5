"""`nnpd doctor`: looks at an installation and says what to do about what is wrong."""

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from models_store import artifacts, database, doorbell
from models_store.errors import StoreError
from nnpd import lock
from nnpd.installation import Installation

GIGABYTE = 1e9
LEAST_FREE_BYTES = 2 * GIGABYTE
PACKAGES = ("nnpd", "numpy", "onnxruntime", "sqlalchemy", "celery", "torch")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing looked at; `advice` where it is not fine."""

    subject: str
    fine: bool
    detail: str
    advice: str | None = None

    def __str__(self) -> str:
        line = f"{'ok ' if self.fine else 'NOT'} {self.subject:12} {self.detail}"
        return f"{line}\n                 {self.advice}" if self.advice else line


def examine(installation: Installation) -> list[Finding]:
    """All findings; nothing is changed."""
    checks = (_home, _disk, _database, _broker, _artifacts, _service, _threads, _packages)
    return [finding for check in checks for finding in _guarded(check, installation)]


def _guarded(check: Callable[[Installation], Iterator[Finding]], installation: Installation) -> Iterator[Finding]:
    """A check that itself fails is a finding, so that the others are still made."""
    try:
        yield from check(installation)
    except StoreError as error:
        yield Finding(subject=check.__name__[1:], fine=False, detail=str(error), advice=error.advice)
    except Exception as error:
        yield Finding(subject=check.__name__[1:], fine=False, detail=f"{type(error).__name__}: {error}")


def _home(installation: Installation) -> Iterator[Finding]:
    home = installation.home
    home.check(installation.database_url, installation.broker_url)
    if not home.path.exists():
        advice = "`nnpd up` or `nnpd migrate` makes it; another folder: NNPD_HOME"
        yield Finding(subject="home", fine=False, detail=f"{home.path} does not exist", advice=advice)
        return
    mode = home.path.stat().st_mode & 0o777
    private = mode == 0o700
    mend = None if private else f"chmod 700 {home.path}: it holds everybody's data and the hashes of the keys"
    yield Finding(subject="home", fine=private, detail=f"{home.path}, mode {mode:03o}", advice=mend)


def _disk(installation: Installation) -> Iterator[Finding]:
    folder = next(path for path in (installation.home.path, *installation.home.path.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    enough = free >= LEAST_FREE_BYTES
    advice = None if enough else "free some space; `nnpd collect --dry-run` lists what nothing refers to"
    yield Finding(subject="disk", fine=enough, detail=f"{free / GIGABYTE:.1f} GB free", advice=advice)


def _database(installation: Installation) -> Iterator[Finding]:
    url = database.normalise(installation.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        yield Finding(subject="database", fine=False, detail="there is none yet", advice="run `nnpd migrate`")
        return
    database.check_schema(url)
    detail = f"{url.render_as_string(hide_password=True)}, revision {database.schema_head()}"
    yield Finding(subject="database", fine=True, detail=detail)


def _broker(installation: Installation) -> Iterator[Finding]:
    home = installation.home
    if installation.broker_url.startswith("filesystem") and not (home.broker / "messages").exists():
        yield Finding(subject="broker", fine=False, detail="its folder is missing", advice="`nnpd up` makes it")
        return
    bell = doorbell.Doorbell(doorbell.create_celery(installation.broker_url, home.broker))
    waiting = ", ".join(f"{queue}: {bell.waiting(queue)} waiting" for queue in doorbell.QUEUES)
    yield Finding(
        subject="broker",
        fine=True,
        detail=f"{installation.broker_url.partition('@')[2] or installation.broker_url} ({waiting})",
    )


def _artifacts(installation: Installation) -> Iterator[Finding]:
    store = artifacts.open_store(installation.artifacts_url)
    listed = list(store.list())
    size = sum(entry.size for entry in listed)
    yield Finding(subject="artifacts", fine=True, detail=f"{len(listed)} of together {size / 1e6:.1f} MB")


def _service(installation: Installation) -> Iterator[Finding]:
    held = lock.is_held(installation.home.path / "nnpd.lock")
    url = installation.home.path / "url"
    detail = f"running at {url.read_text().strip()}" if held and url.exists() else "`nnpd up` does not run on this home"
    yield Finding(subject="service", fine=True, detail=detail)


def _threads(_: Installation) -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0))
    asked = os.environ.get("OMP_NUM_THREADS")
    too_many = asked is not None and asked.isdecimal() and int(asked) > cores
    yield Finding(
        subject="threads",
        fine=not too_many,
        detail=f"{cores} cores may be used" + (f", OMP_NUM_THREADS={asked}" if asked else ""),
        advice="OMP_NUM_THREADS asks for more threads than there are cores: everything gets slower"
        if too_many
        else None,
    )


def _packages(_: Installation) -> Iterator[Finding]:
    python = f"Python {sys.version.split()[0]}"
    found = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES if _installed(name)]
    yield Finding(subject="versions", fine=True, detail=", ".join([python, *found]))
    can_train = _installed("torch")
    advice = None if can_train else "pip install 'nnpd[server,train]' where trainings run; predictions do not need it"
    detail = "torch is here: this machine can train" if can_train else "torch is absent: trainings fail on this machine"
    yield Finding(subject="training", fine=can_train, detail=detail, advice=advice)


def _installed(package: str) -> bool:
    # Looking for the package does not import it: torch alone would take seconds.
    return importlib.util.find_spec(package) is not None
