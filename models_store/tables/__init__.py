"""The tables of the registry."""

from models_store.tables.access import ApiKey, AuditEvent
from models_store.tables.artifacts import Artifact
from models_store.tables.base import Base, UtcDateTime, now
from models_store.tables.datasets import Dataset, DatasetMember, DatasetState, DatasetVersion, Split
from models_store.tables.jobs import (
    AttemptOutcome,
    EventKind,
    Job,
    JobArtifact,
    JobAttempt,
    JobEvent,
    JobKind,
    JobState,
)
from models_store.tables.potentials import (
    Alias,
    AliasMove,
    Potential,
    PotentialArtifact,
    PotentialState,
    PotentialVersion,
)
from models_store.tables.structures import Label, Method, Structure

__all__ = [
    "Alias",
    "AliasMove",
    "ApiKey",
    "Artifact",
    "AttemptOutcome",
    "AuditEvent",
    "Base",
    "Dataset",
    "DatasetMember",
    "DatasetState",
    "DatasetVersion",
    "EventKind",
    "Job",
    "JobArtifact",
    "JobAttempt",
    "JobEvent",
    "JobKind",
    "JobState",
    "Label",
    "Method",
    "Potential",
    "PotentialArtifact",
    "PotentialState",
    "PotentialVersion",
    "Split",
    "Structure",
    "UtcDateTime",
    "now",
]
