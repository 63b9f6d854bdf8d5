"""The job `preview`: what a recipe means on a dataset version, before anything is trained on it."""

import json
from collections.abc import Generator
from typing import TYPE_CHECKING

from nnp.core import recipe as recipes
from worker import evaluation, plotted, publishing
from worker.work import Publish, Work

if TYPE_CHECKING:
    from nnp.learn.finish import Progress
    from nnp.learn.preview import Preview


def run(work: Work) -> Publish:
    """Place the functions, count them, look which types of them matter, and draw all of it.

    Raises:
        InputError: no two atoms are within the cutoff.
        RecipeError: explicit functions or names in the recipe do not suit the data.
    """
    found = publishing.follow(work, lambda: _previewing(work))
    kept = sum(one.kept for one in found.masks)
    counts = ", ".join(f"{number} for {symbol}" for symbol, number in found.counts.items())
    work.journal.say(f"functions: {counts}; {kept} of {len(found.masks)} types are suggested")
    files = {"plot": found.plot(), "numbers": json.dumps(found.to_dict()).encode()}
    return plotted.publication(work, found.summary(), files)


def _previewing(work: Work) -> Generator["Progress", None, "Preview"]:
    # Torch is loaded where symmetry functions are computed and nowhere else.
    from nnp.learn.finish import Progress
    from nnp.learn.preview import preview

    payload = work.payload
    frames = evaluation.frames(work, payload["dataset_version"])
    yield Progress(stage="preview", message=f"distances and angles of {len(frames)} structures")
    return preview(frames, recipes.parse(payload["recipe"]))
