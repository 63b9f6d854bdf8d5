"""The commands of docker-compose.yml as processes, against the PostgreSQL and Redis of this machine."""

import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ase.build
import ase.io
import pytest
import redis
import sqlalchemy as sa
import yaml
from ase.calculators.singlepoint import SinglePointCalculator

from nnp_client import Client
from nnpd import child

SERVER = "postgresql+psycopg://postgres@127.0.0.1:5432/"
BROKER = "redis://127.0.0.1:6379/13"
SERVICES = ("api", "worker-default", "reconciler")
"""What an upload needs; `worker-train` is the same command with another queue."""


@pytest.fixture
def database_url() -> Iterator[str]:
    name = f"nnpd_test_{uuid.uuid4().hex}"
    server = sa.create_engine(f"{SERVER}postgres", isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield f"{SERVER}{name}"
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def broker_url() -> Iterator[str]:
    with redis.Redis.from_url(BROKER) as client:
        client.flushdb()
        yield BROKER
        client.flushdb()


@pytest.fixture
def run(
    database_url: str, broker_url: str, tmp_path: Path, repository: Path
) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts the command of a service of docker-compose.yml."""
    compose = yaml.safe_load((repository / "docker-compose.yml").read_text())
    environment = {
        **os.environ,
        "NNPD_HOME": str(tmp_path / "home"),
        "NNPD_DATABASE_URL": database_url,
        "NNPD_BROKER_URL": broker_url,
        "OMP_NUM_THREADS": "1",
        child.SUPERVISOR: str(os.getpid()),
    }
    started: list[subprocess.Popen[bytes]] = []
    log = (tmp_path / "log").open("wb")

    def run(service: str, **replaced: str) -> subprocess.Popen[bytes]:
        arguments = [replaced.get(part, part) for part in compose["services"][service]["command"]]
        command = [sys.executable, "-m", "nnpd", *arguments]
        started.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=repository))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()
    log.close()
    print((tmp_path / "log").read_text())


@pytest.mark.processes
@pytest.mark.postgresql
@pytest.mark.redis
def test_an_upload_through_postgresql_and_redis(
    run: Callable[..., Any], tmp_path: Path, eventually: Callable[..., None]
) -> None:
    assert run("migrate").wait(120) == 0
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    processes = [run(name, **{"8765": port, "0.0.0.0": "127.0.0.1"}) for name in SERVICES]
    frames = []
    for number in range(12):
        atoms = ase.build.bulk("Si", a=5.3 + 0.03 * number)
        atoms.calc = SinglePointCalculator(atoms, energy=-10.0 - number)
        frames.append(atoms)
    ase.io.write(tmp_path / "si.extxyz", frames)
    eventually(lambda: answers(int(port)), 120)
    with Client(f"http://127.0.0.1:{port}") as client:
        eventually(lambda: client.ready().status == "ready", 120)
        assert (client.ready().database, client.ready().broker) == ("postgresql", "redis")
        upload = client.upload(tmp_path / "si.extxyz", name="si")
        assert client.wait(upload.job.id, timeout_seconds=120).result["frames"] == 12
    for process in processes:
        process.send_signal(signal.SIGTERM)
    # uvicorn ends by the signal it was sent, as it should.
    assert all(process.wait(60) in (0, -signal.SIGTERM) for process in processes)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
