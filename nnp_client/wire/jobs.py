"""Jobs: what can be submitted, what a job is, what it said."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from nnp.core.recipe import Network, Recipe
from nnp.core.search import Search
from nnp.core.selection import Selection
from nnp_client.wire.base import DATASET_PATTERN, Name, Wire
from nnp_client.wire.predictions import PotentialReference


class JobKind(StrEnum):
    """What a job does."""

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
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL_STATES = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})


class EventKind(StrEnum):
    """What an event of a job tells."""

    STATE = "state"
    PROGRESS = "progress"
    METRICS = "metrics"
    LOG = "log"


DatasetVersionReference = Annotated[
    str,
    Field(
        pattern=DATASET_PATTERN,
        description='A dataset version "si-pbe:2"; "si-pbe" is its newest one that is ready.',
        examples=["si-pbe:2"],
    ),
]
AliasName = Annotated[Name, Field(description="The alias whose present version the new one must not be worse than.")]


class TrainRequest(Wire):
    """Train a new version of a potential."""

    kind: Literal["train"] = Field(description="What to do.")
    potential: Name = Field(description="Name of the potential; made if there is none of this name.")
    dataset_version: DatasetVersionReference
    recipe: Recipe = Field(
        default_factory=Recipe, description="Everything that determines the training besides the data."
    )
    alias: AliasName = "production"


class RetrainRequest(Wire):
    """Train a new version of a potential, starting from the weights of a parent version."""

    kind: Literal["retrain"] = Field(description="What to do.")
    parent: PotentialReference = Field(description='The version to start from, "Si:3" or "Si@production".')
    dataset_version: DatasetVersionReference
    potential: Name | None = Field(default=None, description="Name of the potential; null means the parent's.")
    recipe: Recipe | None = Field(default=None, description="The recipe; null means the parent's.")
    alias: AliasName = "production"


class EvaluateRequest(Wire):
    """Measure the errors of a potential version on a dataset version, and go through the gates again."""

    kind: Literal["evaluate"] = Field(description="What to do.")
    version: PotentialReference = Field(description='The potential version, "Si:3" or "Si@production".')
    dataset_version: DatasetVersionReference
    split: Literal["train", "validation", "test"] | None = Field(
        default="test", description="The part of the dataset version; null means all frames."
    )
    alias: AliasName | None = Field(
        default=None, description="Gate again for this alias, against its present version; null means no gates."
    )


class ReplicasRequest(Wire):
    """Train replicas for a potential version on structures that need no labels: a new version with novelties."""

    kind: Literal["replicas"] = Field(description="What to do.")
    version: PotentialReference = Field(description='The potential version, "Si:3" or "Si@production".')
    dataset_version: DatasetVersionReference
    replicas: Annotated[list[Network], Field(min_length=2, max_length=32)] | None = Field(
        default=None, description="The networks; null means those of the version's recipe, or of the default one."
    )
    replica_gain: float | None = Field(
        default=None, gt=0.0, le=10.0, description="Factor on their initial weight spread; null as above."
    )
    replica_steps: int | None = Field(
        default=None, ge=1, le=10_000_000, description="Their optimiser steps; null as above."
    )
    alias: AliasName = "production"


ExportFormat = Literal["n2p2", "simple-nn"]


class ExportRequest(Wire):
    """Write a potential version in the files of another program; the job's file `export` holds them."""

    kind: Literal["export"] = Field(description="What to do.")
    version: PotentialReference = Field(description='The potential version, "Si:3" or "Si@production".')
    format: ExportFormat = Field(description="Whose files.")


class PreviewRequest(Wire):
    """Look where a recipe's symmetry functions sit on a data set, how many they are and which types of them matter."""

    kind: Literal["preview"] = Field(description="What to do.")
    dataset_version: DatasetVersionReference
    recipe: Recipe = Field(default_factory=Recipe, description="Whose symmetry functions to look at.")


