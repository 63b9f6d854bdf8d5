import threading
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from models_store import jobs
from models_store.tables import Job
from worker import reconciler


def test_a_silent_workers_job_is_queued_and_rung(laboratory: Any, rings: list[tuple[str, str]]) -> None:
    sessions = laboratory.workplace.sessions
    job_id = laboratory.submit("evaluate", version="Al:1", dataset_version="al:1")
    with sessions.begin() as session:
        assert jobs.claim(session, job_id, worker="silent", lease_seconds=100.0)
    rings.clear()
    assert reconciler.reconcile_once(sessions) == jobs.Due()
    with sessions.begin() as session:
        session.execute(sa.update(Job).values(lease_until=0.0))
    due = reconciler.reconcile_once(sessions)
    assert (due.lost, due.rung) == ((job_id,), (job_id,))
    assert rings == [(job_id, "default")]
    assert laboratory.job(job_id).state == "queued"


def test_it_goes_on_while_the_registry_is_away(
    laboratory: Any, rings: list[tuple[str, str]], eventually: Callable[..., None]
) -> None:
    """The tables vanish and come back under a running reconciler."""
    sessions, stopping = laboratory.workplace.sessions, threading.Event()
    job_id = laboratory.submit("evaluate", version="Al:1", dataset_version="al:1")
    with sessions.begin() as session:
        session.execute(sa.update(Job).values(ring_at=0.0))
        session.execute(sa.text("ALTER TABLE jobs RENAME TO hidden"))
    rings.clear()
    thread = threading.Thread(
        target=reconciler.run, args=(sessions,), kwargs={"pause_seconds": 0.01, "stopping": stopping}
    )
    thread.start()
    try:
        with sessions.begin() as session:
            session.execute(sa.text("ALTER TABLE hidden RENAME TO jobs"))
        eventually(lambda: rings == [(job_id, "default")])
    finally:
        stopping.set()
        thread.join()


def test_a_job_that_kills_its_workers_fails_in_the_end(laboratory: Any) -> None:
    sessions = laboratory.workplace.sessions
    job_id = laboratory.submit("evaluate", version="Al:1", dataset_version="al:1")
    for _ in range(3):
        with sessions.begin() as session:
            assert jobs.claim(session, job_id, worker="doomed", lease_seconds=100.0)
            session.execute(sa.update(Job).values(lease_until=0.0))
        reconciler.reconcile_once(sessions)
    job = laboratory.job(job_id)
    assert (job.state, job.error["code"]) == ("failed", "attempts_exhausted")
