"""A workplace on a migrated SQLite registry, and waiting for what other processes do."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from models_store import artifacts, database
from models_store.home import Home
from worker.workplace import Workplace


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, copied for every test."""
    path = tmp_path_factory.mktemp("migrated") / "nnpd.sqlite"
    database.migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def home(tmp_path: Path, migrated: Path) -> Home:
    home = Home.at(tmp_path / "home").create()
    shutil.copy(migrated, home.path / "nnpd.sqlite")
    return home


@pytest.fixture
def rings() -> list[tuple[str, str]]:
    """What the doorbell was told."""
    return []


@pytest.fixture
def workplace(home: Home, rings: list[tuple[str, str]]) -> Iterator[Workplace]:
    engine = database.create_engine(home.database_url)
    yield Workplace(
        sessions=database.session_factory(engine, ring=lambda job_id, queue: rings.append((job_id, queue))),
        reading=database.session_factory(engine, read_only=True),
        artifacts=artifacts.open_store(home.artifacts_url),
        checkpoints=home.checkpoints,
        lease_seconds=30.0,
        threads=1,
    )
    engine.dispose()


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait until a condition holds; a generous deadline turns a hang into a failure."""

    def eventually(condition: Callable[[], object], seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "the awaited event did not come"
            time.sleep(0.02)

    return eventually
