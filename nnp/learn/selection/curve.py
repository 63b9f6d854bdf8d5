"""Error against the number of functions, cross-validated: no ranking sees the labels that it is judged by."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nnp.learn.selection import methods
from nnp.learn.selection.problem import RIDGES, Error, Problem, error
from nnp.learn.selection.similarity import random_choice

SPACING = 2.0**0.5
"""Ratio of neighbouring counts of a curve."""
FEWEST = 4
RANDOM_DRAWS = 3
CLEARLY = 0.95
"""A choice is better than random ones where its loss is below this fraction of theirs."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """Errors of the linear model of `count` functions on structures that neither it nor the ranking has seen.

    Attributes:
        count: number of functions.
        force_rmse_ev_per_a: per component; 0 where no forces are labelled.
        energy_rmse_mev_per_atom: per atom.
        loss: square root of the weighted mean square of both, the figure that decides.
        random_loss: mean of the same for random choices of as many functions; None for all functions.
    """

    count: int
    force_rmse_ev_per_a: float
    energy_rmse_mev_per_atom: float
    loss: float
    random_loss: float | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON-like data."""
        return asdict(self)


def counts(largest: int) -> list[int]:
    """Counts of a curve: `largest` and smaller ones at even ratios."""
    result = [largest]
    while result[-1] / SPACING >= FEWEST:
        result.append(round(result[-1] / SPACING))
    return sorted(set(result))


def rankings(problem: Problem, method: str, count: int, random: np.random.Generator) -> Iterator[list[int]]:
    """The ranking for each fold from all other folds, and last the ranking from all folds."""
    rank = methods.METHODS[method]
    for fold in problem.every_fold:
        yield rank(problem, count, [other for other in problem.every_fold if other != fold], random)
    yield rank(problem, count, problem.every_fold, random)


def point(
    problem: Problem,
    by_fold: Sequence[Sequence[int]],
    count: int,
    random: np.random.Generator | None,
    pool: Problem | None = None,
) -> Point:
    """The point of a curve from the ranking of each fold; without random numbers, without random choices.

    Args:
        problem: what was ranked.
        by_fold: its rankings.
        count: how many of each ranking.
        random: draws the random choices.
        pool: the functions that these are drawn from, where the problem is one of their principal components.
    """
    found = validated(problem, [ranking[:count] for ranking in by_fold])
    by_chance = None
    if random is not None:
        given = pool or problem
        draws = [random_choice(given, count, (), random) for _ in range(RANDOM_DRAWS)]
        by_chance = float(np.mean([np.sqrt(validated(given, [draw] * len(by_fold)).loss) for draw in draws]))
    return Point(
        count=count,
        force_rmse_ev_per_a=found.force,
        energy_rmse_mev_per_atom=1000.0 * found.energy,
        loss=float(np.sqrt(found.loss)),
        random_loss=by_chance,
    )


def validated(problem: Problem, chosen: Sequence[Sequence[int]]) -> Error:
    """Cross-validated error of the functions chosen for each fold, with the ridge parameter that suits them best."""
    tried = []
    for ridge in RIDGES:
        parts = [error(problem, own, fold, ridge) for fold, own in zip(problem.every_fold, chosen, strict=True)]
        force, energy = (
            float(np.sqrt(np.mean([getattr(p, name) ** 2 for p in parts]))) for name in ("force", "energy")
        )
        tried.append(Error(force=force, energy=energy, loss=sum(part.loss for part in parts)))
    return min(tried, key=lambda one: one.loss)


def fewest(points: Sequence[Point], tolerance: float) -> int:
    """The smallest count whose loss is within `tolerance` of the lowest of the curve."""
    lowest = min(one.loss for one in points)
    return min(one.count for one in points if one.loss <= (1.0 + tolerance) * lowest)


def warnings(points: Sequence[Point], count: int, method: str) -> tuple[str, ...]:
    """A sentence where a choice of `count` functions is not clearly better than random ones."""
    found = next((one for one in points if one.count == count), None)
    if found is None or found.random_loss is None or found.loss <= CLEARLY * found.random_loss:
        return ()
    return (
        f"{method} is no better than random choice at {count} functions of these data "
        f"(loss {found.loss:.3g} against {found.random_loss:.3g}): take elimination, or more functions",
    )
