"""The one Celery task: a job id comes in, nothing goes out."""

from celery import Celery

from models_store import doorbell
from worker import running
from worker.watchdog import Ear
from worker.workplace import Workplace


def register(app: Celery, workplace: Workplace, ear: Ear) -> None:
    """Teach `app` to answer the doorbell."""

    @app.task(name=doorbell.TASK)
    def run_job(job_id: str) -> None:
        with ear.answering():
            running.run_job(workplace, job_id)
