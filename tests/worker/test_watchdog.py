import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from models_store import doorbell
from worker import watchdog


@pytest.fixture
def bell(tmp_path: Path) -> Iterator[doorbell.Doorbell]:
    (tmp_path / "messages").mkdir()
    app = doorbell.create_celery("filesystem://", tmp_path)
    yield doorbell.Doorbell(app)
    app.close()


@pytest.fixture
def watched(bell: doorbell.Doorbell) -> Iterator[Callable[[watchdog.Ear], threading.Event]]:
    """Starts a watch on the queue "train"; the event is set when it wants to leave."""
    stopping, threads = threading.Event(), []

    def start(ear: watchdog.Ear) -> threading.Event:
        left = threading.Event()
        threads.append(
            watchdog.start(bell, ["train"], ear, deaf_seconds=0.2, stopping=stopping, leave=left.set),
        )
        return left

    yield start
    stopping.set()
    for thread in threads:
        thread.join()


def test_an_idle_worker_that_leaves_messages_lying_is_deaf(bell: doorbell.Doorbell, watched: Callable) -> None:
    left = watched(watchdog.Ear())
    bell.ring("job-1", "train")
    assert left.wait(30)


def test_a_worker_at_work_is_not(bell: doorbell.Doorbell, watched: Callable) -> None:
    busy, deaf = watchdog.Ear(), watchdog.Ear()
    with busy.answering():
        left = watched(busy)
        bell.ring("job-1", "train")
        # By the time the deaf one beside it has left, the busy one would have too.
        assert watched(deaf).wait(30)
        assert not left.is_set()


def test_neither_is_one_whose_queues_are_empty(bell: doorbell.Doorbell) -> None:
    bell.ring("job-1", "default")
    assert not watchdog.messages_wait(bell, ["train"])
    assert watchdog.messages_wait(bell, ["train", "default"])


def test_a_broker_that_is_away_is_not_a_deaf_worker(tmp_path: Path) -> None:
    app = doorbell.create_celery("redis://127.0.0.1:1/0", tmp_path)
    assert not watchdog.messages_wait(doorbell.Doorbell(app), ["train"])
    app.close()
