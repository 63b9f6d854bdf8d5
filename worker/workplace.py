"""What a worker process holds open, made once at its edge and handed to every job."""

import os
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path

from celery import Celery
from sqlalchemy.orm import Session, sessionmaker

from models_store import artifacts, database, doorbell
from models_store.home import Home
from worker.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """Registry, artifacts and checkpoints of one worker process.

    Commits of `sessions` ring the doorbell; sessions of `reading` keep no writer waiting.
    `stopping` is set when the process was asked to end: jobs write a checkpoint and go back to the queue.
    """

    sessions: sessionmaker[Session]
    reading: sessionmaker[Session]
    artifacts: artifacts.ArtifactStore
    checkpoints: Path
    lease_seconds: float
    threads: int
    checkpoint_seconds: float
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    stopping: threading.Event = field(default_factory=threading.Event)


def prepare_home(settings: Settings) -> Home:
    """The folders this process needs."""
    return Home.at(settings.home).prepare(settings.database_url, settings.broker_url)


def open_workplace(settings: Settings, app: Celery) -> Workplace:
    """Connect to everything the settings name."""
    home = prepare_home(settings)
    engine = database.create_engine(settings.database_url or home.database_url)
    database.check_schema(engine)
    return Workplace(
        sessions=database.session_factory(engine, ring=doorbell.Doorbell(app).ring),
        reading=database.session_factory(engine, read_only=True),
        artifacts=artifacts.open_store(settings.artifacts_url or home.artifacts_url),
        checkpoints=home.checkpoints,
        lease_seconds=settings.lease_seconds,
        threads=settings.threads or len(os.sched_getaffinity(0)),
        checkpoint_seconds=settings.checkpoint_seconds,
    )