class SelectRequest(Wire):
    """Choose the symmetry functions that a data set needs from a pool: the job's result holds a recipe and a curve."""

    kind: Literal["select"] = Field(description="What to do.")
    dataset_version: DatasetVersionReference
    recipe: Recipe = Field(default_factory=Recipe, description="Its symmetry functions are the pool.")
    selection: Selection = Field(default_factory=Selection, description="Method, count and what the curve shows.")


class SearchRequest(Wire):
    """Look for a better recipe near a given one: layers, activation, functions, cutoff, loss."""

    kind: Literal["search"] = Field(description="What to do.")
    dataset_version: DatasetVersionReference
    recipe: Recipe = Field(default_factory=Recipe, description="Where to start; it is the first trial.")
    search: Search = Field(default_factory=Search, description="What varies, budget in steps and folds.")


AnyRequest = (
    TrainRequest
    | RetrainRequest
    | EvaluateRequest
    | ReplicasRequest
    | ExportRequest
    | PreviewRequest
    | SelectRequest
    | SearchRequest
)
JobRequest = Annotated[AnyRequest, Field(discriminator="kind")]


class JobProgress(Wire):
    """How far a running job is; null where the job does not know."""

    stage: str | None = Field(
        description="The stage it is in, such as prepare, committee, replicas, calibrate, export."
    )
    epoch: int | None = Field(description="Epochs done in this stage.")
    epochs: int | None = Field(description="Epochs of this stage at most.")
    fraction: float | None = Field(description="Part done of this stage, 0 to 1.")
    seconds_left: float | None = Field(description="Estimate of the time left in this stage, in s.")
    metrics: dict[str, float | None] = Field(
        description="Latest errors; the unit is in the name (energy_rmse_mev_per_atom, force_rmse_ev_per_a, ...)."
    )
    message: str | None = Field(description="One line for people.")


class JobFailure(Wire):
    """Why a job failed."""

    code: str = Field(description="Stable name of the error.")
    message: str = Field(description="One sentence that says what went wrong.")
    retryable: bool = Field(description="Whether the same job may succeed another time.")
    detail: dict[str, Any] | None = Field(description="More, by kind of error: the epoch of a divergence, bad frames.")


class JobOut(Wire):
    """A job."""

    id: str = Field(description="Identifier of the job.")
    kind: JobKind = Field(description="What it does.")
    state: JobState = Field(description="Where it is.")
    queue: str = Field(description="The queue it waits in.")
    request: dict[str, Any] = Field(description="What was asked for, as stored; depends on the kind.")
    progress: JobProgress | None = Field(description="How far it is; null before it runs.")
    result: dict[str, Any] | None = Field(
        description="What it made (potential_version, dataset_version, recipe, metrics, gates, files); null before it "
        "succeeded."
    )
    error: JobFailure | None = Field(description="Why it failed; null when it did not.")
    attempt: int = Field(description="Number of times a worker took it.")
    lost_attempts: int = Field(description="Number of workers that went silent on it.")
    cancel_requested: bool = Field(description="Whether somebody asked it to stop.")
    last_event: int = Field(description="Number of its latest event; 0 when there is none.")
    parent_id: str | None = Field(description="The job that made this one; null when a person did.")
    created_by: str | None = Field(
        description="Name of the API key it was submitted with; null when keys are not used."
    )
    created_at: datetime = Field(description="When it was submitted.")
    started_at: datetime | None = Field(description="When it was first taken; null before.")
    finished_at: datetime | None = Field(description="When it ended; null before.")


class EventOut(Wire):
    """One thing a job said."""

    number: int = Field(description="Counts from 1 without gaps.")
    at: datetime = Field(description="When.")
    attempt: int = Field(description="The attempt that said it.")
    kind: EventKind = Field(description="What it tells.")
    data: dict[str, Any] = Field(
        description="state: state and reason; progress: as a job's progress; metrics: stage, epoch, epochs, metrics; "
        "log: level and message."
    )


class JobEvents(Wire):
    """What a job said after a given event."""

    events: list[EventOut] = Field(description="In order of their numbers.")
    last: int = Field(description="Give it as `after` next time.")
    state: JobState = Field(description="State of the job when this was read.")
    progress: JobProgress | None = Field(description="How far the job is; null before it runs.")
