"""Predictions of a potential version on the frames of a dataset version, without torch."""

from collections.abc import Sequence

from models_store import artifacts, datasets
from models_store.tables import PotentialVersion
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


def held_out(given: Sequence[Frame], recipe: Recipe | None) -> list[Frame]:
    """The labelled frames that a training by `recipe` on these frames never sees: its test set.

    Without a recipe (a potential that was not trained here), the test split that is stored with the frames.
    """
    if recipe is None:
        return [frame for frame in given if frame.split == "test" and frame.label is not None]
    return [given[index] for index in splits.split(given, recipe).test]


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
