"""Predictions of a potential version on the frames of a dataset version, without torch."""

from collections.abc import Sequence

from models_store import artifacts, datasets
from models_store.tables import DatasetVersion, PotentialVersion
from nnp.core import identity
from nnp.core import recipe as recipes
from nnp.core.label import Frame
from nnp.core.potential import Potential
from nnp.core.prediction import Prediction
from nnp.core.recipe import Recipe
from nnp.learn import splits
from worker.work import Work

STRUCTURES_PER_STEP = 32
PROPERTIES = ("energy", "forces", "stress")
SERVED = "onnx_float32"
"""Role of the artifact that is judged: the one that is served."""


def frames(work: Work, dataset_version: str) -> list[Frame]:
    """The frames of a dataset version such as "si-pbe:2", in order.

    Raises:
        NotFound: there is no such version.
    """
    with work.workplace.reading() as session:
        return list(datasets.frames(session, datasets.version(session, dataset_version)))


def as_learnt(given: Sequence[Frame], recipe: Recipe | None) -> list[Frame]:
    """The frames with the labels that a training by `recipe` is fitted to, such as those of a guest alone."""
    if recipe is None or (recipe.without is None and recipe.centres is None):
        return list(given)
    from nnp.learn import difference  # loads torch, which the default queue rarely needs

    return list(difference.learnt(recipe, given))


def held_out(given: Sequence[Frame], recipe: Recipe) -> list[Frame]:
    """Of frames `as_learnt`, the labelled ones that a training by `recipe` never sees.

    That is the test split stored with the frames, groups that the recipe excludes among them: a recipe cannot choose
    what it is judged on. Where it draws its own test set, it is that one with the stored test frames of those groups.
    """
    if recipe.test_fraction is None:
        return _stored_test(given)
    drawn = splits.split(given, recipe)
    left_out = {*drawn.test, *(index for index in drawn.excluded if given[index].split == "test")}
    return [given[index] for index in sorted(left_out) if given[index].label is not None]


def unseen(work: Work, version: PotentialVersion, dataset_version: str, given: Sequence[Frame]) -> list[Frame]:
    """The labelled test frames of `dataset_version` that an existing version was not trained on.

    `given` are all of its frames, `as_learnt` by the version's recipe.
    """
    with work.workplace.reading() as session:
        trained_on = (
            version.dataset_version_id and session.get_one(DatasetVersion, version.dataset_version_id).reference
        )
    if version.recipe is None or not trained_on:
        return _stored_test(given)
    recipe = recipes.parse(version.recipe)
    if trained_on == dataset_version:
        return held_out(given, recipe)
    own = as_learnt(frames(work, trained_on), recipe)
    used = splits.split(own, recipe)
    seen = {identity.structure_id(own[index].structure) for index in (*used.train, *used.validation)}
    return [frame for frame in _stored_test(given) if identity.structure_id(frame.structure) not in seen]


def _stored_test(given: Sequence[Frame]) -> list[Frame]:
    return [frame for frame in given if frame.split == "test" and frame.label is not None]


def load(store: artifacts.ArtifactStore, version: PotentialVersion, *, threads: int, role: str = SERVED) -> Potential:
    """The potential, as it is served unless another role is named; its bytes are verified.

    Raises:
        ArtifactError: the bytes are missing or damaged.
    """
    return Potential.load(store.read(version.artifact_hashes[role]), threads=threads)


def predict(work: Work, potential: Potential, given: Sequence[Frame]) -> list[Prediction]:
    """Energy, forces and stress of every frame, in steps between which the job can be stopped.

    Raises:
        CoverageError: the potential does not know an element of a frame.
    """
    predictions: list[Prediction] = []
    for start in range(0, len(given), STRUCTURES_PER_STEP):
        work.check()
        batch = [frame.structure for frame in given[start : start + STRUCTURES_PER_STEP]]
        predictions.extend(potential.evaluate(batch, PROPERTIES))
        work.journal.progress("evaluate", epoch=len(predictions), epochs=len(given))
    return predictions
