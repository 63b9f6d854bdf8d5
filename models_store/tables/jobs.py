"""Jobs, their attempts and their events."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Boolean, Double, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models_store.tables.base import Base, Json, Name, UtcDateTime, Word, now


class JobKind(StrEnum):
    INGEST = "ingest"
    TRAIN = "train"
    RETRAIN = "retrain"
    EVALUATE = "evaluate"
    IMPORT = "import"
    REPLICAS = "replicas"
    EXPORT = "export"
    PREVIEW = "preview"
    SELECT = "select"
    SEARCH = "search"


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class EventKind(StrEnum):
    STATE = "state"
    PROGRESS = "progress"
    METRICS = "metrics"
    LOG = "log"


class AttemptOutcome(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RELEASED = "released"
    LOST = "lost"


class Job(Base):
    """Work to be done, being done or done. The row is the truth, the message in the broker a doorbell.

    Times that are compared (`lease_until`, `available_at`, `ring_at`) are seconds since the epoch by the clock of the
    database, so that clocks of workers do not matter.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index(None, "state", "lease_until"),
        Index(None, "state", "ring_at"),
        Index(None, "parent_id"),
        Index(None, "created_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[JobKind] = mapped_column(Word(JobKind))
    state: Mapped[JobState] = mapped_column(Word(JobState), default=JobState.QUEUED)
    queue: Mapped[str] = mapped_column(Name)
    priority: Mapped[int] = mapped_column(Integer, default=0)
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id"))
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    idempotency_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    result: Mapped[dict[str, Any] | None] = mapped_column(Json)
    progress: Mapped[dict[str, Any] | None] = mapped_column(Json)
    error: Mapped[dict[str, Any] | None] = mapped_column(Json)  # code, message, retryable, detail

    attempt: Mapped[int] = mapped_column(Integer, default=0)  # of the last claim: the fencing token
    lost_attempts: Mapped[int] = mapped_column(Integer, default=0)  # leases that ran out since the last submit or retry
    max_lost_attempts: Mapped[int] = mapped_column(Integer, default=3)
    worker: Mapped[str | None] = mapped_column(String(200))
    lease_until: Mapped[float | None] = mapped_column(Double)
    available_at: Mapped[float] = mapped_column(Double, default=0.0)
    ring_at: Mapped[float] = mapped_column(Double, default=0.0)  # when the reconciler rings (again)
    rings: Mapped[int] = mapped_column(Integer, default=0)
    cancel_requested: Mapped[bool] = mapped_column(Boolean, default=False)
    last_event: Mapped[int] = mapped_column(Integer, default=0)

    created_by: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class JobAttempt(Base):
    """One claim of a job by a worker."""

    __tablename__ = "job_attempts"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    worker: Mapped[str] = mapped_column(String(200))
    outcome: Mapped[AttemptOutcome] = mapped_column(Word(AttemptOutcome), default=AttemptOutcome.RUNNING)
    detail: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class JobEvent(Base):
    """What a job said, numbered from 1 without gaps; a higher number is never committed before a lower one."""

    __tablename__ = "job_events"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    attempt: Mapped[int] = mapped_column(Integer)
    kind: Mapped[EventKind] = mapped_column(Word(EventKind))
    data: Mapped[dict[str, Any]] = mapped_column(Json)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class JobArtifact(Base):
    """Bytes a job needs: kept as long as the job can still run."""

    __tablename__ = "job_artifacts"
    __table_args__ = (Index(None, "sha256"),)

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(Name, primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("artifacts.sha256"))
