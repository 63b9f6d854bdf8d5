"""The doorbell over the filesystem broker (and Redis): a message per ring, whole or not at all, each taken once."""

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery

from models_store import doorbell


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "messages").mkdir()
    (tmp_path / "control").mkdir()
    return tmp_path


@pytest.fixture
def app(folder: Path) -> Iterator[Celery]:
    app = doorbell.create_celery("filesystem://", folder)
    yield app
    app.close()


def take(app: Celery, queue: str) -> list[str]:
    """The job ids of all messages in the queue."""
    taken = []
    with app.connection_for_read() as connection, connection.channel() as channel:
        while (message := channel.basic_get(queue, no_ack=True)) is not None:
            message = channel.message_to_python(message)
            assert message.headers["task"] == doorbell.TASK
            taken.append(message.decode()[0][0])
    return taken


def test_a_ring_is_a_message_with_the_job_id(app: Celery) -> None:
    bell = doorbell.Doorbell(app)
    assert bell.ring("job-1", "train")
    assert bell.ring("job-2", "default")
    assert (bell.waiting("train"), bell.waiting("default")) == (1, 1)
    assert take(app, "train") == ["job-1"]
    assert (bell.waiting("train"), bell.waiting("default")) == (0, 1)


def test_messages_come_in_order(app: Celery) -> None:
    bell = doorbell.Doorbell(app)
    ids = [f"job-{number}" for number in range(20)]
    for job_id in ids:
        bell.ring(job_id, "default")
    assert take(app, "default") == ids


def test_a_broker_that_refuses_is_not_an_error(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = doorbell.create_celery("redis://127.0.0.1:1/0", folder)
    assert not doorbell.Doorbell(app).ring("job-1", "train")
    assert "did not ring" in caplog.text
    app.close()


def test_a_full_disk_leaves_no_half_message(app: Celery, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "messages").rmdir()
    (folder / "messages").write_text("not a folder")
    assert not doorbell.Doorbell(app).ring("job-1", "train")
    assert "did not ring" in caplog.text


@pytest.mark.parametrize("content", ["", '{"body": "W10', "no message"])
def test_an_unreadable_message_is_dropped(
    app: Celery, folder: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "messages" / "0_broken.default.msg").write_text(content)
    doorbell.Doorbell(app).ring("job-1", "default")
    assert take(app, "default") == ["job-1"]
    assert "dropped" in caplog.text


def test_each_message_is_taken_once(app: Celery, folder: Path) -> None:
    bell = doorbell.Doorbell(app)
    ids = {f"job-{number}" for number in range(100)}
    for job_id in ids:
        bell.ring(job_id, "default")
    found: list[list[str]] = []
    apps = [doorbell.create_celery("filesystem://", folder) for _ in range(4)]
    threads = [threading.Thread(target=lambda app=app: found.append(take(app, "default"))) for app in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = [job_id for part in found for job_id in part]
    assert len(taken) == len(ids)
    assert set(taken) == ids
    assert not list((folder / "messages").iterdir())
    for each in apps:
        each.close()


@pytest.mark.redis
def test_a_ring_over_redis(tmp_path: Path) -> None:
    app = doorbell.create_celery("redis://127.0.0.1:6379/15", tmp_path)
    job_id = uuid.uuid4().hex
    try:
        with app.connection_for_write() as connection, connection.channel() as channel:
            channel.queue_purge("train")
        assert doorbell.Doorbell(app).ring(job_id, "train")
        assert doorbell.Doorbell(app).waiting("train") == 1
        assert take(app, "train") == [job_id]
    finally:
        app.close()
