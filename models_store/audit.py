"""The audit trail: who promoted, withdrew or deleted what, and why."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models_store.tables import AuditEvent


def record(session: Session, action: str, subject: str, *, actor: str | None = None, **detail: Any) -> AuditEvent:
    """Write one event, such as `record(session, "withdraw", "potential Si:3", actor="anna", reason="...")`."""
    event = AuditEvent(action=action, subject=subject, actor=actor, detail=detail)
    session.add(event)
    session.flush()
    return event


def search(
    session: Session,
    *,
    subject: str | None = None,
    action: str | None = None,
    limit: int = 100,
    before: int | None = None,
) -> Sequence[AuditEvent]:
    """Events, the newest first; `before` is the id of the last one of the page before."""
    query = select(AuditEvent)
    if subject is not None:
        query = query.where(AuditEvent.subject == subject)
    if action is not None:
        query = query.where(AuditEvent.action == action)
    if before is not None:
        query = query.where(AuditEvent.id < before)
    return session.scalars(query.order_by(AuditEvent.id.desc()).limit(limit)).all()
