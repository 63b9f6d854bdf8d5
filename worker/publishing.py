"""From a finished training or import to a registered version: bytes in the store, then rows in one transaction."""

import contextlib
import json
import shutil
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.orm import Session

from models_store import artifacts, potentials
from models_store.artifacts import Stored
from models_store.tables import PotentialVersion
from nnp.core import recipe as recipes
from nnp.core.errors import CheckpointError
from worker import provenance
from worker.work import Work

if TYPE_CHECKING:
    from nnp.learn.finish import Progress, Trained

Result = TypeVar("Result")

MEDIA_TYPES = {
    "onnx_float32": "application/onnx",
    "onnx_float64": "application/onnx",
    "checkpoint": "application/octet-stream",
    "source": "application/octet-stream",
}


def follow(work: Work, start: Callable[[], Generator["Progress", None, Result]]) -> Result:
    """Run a training from the job's checkpoint, if there is a good one, else from its beginning.

    Args:
        work: told of every step; whatever stops it closes the training, which then writes its checkpoint.
        start: begins the training.
    """
    try:
        return _follow(work, start())
    except CheckpointError as error:
        if not work.checkpoint_directory.exists():
            raise
        work.journal.say(f"{error}; the training starts again from its beginning", level="warning")
        shutil.rmtree(work.checkpoint_directory)
        return _follow(work, start())


def _follow(work: Work, training: Generator["Progress", None, Result]) -> Result:
    with contextlib.closing(training):
        while True:
            work.check()
            try:
                step = next(training)
            except StopIteration as end:
                return end.value
            work.journal.progress(
                step.stage,
                epoch=step.epoch,
                epochs=step.epochs,
                seconds_left=step.seconds_left,
                metrics=step.metrics,
                message=step.message,
            )


def store(work: Work, trained: "Trained") -> dict[str, Stored]:
    """Put the files of a version into the artifact store, by role."""
    files = {
        "onnx_float32": trained.onnx_float32,
        "onnx_float64": trained.onnx_float64,
        "checkpoint": trained.checkpoint,
    }
    return {role: work.workplace.artifacts.put(content) for role, content in files.items()}


def register(
    session: Session,
    work: Work,
    trained: "Trained",
    files: Mapping[str, Stored],
    *,
    gates: Mapping[str, Any],
    recipe: recipes.Recipe | None,
    dataset_version_id: int | None,
    parent: PotentialVersion | None = None,
    limits: Sequence[Mapping[str, Any]] = (),
    origin: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write the rows of a version; returns the job's result.

    Args:
        session: the transaction that ends the job.
        work: its payload names the potential.
        trained: manifest, metrics and card.
        files: what `store` gave, and other stored files by role.
        gates: the report of the gates.
        recipe: what it was trained by; None for an import.
        dataset_version_id: the row id of the dataset version it was trained on.
        parent: the version it was made from.
        limits: what its form cannot do: code, sentence, names of checks of the contract that it breaks.
        origin: format and files of an import.
    """
    for role, entry in files.items():
        artifacts.register(session, entry, MEDIA_TYPES[role])
    version = potentials.register(
        session,
        work.payload["potential"],
        manifest=json.loads(trained.manifest.to_json()),
        elements=trained.manifest.elements,
        artifacts={role: entry.sha256 for role, entry in files.items()},
        metrics=trained.metrics,
        card=trained.card,
        gates=gates,
        limits=limits,
        origin=origin,
        recipe=None if recipe is None else recipe.model_dump(mode="json"),
        recipe_hash=None if recipe is None else recipes.recipe_hash(recipe),
        job_id=work.claim.job_id,
        dataset_version_id=dataset_version_id,
        parent_version_id=None if parent is None else parent.id,
        code_version=provenance.code_version(),
        package_versions=provenance.package_versions(),
        actor=work.claim.created_by,
    )
    return {"potential_version": version.reference, "metrics": trained.metrics, "gates": dict(gates)}
