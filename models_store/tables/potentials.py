"""Potentials, their versions with artifacts, and the aliases that point at versions."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models_store.tables.artifacts import Artifact
from models_store.tables.base import Base, Json, Key, Name, Sha256, UtcDateTime, Word, now


class PotentialState(StrEnum):
    AVAILABLE = "available"
    WITHDRAWN = "withdrawn"


class Potential(Base):
    """A name for a line of potential versions."""

    __tablename__ = "potentials"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(Name, unique=True)
    description: Mapped[str] = mapped_column(Text, default="")
    last_number: Mapped[int] = mapped_column(Integer, default=0)  # numbers are given out once, also after a deletion
    created_by: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class PotentialVersion(Base):
    """What was trained, from what, by what; only `state`, `reason`, `withdrawn_at` and `gates` ever change."""

    __tablename__ = "potential_versions"
    __table_args__ = (
        UniqueConstraint("potential_id", "number"),
        Index(None, "job_id"),
        Index(None, "dataset_version_id"),
        Index(None, "parent_id"),
        {"sqlite_autoincrement": True},  # ids are in payloads of jobs: never given out twice
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    potential_id: Mapped[int] = mapped_column(ForeignKey("potentials.id"))
    number: Mapped[int] = mapped_column(Integer)
    state: Mapped[PotentialState] = mapped_column(Word(PotentialState), default=PotentialState.AVAILABLE)
    reason: Mapped[str | None] = mapped_column(Text)  # why withdrawn
    elements: Mapped[str] = mapped_column(String(500), index=True)  # symbols between spaces: " O Si "
    manifest: Mapped[dict[str, Any]] = mapped_column(Json)
    metrics: Mapped[dict[str, Any]] = mapped_column(Json)
    card: Mapped[dict[str, Any]] = mapped_column(Json)
    gates: Mapped[dict[str, Any] | None] = mapped_column(Json)
    limits: Mapped[list[dict[str, Any]] | None] = mapped_column(Json)  # code, sentence, checks: what its form cannot do
    origin: Mapped[dict[str, Any] | None] = mapped_column(Json)  # format and files of an imported version
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id"))
    recipe: Mapped[dict[str, Any] | None] = mapped_column(Json)
    recipe_hash: Mapped[str | None] = mapped_column(Sha256)
    dataset_version_id: Mapped[int | None] = mapped_column(ForeignKey("dataset_versions.id"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("potential_versions.id"))
    code_version: Mapped[str] = mapped_column(String(100))
    package_versions: Mapped[dict[str, Any]] = mapped_column(Json)
    created_by: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    potential: Mapped[Potential] = relationship(lazy="joined", innerjoin=True)
    artifacts: Mapped[list["PotentialArtifact"]] = relationship(
        lazy="selectin", order_by="PotentialArtifact.role", passive_deletes="all"
    )

    @property
    def reference(self) -> str:
        """Its name in text, such as "Si:3"."""
        return f"{self.potential.name}:{self.number}"

    @property
    def symbols(self) -> tuple[str, ...]:
        """The elements it covers."""
        return tuple(self.elements.split())

    @property
    def artifact_hashes(self) -> dict[str, str]:
        """The sha256 of its artifacts by role."""
        return {artifact.role: artifact.sha256 for artifact in self.artifacts}


class PotentialArtifact(Base):
    """The bytes of a potential version by role ("onnx_float32", "onnx_float64", "checkpoint", ...)."""

    __tablename__ = "potential_artifacts"
    __table_args__ = (Index(None, "sha256"),)

    version_id: Mapped[int] = mapped_column(ForeignKey("potential_versions.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(Name, primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("artifacts.sha256"))

    artifact: Mapped[Artifact] = relationship(lazy="joined", innerjoin=True)


class Alias(Base):
    """A name that points at one version of a potential and may be moved, by compare-and-swap."""

    __tablename__ = "aliases"
    __table_args__ = (Index(None, "version_id"),)

    potential_id: Mapped[int] = mapped_column(ForeignKey("potentials.id"), primary_key=True)
    name: Mapped[str] = mapped_column(Name, primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("potential_versions.id"))
    moved_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    potential: Mapped[Potential] = relationship(lazy="joined", innerjoin=True)
    version: Mapped[PotentialVersion] = relationship(lazy="joined", innerjoin=True)


class AliasMove(Base):
    """One move of an alias; rows are only ever added."""

    __tablename__ = "alias_history"
    __table_args__ = (
        Index(None, "potential_id", "alias"),
        Index(None, "version_id"),
        Index(None, "previous_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    potential_id: Mapped[int] = mapped_column(ForeignKey("potentials.id"))
    alias: Mapped[str] = mapped_column(Name)
    version_id: Mapped[int | None] = mapped_column(ForeignKey("potential_versions.id"))  # None: the alias was removed
    previous_id: Mapped[int | None] = mapped_column(ForeignKey("potential_versions.id"))
    actor: Mapped[str | None] = mapped_column(String(100))
    reason: Mapped[str] = mapped_column(Text, default="")
    gates: Mapped[dict[str, Any] | None] = mapped_column(Json)  # the gate report the move was based on
    accepted_limits: Mapped[list[str] | None] = mapped_column(Json)  # codes of limits that the caller accepted
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    version: Mapped[PotentialVersion | None] = relationship(lazy="joined", foreign_keys=[version_id])
    previous: Mapped[PotentialVersion | None] = relationship(lazy="joined", foreign_keys=[previous_id])
