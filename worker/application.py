"""The Celery application of a worker process."""

import importlib
import warnings
from typing import Any

from celery import Celery, signals
from celery.platforms import SecurityWarning

from models_store import doorbell, log
from worker import tasks, watchdog
from worker.settings import Settings
from worker.workplace import Workplace, open_workplace, prepare_home


def create_worker(settings: Settings) -> Celery:
    """Connect to the registry and the broker, and answer the doorbell once Celery runs the application."""
    log.configure("worker", format=settings.log_format, level=settings.log_level)
    # Celery warns that root with pickled messages is dangerous; ours are JSON, and containers often run as root.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    home = prepare_home(settings)
    app = doorbell.create_celery(settings.broker_url or home.broker_url, home.broker)
    workplace = open_workplace(settings, app)
    ear = watchdog.Ear()
    too_late = tasks.register(app, workplace, ear)
    _connect_signals(app, workplace, ear, settings)

    @signals.worker_shutdown.connect(weak=False)
    def ring_again(**_: Any) -> None:
        for job_id, queue in too_late:
            doorbell.Doorbell(app).ring(job_id, queue)

    return app


def _connect_signals(app: Celery, workplace: Workplace, ear: watchdog.Ear, settings: Settings) -> None:
    # Celery keeps weak references to receivers unless told otherwise.
    @signals.setup_logging.connect(weak=False)
    def keep_our_logging(**_: Any) -> None:
        """Celery leaves logging alone when somebody receives this signal."""

    @signals.worker_shutting_down.connect(weak=False)
    def stop_the_job(**_: Any) -> None:
        # Sent from Celery's handler of SIGTERM: the running job writes its checkpoint and goes back to the queue.
        workplace.stopping.set()

    @signals.worker_ready.connect(weak=False)
    def begin(sender: Any, **_: Any) -> None:
        queues = [queue.name for queue in sender.task_consumer.queues]
        if "train" in queues:
            _load_training()
        ear.heard()
        watchdog.start(
            doorbell.Doorbell(app), queues, ear, deaf_seconds=settings.deaf_seconds, stopping=workplace.stopping
        )


def _load_training() -> None:
    """Load torch now: it takes seconds in which no other thread runs and no lease would be renewed."""
    importlib.import_module("nnp.learn.train")
