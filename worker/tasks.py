"""The one Celery task: a job id comes in, nothing goes out."""

from typing import Any

from celery import Celery

from models_store import doorbell
from worker import running
from worker.watchdog import Ear
from worker.workplace import Workplace


def register(app: Celery, workplace: Workplace, ear: Ear) -> list[tuple[str, str]]:
    """Teach `app` to answer the doorbell; returns the list of (job id, queue) that came too late, while stopping."""
    too_late: list[tuple[str, str]] = []

    @app.task(name=doorbell.TASK, bind=True)
    def run_job(self: Any, job_id: str) -> None:
        if workplace.stopping.is_set():
            too_late.append((job_id, self.request.delivery_info["routing_key"]))
            return
        with ear.answering():
            running.run_job(workplace, job_id)

    return too_late
