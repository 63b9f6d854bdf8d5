"""Rings of the doorbell are collected on the session and sent after its commit; a rollback drops them."""

from collections.abc import Callable

from sqlalchemy import event
from sqlalchemy.orm import Session, sessionmaker

KEY = "nnpd_rings"


def collect(session: Session, job_id: str, queue: str) -> None:
    """Ring for this job once the session has committed, if its factory knows a doorbell."""
    session.info.setdefault(KEY, {})[job_id] = queue


def install(factory: sessionmaker[Session], ring: Callable[[str, str], object]) -> None:
    """Let every session of `factory` call `ring(job_id, queue)` for what it collected, after its outermost commit."""

    def send(session: Session) -> None:
        # SQLAlchemy calls this for released savepoints too; only the outermost commit makes the rows visible.
        if not session.in_nested_transaction():
            for job_id, queue in session.info.pop(KEY, {}).items():
                ring(job_id, queue)

    def forget(session: Session) -> None:
        session.info.pop(KEY, None)

    event.listen(factory, "after_commit", send)
    event.listen(factory, "after_rollback", forget)
