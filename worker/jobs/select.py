"""The job `select`: from a pool of symmetry functions and a dataset version to a recipe with those that are needed."""

from collections.abc import Generator
from typing import TYPE_CHECKING

from nnp.core import recipe as recipes
from nnp.core import selection as selections
from worker import evaluation, plotted, publishing
from worker.jobs import train as trainings
from worker.work import Publish, Work

if TYPE_CHECKING:
    from nnp.learn.finish import Progress
    from nnp.learn.selection.select import Selected


def run(work: Work) -> Publish:
    """Choose functions and draw the error against their number.

    Raises:
        InputError, RecipeError: the data or the pool allow no choice.
    """
    selected = publishing.follow(work, lambda: _selecting(work))
    work.journal.say(f"chose {selected.count} of {selected.pool_size} functions in {selected.seconds:.0f} s")
    for warning in selected.warnings:
        work.journal.say(warning)
    return plotted.publication(work, selected.to_dict(), {"plot": selected.plot})


def _selecting(work: Work) -> Generator["Progress", None, "Selected"]:
    # Torch is loaded where symmetry functions are computed and nowhere else.
    from nnp.learn.selection.select import select

    payload = work.payload
    frames = evaluation.frames(work, payload["dataset_version"])
    work.journal.say(f"selecting symmetry functions on {payload['dataset_version']}: {len(frames)} frames")
    recipe = recipes.parse(payload["recipe"])
    baselines = trainings.baselines(work, recipe)
    return select(recipe, frames, selections.parse(payload["selection"]), baselines=baselines)
