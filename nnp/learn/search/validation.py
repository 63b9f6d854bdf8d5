"""Cross-validation of a recipe: errors on every fold of whole trajectories, with an interval."""

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import stats

from nnp.core import recipe
from nnp.core.label import Frame
from nnp.learn.finish import Progress, Trained

Begin = Callable[[recipe.Recipe, Sequence[Frame]], Generator[Progress, None, Trained]]
"""A training by a recipe on frames."""
QUANTITIES = ("force_rmse_ev_per_a", "energy_rmse_mev_per_atom")


def cross_validated(
    name: str, candidate: recipe.Recipe, frames: Sequence[Frame], fold_of: np.ndarray, begin: Begin
) -> Generator[Progress, None, dict[str, Any]]:
    """Errors on every fold of a whole committee trained on the others, with a validation set of its own."""
    bare = candidate.model_copy(update={"replicas": None})
    count = int(fold_of.max()) + 1
    errors_of: dict[str, list[float]] = {key: [] for key in QUANTITIES}
    for fold in range(count):
        yield Progress(stage="cross-validation", epoch=fold, epochs=count, message=f"{name} recipe")
        divided = [
            replace(f, split="test" if number == fold else None) for f, number in zip(frames, fold_of, strict=True)
        ]
        result = yield from _quietly(begin(bare, divided))
        for key, values in errors_of.items():
            value = result.metrics["test"][key]
            if value is not None:
                values.append(float(value))
    return {key: interval(values) for key, values in errors_of.items() if values}


def _quietly(run: Generator[Progress, None, Trained]) -> Generator[Progress, None, Trained]:
    """A training of which the epochs are not reported, but every one is a place to cancel."""
    while True:
        try:
            progress = next(run)
        except StopIteration as stop:
            return stop.value
        if progress.epoch is not None and progress.epoch % 20 == 0:
            yield replace(progress, stage="cross-validation", epoch=None, epochs=None, metrics={}, seconds_left=None)


def interval(values: Sequence[float] | np.ndarray) -> dict[str, Any]:
    """Mean over the folds with its 95 % interval (Student's t)."""
    mean = float(np.mean(values))
    half = float(stats.t.ppf(0.975, len(values) - 1)) * standard_error(values) if len(values) > 1 else 0.0
    return {"mean": mean, "interval": [mean - half, mean + half], "folds": [float(value) for value in values]}


def standard_error(values: Sequence[float] | np.ndarray) -> float:
    """Of the mean over the folds; 0 for a single one."""
    return float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
