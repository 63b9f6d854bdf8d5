"""The jobs `train` and `retrain`: a recipe and a dataset version become a potential version, judged by the gates."""

import contextlib
import json
import shutil
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from models_store import artifacts, datasets, potentials
from models_store.tables import PotentialVersion
from nnp.core import metrics
from nnp.core import recipe as recipes
from nnp.core.errors import CheckpointError
from nnp.core.label import Frame
from nnp.core.potential import Potential
from worker import attribution, evaluation, gates, incumbent, provenance
from worker.failing import JobRefused
from worker.work import Publish, Work

if TYPE_CHECKING:
    from nnp.learn import train

MEDIA_TYPES = {
    "onnx_float32": "application/onnx",
    "onnx_float64": "application/onnx",
    "checkpoint": "application/octet-stream",
}


def run(work: Work) -> Publish:
    """Train, judge and store; a killed worker's successor goes on from the job's last checkpoint.

    Raises:
        RecipeError: the recipe cannot work.
        DivergedError: the training diverged; its checkpoint stays.
    """
    payload = work.payload
    recipe = recipes.parse(payload["recipe"])
    frames = evaluation.frames(work, payload["dataset_version"])
    parent = _parent(work)
    work.journal.say(f"training {payload['potential']} on {payload['dataset_version']}: {len(frames)} frames")
    trained = _train(work, recipe, frames, parent)
    report = _judge(work, trained, evaluation.held_out(frames, recipe))
    stored = {
        role: work.workplace.artifacts.put(content)
        for role, content in (
            ("onnx_float32", trained.onnx_float32),
            ("onnx_float64", trained.onnx_float64),
            ("checkpoint", trained.checkpoint),
        )
    }

    def publish(session: Session) -> dict[str, Any]:
        for role, entry in stored.items():
            artifacts.register(session, entry, MEDIA_TYPES[role])
        version = potentials.register(
            session,
            payload["potential"],
            manifest=json.loads(trained.manifest.to_json()),
            elements=trained.manifest.elements,
            artifacts={role: entry.sha256 for role, entry in stored.items()},
            metrics=trained.metrics,
            card=trained.card,
            gates=report,
            recipe=recipe.model_dump(mode="json"),
            recipe_hash=recipes.recipe_hash(recipe),
            job_id=work.claim.job_id,
            dataset_version_id=datasets.version(session, payload["dataset_version"]).id,
            parent_version_id=None if parent is None else parent.id,
            code_version=provenance.code_version(),
            package_versions=provenance.package_versions(),
            actor=work.claim.created_by,
        )
        return {"potential_version": version.reference, "metrics": trained.metrics, "gates": report}

    return publish


def _train(work: Work, recipe: recipes.Recipe, frames: list[Frame], parent: PotentialVersion | None) -> "train.Trained":
    """Train from the job's checkpoint, if there is a good one."""
    # Torch is loaded where trainings run and nowhere else: workers of other queues never need it.
    from nnp.learn import train

    lineage = _lineage(work)

    def start() -> Generator["train.Progress", None, "train.Trained"]:
        return train.train(
            recipe,
            frames,
            checkpoint_directory=work.checkpoint_directory,
            parent=None if parent is None else _warm_start(work, parent),
            threads=work.workplace.threads,
            save_seconds=work.workplace.checkpoint_seconds,
            lineage=lineage,
        )

    try:
        return _follow(work, start())
    except CheckpointError as error:
        if not work.checkpoint_directory.exists():
            raise
        work.journal.say(f"{error}; the training starts again from its beginning", level="warning")
        shutil.rmtree(work.checkpoint_directory)
        return _follow(work, start())


def _lineage(work: Work) -> dict[str, Any]:
    payload = work.payload
    with work.workplace.reading() as session:
        version = datasets.version(session, payload["dataset_version"])
        named = attribution.attribution(session, payload["potential"], version, trained_by=work.claim.created_by)
    return {
        "potential": payload["potential"],
        "dataset_version": version.reference,
        "job_id": work.claim.job_id,
        **named,
    }


def _warm_start(work: Work, parent: PotentialVersion) -> "train.ParentPotential":
    from nnp.learn import train

    checkpoint = parent.artifact_hashes.get("checkpoint")
    if checkpoint is None:
        raise JobRefused("parent_without_checkpoint", f"{parent.reference} has no checkpoint to start from.")
    return train.ParentPotential(checkpoint=work.workplace.artifacts.read(checkpoint), name=parent.reference)


def _follow(work: Work, training: Generator["train.Progress", None, "train.Trained"]) -> "train.Trained":
    """Tell the registry of every step; whatever stops us closes the training, which then writes its checkpoint."""
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


def _parent(work: Work) -> PotentialVersion | None:
    reference = work.payload.get("parent")
    if reference is None:
        return None
    with work.workplace.reading() as session:
        return potentials.resolve(session, reference)


def _judge(work: Work, trained: "train.Trained", test: list[Frame]) -> dict[str, Any]:
    payload = work.payload
    alias = payload.get("alias", "production")
    work.journal.progress("gates", message=f"{len(test)} test structures")
    potential = Potential.load(trained.onnx_float32, threads=work.workplace.threads)
    errors = metrics.errors(test, evaluation.predict(work, potential, test)) if test else None
    rival = incumbent.judge(work, payload["potential"], alias, test)
    checks = [
        gates.physics_contract(trained.contract.to_dict()["checks"]),
        gates.finite_test_errors(errors),
        gates.not_worse_than_incumbent(errors, rival),
    ]
    for check in checks:
        work.journal.say(f"gate {check.name}: {check.detail}", level="info" if check.passed else "warning")
    return gates.report(checks, dataset_version=payload["dataset_version"], alias=alias, incumbent=rival)
