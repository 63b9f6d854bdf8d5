"""The job `replicas`: replicas for an existing version, on structures that need no labels; makes a new version."""

from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from models_store import potentials
from models_store.tables import DatasetVersion, PotentialVersion
from nnp.core import recipe as recipes
from nnp.core.label import Frame
from worker import evaluation, foreign, judging, publishing
from worker.failing import JobRefused
from worker.jobs import train as trainings
from worker.work import Publish, Work

if TYPE_CHECKING:
    from nnp.learn import train

CHOSEN = ("replicas", "replica_gain", "replica_steps")
"""Fields of the recipe that the request may choose; all others are the version's."""


def run(work: Work) -> Publish:
    """Train replicas; the served potential stays as it is.

    Raises:
        JobRefused: the version was neither trained here nor imported.
        InputError: the structures have elements that the potential does not know.
    """
    payload = work.payload
    with work.workplace.reading() as session:
        parent = potentials.resolve(session, payload["parent"])
    chosen = {name: payload[name] for name in CHOSEN if payload.get(name) is not None}
    if parent.origin is not None:
        origin = foreign.Source.of({**parent.origin, "artifact": parent.artifact_hashes["source"]})
        wanted = recipes.parse(chosen)
        return foreign.make(work, origin, dataset_version=payload["dataset_version"], wanted=wanted, parent=parent)
    if parent.recipe is None or parent.dataset_version_id is None:
        raise JobRefused("parent_without_recipe", f"{parent.reference} was neither trained here nor imported.")
    return _for_trained(work, parent, recipes.parse({**parent.recipe, **chosen}), parent.dataset_version_id)


def _for_trained(work: Work, parent: PotentialVersion, recipe: recipes.Recipe, dataset_version_id: int) -> Publish:
    """Beside the frames that the version was trained on; errors and calibration are measured on these again."""
    with work.workplace.reading() as session:
        trained_on = session.get_one(DatasetVersion, dataset_version_id).reference
    own = evaluation.frames(work, trained_on)
    more = evaluation.frames(work, work.payload["dataset_version"])
    unlabelled = [replace(frame, label=None, split=None, group=None, trajectory=None) for frame in more]
    work.journal.say(f"replicas for {parent.reference} on {trained_on} and {len(more)} structures more")
    trained = publishing.follow(work, lambda: _training(work, recipe, [*own, *unlabelled], parent, trained_on))
    test = evaluation.held_out(evaluation.as_learnt(own, recipe), recipe)
    limits = parent.limits or []
    report = judging.judge(work, trained, test, dataset_version=trained_on, limits=limits)
    files = publishing.store(work, trained)

    def publish(session: Session) -> dict[str, Any]:
        return publishing.register(
            session,
            work,
            trained,
            files,
            gates=report,
            recipe=recipe,
            dataset_version_id=dataset_version_id,
            parent=parent,
            limits=limits,
        )

    return publish


def _training(
    work: Work, recipe: recipes.Recipe, frames: list[Frame], parent: PotentialVersion, trained_on: str
) -> Generator["train.Progress", None, "train.Trained"]:
    from nnp.learn import train

    return train.add_replicas(
        recipe,
        frames,
        parent=trainings.warm_start(work, parent),
        checkpoint_directory=work.checkpoint_directory,
        lineage={**trainings.lineage(work, trained_on), "replicas_from": work.payload["dataset_version"]},
    )
