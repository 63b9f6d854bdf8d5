"""API keys (hashes only) and the audit trail."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models_store.tables.base import Base, Json, Key, Name, Sha256, UtcDateTime, now


class ApiKey(Base):
    """A key that opens the API; the key itself is shown once and not stored."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(Name, unique=True)
    prefix: Mapped[str] = mapped_column(String(16))  # the beginning of the key, to recognise it by
    key_hash: Mapped[str] = mapped_column(Sha256, unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AuditEvent(Base):
    """Who promoted, withdrew or deleted what, and why; rows are only ever added."""

    __tablename__ = "audit_events"
    __table_args__ = (Index(None, "subject"), Index(None, "at"))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    action: Mapped[str] = mapped_column(Name)
    subject: Mapped[str] = mapped_column(String(200))  # "potential Si:3", "dataset si-pbe:2"
    actor: Mapped[str | None] = mapped_column(String(100))
    detail: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
