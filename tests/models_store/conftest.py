"""A registry per test: on SQLite a copy of one migrated file, on PostgreSQL one migrated database, emptied."""

import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.orm import Session, sessionmaker

from models_store import artifacts, database, potentials, tables
from nnp.core.label import Frame, Label, Source
from nnp.core.structure import Structure

SERVER = make_url("postgresql+psycopg://postgres@127.0.0.1:5432/postgres")
BACKENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


def administer(statement: str) -> None:
    engine = sa.create_engine(SERVER, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.sqlite"
    database.migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql_database() -> Iterator[str]:
    name = f"nnpd_test_{uuid.uuid4().hex}"
    administer(f"CREATE DATABASE {name}")
    try:
        administer(f"ALTER DATABASE {name} SET synchronous_commit = off")
        database.migrate(SERVER.set(database=name))
        yield name
    finally:
        administer(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=BACKENDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite'}"
        return
    name = f"nnpd_test_{uuid.uuid4().hex}"
    administer(f"CREATE DATABASE {name}")
    try:
        yield SERVER.set(database=name).render_as_string(hide_password=False)
    finally:
        administer(f"DROP DATABASE {name} WITH (FORCE)")


class Registry:
    """One engine for all tests, so that statements are compiled once; `empty` gives it a fresh registry."""

    def __init__(self, engine: Engine, template: Path | None) -> None:
        self.engine = engine
        self._template = template

    def empty(self) -> Engine:
        self.engine.dispose()
        if self._template is not None:
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self.engine.url.database}{suffix}").unlink(missing_ok=True)
            shutil.copy(self._template, str(self.engine.url.database))
            return self.engine
        with self.engine.begin() as connection:
            # As a replica would: without triggers and foreign keys. Ten times faster than TRUNCATE of small tables.
            connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
            for table in tables.Base.metadata.sorted_tables:
                connection.execute(table.delete())
        return self.engine


@pytest.fixture(scope="session", params=BACKENDS)
def registry(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("registry") / "nnpd.sqlite"
        engine = database.create_engine(f"sqlite:///{path}")
        # The tests need not wait for the disk.
        sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
        made = Registry(engine, request.getfixturevalue("sqlite_template"))
    else:
        made = Registry(
            database.create_engine(SERVER.set(database=request.getfixturevalue("postgresql_database"))), None
        )
    yield made
    made.engine.dispose()


@pytest.fixture
def engine(registry: Registry) -> Engine:
    """A registry of its own for a test."""
    return registry.empty()


@pytest.fixture(scope="module")
def shared_engine(registry: Registry) -> Engine:
    """One registry for all tests of a module, which must leave it as it was and not ask for `engine`."""
    return registry.empty()


@pytest.fixture
def statements(engine: Engine) -> Iterator[list[str]]:
    """The SQL statements that were executed."""
    seen: list[str] = []

    def see(*given: Any) -> None:
        seen.append(given[2])

    sa.event.listen(engine, "before_cursor_execute", see)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", see)


@pytest.fixture
def rung() -> list[tuple[str, str]]:
    """What the doorbell was rung for."""
    return []


@pytest.fixture
def sessions(engine: Engine, rung: list[tuple[str, str]]) -> sessionmaker[Session]:
    return database.session_factory(engine, lambda job_id, queue: rung.append((job_id, queue)))


@pytest.fixture
def session(sessions: sessionmaker[Session]) -> Iterator[Session]:
    with sessions() as opened:
        yield opened


@pytest.fixture
def store(tmp_path: Path) -> artifacts.ArtifactStore:
    return artifacts.open_store((tmp_path / "artifacts").as_uri())


def frames_of(
    count: int,
    *,
    seed: int = 0,
    group: str | None = "bulk",
    per_trajectory: int = 0,
    symbols: tuple[str, ...] = ("Si", "Si"),
    labelled: bool = True,
) -> list[Frame]:
    """Small random frames; the same seed gives the same frames."""
    generator = np.random.default_rng(seed)
    frames = []
    for index in range(count):
        positions = generator.uniform(0.0, 5.0, (len(symbols), 3))
        structure = Structure.from_symbols(list(symbols), positions, np.eye(3) * 6.0, True)
        label = None
        if labelled:
            label = Label(
                energy=float(generator.normal()) - 5.0,
                forces=generator.normal(size=(len(symbols), 3)),
                stress=generator.normal(size=6) * 0.01,
            )
        frames.append(
            Frame(
                structure=structure,
                label=label,
                group=group,
                trajectory=f"{group}-{seed}-{index // per_trajectory}" if per_trajectory else None,
                source=Source(file="frames.extxyz", frame=index, line=index * 4 + 1),
            )
        )
    return frames


def register(session: Session, name: str = "Si", **given: Any) -> tables.PotentialVersion:
    """A registered potential version."""
    values: dict[str, Any] = {"manifest": {"cutoff": 6.0}, "elements": ["Si"], "artifacts": {}, **given}
    return potentials.register(session, name, **values)


@pytest.fixture(scope="session")
def make_frames() -> Callable[..., list[Frame]]:
    return frames_of


@pytest.fixture(scope="session")
def make_version() -> Callable[..., tables.PotentialVersion]:
    return register


@pytest.fixture
def together() -> Callable[..., list[Any]]:
    """Calls functions in threads that start at once; an exception is an answer."""

    def call(*acts: Callable[[], object]) -> list[Any]:
        barrier = threading.Barrier(len(acts))
        answers: list[Any] = [None] * len(acts)

        def run(index: int, act: Callable[[], object]) -> None:
            barrier.wait()
            try:
                answers[index] = act()
            except Exception as error:
                answers[index] = error

        threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    return call
