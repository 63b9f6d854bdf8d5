"""The job `search`: from a recipe and a dataset version to a better recipe, within a budget of optimiser steps."""

from collections.abc import Generator
from typing import TYPE_CHECKING

from nnp.core import recipe as recipes
from nnp.core import search as searches
from worker import evaluation, plotted, publishing
from worker.jobs import train as trainings
from worker.work import Publish, Work

if TYPE_CHECKING:
    from nnp.learn.finish import Progress
    from nnp.learn.search.search import Found


def run(work: Work) -> Publish:
    """Try recipes and cross-validate the best; a killed worker's successor goes on after the last finished trial.

    Raises:
        InputError, RecipeError: the data or the recipe allow no search.
    """
    found = publishing.follow(work, lambda: _searching(work))
    verdict = "a better recipe" if found.improved else "no better recipe than the given one"
    low, high = found.gain["interval"]
    gain = f"the best one's error is lower by {found.gain['mean']:.1%} ({low:.1%} to {high:.1%})"
    work.journal.say(f"{verdict} in {len(found.trials)} trials: {gain}")
    return plotted.publication(work, found.to_dict(), {"plot": found.plot})


def _searching(work: Work) -> Generator["Progress", None, "Found"]:
    # Torch is loaded where trainings run and nowhere else.
    from nnp.learn.search.search import search

    payload = work.payload
    frames = evaluation.frames(work, payload["dataset_version"])
    work.journal.say(f"searching for a recipe on {payload['dataset_version']}: {len(frames)} frames")
    work.checkpoint_directory.mkdir(exist_ok=True)
    recipe = recipes.parse(payload["recipe"])
    return search(
        recipe,
        frames,
        searches.parse(payload["search"]),
        baselines=trainings.baselines(work, recipe),
        checkpoint_directory=work.checkpoint_directory,
        threads=work.workplace.threads,
    )
