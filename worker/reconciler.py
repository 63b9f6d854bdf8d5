"""The reconciler: rings again for rows left queued, and puts jobs whose worker went silent back into the queue."""

import signal
import threading

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from models_store import database, doorbell, jobs, log
from worker.settings import Settings
from worker.workplace import prepare_home

logger = structlog.get_logger(__name__)


def reconcile_once(sessions: sessionmaker[Session]) -> jobs.Due:
    """One round; its rings are sent when the round is committed."""
    with sessions.begin() as session:
        due = jobs.due(session)
    if due.rung or due.lost or due.failed:
        logger.info("reconciled", rung=due.rung, lost=due.lost, failed=due.failed)
    return due


def run(sessions: sessionmaker[Session], *, pause_seconds: float, stopping: threading.Event) -> None:
    """Round after round until `stopping` is set; a registry that does not answer now is asked again."""
    while not stopping.is_set():
        try:
            reconcile_once(sessions)
        except SQLAlchemyError as error:
            logger.warning("the registry did not answer", reason=str(error))
        stopping.wait(pause_seconds)


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    settings = Settings()
    log.configure("reconciler", format=settings.log_format, level=settings.log_level)
    home = prepare_home(settings)
    bell = doorbell.Doorbell(doorbell.create_celery(settings.broker_url or home.broker_url, home.broker))
    engine = database.create_engine(settings.database_url or home.database_url)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    run(database.session_factory(engine, ring=bell.ring), pause_seconds=settings.reconcile_seconds, stopping=stopping)


if __name__ == "__main__":
    main()
