"""What an API process holds open, made once at its edge."""

from dataclasses import dataclass

import fastapi
from celery import Celery
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session, sessionmaker

from models_store import artifacts, database, doorbell
from models_store.home import Home
from service.batcher import Batcher
from service.metrics import Metrics
from service.pool import Pool
from service.settings import Settings

CONNECTIONS = 20
"""Database connections kept open, and as many more in a rush: together as many as there are threads for requests."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Registry, artifacts, broker, loaded potentials and queue of one API process."""

    settings: Settings
    engine: Engine
    sessions: sessionmaker[Session]
    read_sessions: sessionmaker[Session]
    store: artifacts.ArtifactStore
    celery: Celery
    broker: str
    pool: Pool
    batcher: Batcher
    metrics: Metrics


def open_parts(settings: Settings) -> Parts:
    """Open everything that the settings name."""
    home = Home.at(settings.home).prepare(settings.database_url, settings.broker_url)
    url = settings.database_url or home.database_url
    engine = database.create_engine(url, pool_size=CONNECTIONS, max_overflow=CONNECTIONS)
    broker_url = settings.broker_url or home.broker_url
    celery = doorbell.create_celery(broker_url, home.broker)
    read_sessions = database.session_factory(engine, read_only=True)
    store = artifacts.open_store(settings.artifacts_url or home.artifacts_url)
    batcher = Batcher(batch_atoms=settings.batch_atoms, queue_atoms=settings.queue_atoms)
    metrics = Metrics()
    metrics.watch(batcher)
    metrics.count_jobs(read_sessions)
    return Parts(
        settings=settings,
        engine=engine,
        sessions=database.session_factory(engine, ring=doorbell.Doorbell(celery).ring),
        read_sessions=read_sessions,
        store=store,
        celery=celery,
        broker=broker_url.partition(":")[0],
        pool=Pool(
            sessions=read_sessions,
            store=store,
            limit=settings.pool_potentials,
            threads=settings.predict_threads,
            device=settings.device,
        ),
        batcher=batcher,
        metrics=metrics,
    )


def close_parts(parts: Parts) -> None:
    """Let running predictions end and close connections."""
    parts.batcher.close()
    parts.celery.close()
    parts.engine.dispose()


def of(request: fastapi.Request) -> Parts:
    """The parts of the process that answers this request."""
    return request.app.state.parts
