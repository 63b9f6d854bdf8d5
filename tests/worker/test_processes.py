"""Real Celery worker processes on Redis and PostgreSQL, and on the filesystem broker (more in test_end_to_end.py)."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from models_store import artifacts, database, doorbell
from models_store.home import Home
from nnpd import child
from worker import reconciler
from worker.workplace import Workplace

pytestmark = pytest.mark.processes

POSTGRESQL = "postgresql+psycopg://postgres@127.0.0.1:5432/"
REDIS = "redis://127.0.0.1:6379/14"


@dataclass(frozen=True)
class Site:
    """Registry, broker and home of one test, with the worker processes it started."""

    home: Home
    database_url: str
    broker_url: str
    workplace: Workplace
    bell: doorbell.Doorbell
    workers: list[subprocess.Popen[bytes]]
    log: Path

    def start_worker(self, *queues: str, **settings: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "NNPD_HOME": str(self.home.path),
            # Workers end with this process, even if it is killed.
            child.SUPERVISOR: str(os.getpid()),
            "NNPD_DATABASE_URL": self.database_url,
            "NNPD_BROKER_URL": self.broker_url,
            "NNPD_ARTIFACTS_URL": self.home.artifacts_url,
            "NNPD_LEASE_SECONDS": "4",
            "NNPD_THREADS": "1",
            "NNPD_CHECKPOINT_SECONDS": "0",
            **settings,
        }
        arguments = [part for queue in queues for part in ("--queue", queue)]
        with self.log.open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "nnpd", "work", *arguments], env=environment, stdout=log, stderr=log
            )
        self.workers.append(worker)
        return worker


def open_site(home: Home, database_url: str, broker_url: str, log: Path) -> Site:
    app = doorbell.create_celery(broker_url, home.broker)
    bell = doorbell.Doorbell(app)
    engine = database.create_engine(database_url)
    workplace = Workplace(
        sessions=database.session_factory(engine, ring=bell.ring),
        reading=database.session_factory(engine, read_only=True),
        artifacts=artifacts.open_store(home.artifacts_url),
        checkpoints=home.checkpoints,
        lease_seconds=4.0,
        threads=1,
        checkpoint_seconds=0.2,
    )
    return Site(
        home=home,
        database_url=database_url,
        broker_url=broker_url,
        workplace=workplace,
        bell=bell,
        workers=[],
        log=log,
    )


def close_site(site: Site) -> None:
    for worker in site.workers:
        if worker.poll() is None:
            worker.kill()
        worker.wait()
    site.workplace.sessions.kw["bind"].dispose()
    print(site.log.read_text() if site.log.exists() else "")


@pytest.fixture
def embedded(home: Home, tmp_path: Path) -> Iterator[Site]:
    site = open_site(home, home.database_url, home.broker_url, tmp_path / "log")
    yield site
    close_site(site)


@pytest.fixture
def group(home: Home, tmp_path: Path) -> Iterator[Site]:
    name = f"nnpd_test_{uuid.uuid4().hex}"
    server = sa.create_engine(f"{POSTGRESQL}postgres", isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        database.migrate(f"{POSTGRESQL}{name}")
        site = open_site(home, f"{POSTGRESQL}{name}", REDIS, tmp_path / "log")
        empty_redis(site)
        yield site
        close_site(site)
        empty_redis(site)
    finally:
        with server.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


def empty_redis(site: Site) -> None:
    import redis

    with redis.Redis.from_url(site.broker_url) as client:
        client.flushdb()


@pytest.fixture
def laboratory_of(laboratory: Any) -> Callable[[Site], Any]:
    return lambda site: type(laboratory)(site.workplace)


@pytest.mark.redis
@pytest.mark.postgresql
def test_a_killed_worker_on_redis_and_postgresql(
    group: Site, laboratory_of: Callable[[Site], Any], aluminium_file: Path, eventually: Callable[..., None]
) -> None:
    laboratory = laboratory_of(group)
    upload = laboratory.submit_upload(aluminium_file)
    first = group.start_worker("default", "train")
    eventually(lambda: laboratory.job(upload).state == "succeeded")
    job_id = laboratory.submit_training(recipe={"steps": 900, "patience": 900})
    eventually(lambda: any(event.data["epoch"] >= 3 for event in laboratory.events(job_id, "metrics")))
    first.send_signal(signal.SIGKILL)
    second = group.start_worker("train")
    stopping = threading.Event()
    rounds = threading.Thread(
        target=reconciler.run, args=(group.workplace.sessions,), kwargs={"pause_seconds": 0.1, "stopping": stopping}
    )
    rounds.start()
    try:
        eventually(lambda: laboratory.job(job_id).state in ("succeeded", "failed"))
    finally:
        stopping.set()
        rounds.join()
    job = laboratory.job(job_id)
    assert (job.state, job.attempt, job.lost_attempts) == ("succeeded", 2, 1), job.error
    curve = [event for event in laboratory.events(job_id, "metrics") if event.data["stage"] == "committee"]
    assert min(event.data["epoch"] for event in curve if event.attempt == 2) > 0
    second.send_signal(signal.SIGTERM)
    assert second.wait(60) == 0


@pytest.mark.redis
@pytest.mark.postgresql
def test_a_lost_broker_costs_only_time(
    group: Site, laboratory_of: Callable[[Site], Any], aluminium_file: Path, eventually: Callable[..., None]
) -> None:
    laboratory = laboratory_of(group)
    job_id = laboratory.submit_upload(aluminium_file)
    empty_redis(group)
    assert group.bell.waiting("default") == 0
    with group.workplace.sessions.begin() as session:
        session.execute(sa.text("UPDATE jobs SET ring_at = 0"))
    assert reconciler.reconcile_once(group.workplace.sessions).rung == (job_id,)
    group.start_worker("default")
    eventually(lambda: laboratory.job(job_id).state == "succeeded")


def test_sigterm_in_a_training_gives_the_job_back(
    embedded: Site, laboratory_of: Callable[[Site], Any], aluminium_file: Path, eventually: Callable[..., None]
) -> None:
    laboratory = laboratory_of(embedded)
    laboratory.upload(aluminium_file)
    job_id = laboratory.submit_training(recipe={"steps": 100_000, "patience": 100_000})
    worker = embedded.start_worker("train")
    eventually(lambda: laboratory.events(job_id, "metrics"))
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    job = laboratory.job(job_id)
    assert (job.state, job.attempt, job.lost_attempts) == ("queued", 1, 0)
    assert list(embedded.home.checkpoints.glob(f"{job_id}/*"))
    assert embedded.bell.waiting("train") == 1


@pytest.mark.redis
def test_a_worker_hears_again_after_redis_was_away(
    home: Home,
    tmp_path: Path,
    laboratory_of: Callable[[Site], Any],
    aluminium_file: Path,
    eventually: Callable[..., None],
) -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server to start and kill")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    site = open_site(home, home.database_url, f"redis://127.0.0.1:{port}/0", tmp_path / "log")
    laboratory = laboratory_of(site)
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        worker = site.start_worker("default", NNPD_DEAF_SECONDS="4")
        first = laboratory.submit_upload(aluminium_file)
        eventually(lambda: laboratory.job(first).state == "succeeded")
        server.kill()
        server.wait()
        second = laboratory.submit_upload(aluminium_file, dataset="again")
        assert laboratory.job(second).state == "queued"
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        with site.workplace.sessions.begin() as session:
            session.execute(sa.text("UPDATE jobs SET ring_at = 0 WHERE state = 'queued'"))
        eventually(lambda: answers(port))
        reconciler.reconcile_once(site.workplace.sessions)
        eventually(lambda: laboratory.job(second).state == "succeeded" or worker.poll() is not None)
        if worker.poll() is not None:
            # Deaf: it ended itself, and its supervisor would start the next one.
            site.start_worker("default")
            eventually(lambda: laboratory.job(second).state == "succeeded")
    finally:
        server.kill()
        server.wait()
        close_site(site)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
