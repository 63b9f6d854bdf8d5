"""The jobs `train` and `retrain`: a recipe and a dataset version become a potential version, judged by the gates."""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from models_store import datasets, potentials
from models_store.tables import PotentialVersion
from nnp.core import recipe as recipes
from nnp.core.label import Frame
from worker import attribution, evaluation, judging, publishing
from worker.failing import JobRefused
from worker.work import Publish, Work

if TYPE_CHECKING:
    from nnp.learn import train


def run(work: Work) -> Publish:
    """Train, judge and store; a killed worker's successor goes on from the job's last checkpoint.

    Raises:
        RecipeError: the recipe cannot work.
        DivergedError: the training diverged; its checkpoint stays.
    """
    payload = work.payload
    parent = _parent(work)
    recipe = _suiting(work, recipes.parse(payload["recipe"]), parent)
    frames = evaluation.frames(work, payload["dataset_version"])
    limits = [] if parent is None else parent.limits or []  # its form stays, however its networks are trained
    work.journal.say(f"training {payload['potential']} on {payload['dataset_version']}: {len(frames)} frames")
    trained = publishing.follow(work, lambda: _training(work, recipe, frames, parent))
    test = evaluation.held_out(evaluation.as_learnt(frames, recipe), recipe)
    report = judging.judge(work, trained, test, dataset_version=payload["dataset_version"], limits=limits)
    files = publishing.store(work, trained)

    def publish(session: Session) -> dict[str, Any]:
        return publishing.register(
            session,
            work,
            trained,
            files,
            gates=report,
            recipe=recipe,
            dataset_version_id=datasets.version(session, payload["dataset_version"]).id,
            parent=parent,
            limits=limits,
        )

    return publish


def _training(
    work: Work, recipe: recipes.Recipe, frames: list[Frame], parent: PotentialVersion | None
) -> Generator["train.Progress", None, "train.Trained"]:
    # Torch is loaded where trainings run and nowhere else: workers of other queues never need it.
    from nnp.learn import train

    return train.train(
        recipe,
        frames,
        checkpoint_directory=work.checkpoint_directory,
        parent=None if parent is None else warm_start(work, parent),
        threads=work.workplace.threads,
        save_seconds=work.workplace.checkpoint_seconds,
        lineage=lineage(work, work.payload["dataset_version"]),
        baselines=baselines(work, recipe),
    )


def _suiting(work: Work, recipe: recipes.Recipe, parent: PotentialVersion | None) -> recipes.Recipe:
    """The recipe with networks and cutoff of an imported parent, which no recipe has chosen."""
    if parent is None or parent.origin is None:
        return recipe
    from nnp.learn import weights

    found = weights.unpack(warm_start(work, parent).checkpoint)
    networks = [{"hidden": shape.hidden, "hidden_by_element": shape.hidden_by_element} for shape in found.committee]
    shaped = {"committee": networks, "cutoff": found.definition.functions.cutoff}
    return recipes.parse({**recipe.model_dump(mode="json"), **shaped})


def baselines(work: Work, recipe: recipes.Recipe) -> dict[str, bytes]:
    """The checkpoints of the potentials that the recipe's baseline names."""
    names = [term.name for term in recipe.baseline_terms if term.kind == "potential"]
    return {name: warm_start(work, _version(work, name)).checkpoint for name in names}


def lineage(work: Work, dataset_version: str) -> dict[str, Any]:
    """What card and manifest say of the origin of a version trained on a dataset version."""
    payload = work.payload
    with work.workplace.reading() as session:
        version = datasets.version(session, dataset_version)
        named = attribution.attribution(session, payload["potential"], version, trained_by=work.claim.created_by)
    return {
        "potential": payload["potential"],
        "dataset_version": version.reference,
        "job_id": work.claim.job_id,
        **named,
    }


def warm_start(work: Work, parent: PotentialVersion) -> "train.ParentPotential":
    """The version to start from.

    Raises:
        JobRefused: it has no checkpoint.
    """
    from nnp.learn import train

    checkpoint = parent.artifact_hashes.get("checkpoint")
    if checkpoint is None:
        raise JobRefused("parent_without_checkpoint", f"{parent.reference} has no checkpoint to start from.")
    excused = tuple(check for limit in parent.limits or () for check in limit.get("checks", ()))
    content = work.workplace.artifacts.read(checkpoint)
    return train.ParentPotential(checkpoint=content, name=parent.reference, excused=excused)


def _parent(work: Work) -> PotentialVersion | None:
    reference = work.payload.get("parent")
    return None if reference is None else _version(work, reference)


def _version(work: Work, reference: str) -> PotentialVersion:
    with work.workplace.reading() as session:
        return potentials.resolve(session, reference)
