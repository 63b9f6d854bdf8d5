"""Datasets, their versions and the members of a version."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models_store.tables.base import Base, Json, Key, Name, Sha256, UtcDateTime, Word, now


class DatasetState(StrEnum):
    INGESTING = "ingesting"
    READY = "ready"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Split(StrEnum):
    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Dataset(Base):
    """A name for a growing collection of frames."""

    __tablename__ = "datasets"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(Name, unique=True)
    description: Mapped[str] = mapped_column(Text, default="")
    last_number: Mapped[int] = mapped_column(Integer, default=0)  # numbers are given out once, also after a deletion
    created_by: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class DatasetVersion(Base):
    """A fixed set of frames; frozen once `content_hash` is set."""

    __tablename__ = "dataset_versions"
    __table_args__ = (
        UniqueConstraint("dataset_id", "number"),
        UniqueConstraint("dataset_id", "content_hash"),
        Index(None, "parent_id"),
        Index(None, "job_id"),
        Index(None, "source_sha256"),
        {"sqlite_autoincrement": True},  # ids are in payloads of jobs: never given out twice
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"))
    number: Mapped[int] = mapped_column(Integer)
    state: Mapped[DatasetState] = mapped_column(Word(DatasetState), default=DatasetState.INGESTING)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("dataset_versions.id"))
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id"))
    source_sha256: Mapped[str | None] = mapped_column(ForeignKey("artifacts.sha256"))  # the file as uploaded
    content_hash: Mapped[str | None] = mapped_column(Sha256)
    elements: Mapped[str | None] = mapped_column(String(500), index=True)  # symbols between spaces: " O Si "
    statistics: Mapped[dict[str, Any] | None] = mapped_column(Json)
    rejections: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)  # file, frame, line, reason
    reason: Mapped[str | None] = mapped_column(Text)  # why rejected or withdrawn
    note: Mapped[str] = mapped_column(Text, default="")  # what this version is, in the words of who made it
    created_by: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    frozen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    dataset: Mapped[Dataset] = relationship(lazy="joined", innerjoin=True)

    @property
    def reference(self) -> str:
        """Its name in text, such as "si-pbe:2"."""
        return f"{self.dataset.name}:{self.number}"


class DatasetMember(Base):
    """One frame of a dataset version."""

    __tablename__ = "dataset_members"
    __table_args__ = (
        Index(None, "version_id", "group"),
        Index(None, "structure_id"),
        Index(None, "label_id"),
    )

    version_id: Mapped[int] = mapped_column(ForeignKey("dataset_versions.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)  # 0-based, in the order of the upload
    structure_id: Mapped[str] = mapped_column(ForeignKey("structures.id"))
    label_id: Mapped[int | None] = mapped_column(ForeignKey("labels.id"))
    group: Mapped[str | None] = mapped_column(String(200))
    trajectory: Mapped[str | None] = mapped_column(String(200))
    split: Mapped[Split] = mapped_column(Word(Split))
    name: Mapped[str | None] = mapped_column(Text)
    source_file: Mapped[str | None] = mapped_column(Text)
    source_frame: Mapped[int | None] = mapped_column(Integer)  # 0-based
    source_line: Mapped[int | None] = mapped_column(Integer)  # 1-based
