"""Select symmetry functions: one generator from recipe and frames to a recipe with fewer functions, without server."""

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnp.core import errors, function_recipe, neighbours, recipe
from nnp.core.label import Frame
from nnp.core.selection import Selection
from nnp.learn import definition, difference, grid, selected, splits
from nnp.learn.descriptor import Descriptor
from nnp.learn.finish import Progress
from nnp.learn.selection import curve, plots, principal
from nnp.learn.selection.curve import Point
from nnp.learn.selection.pool import Pool, compute
from nnp.learn.selection.problem import Problem, build, check_size, fold_numbers

REPORTS = 20
"""Reports of progress while the pool is computed, about."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Selected:
    """The result of a selection.

    Attributes:
        recipe: the recipe with the chosen functions in place of the pool, or for "pca" with a compression to as many
            components (explicit functions have none: then as it was).
        selection: what was asked for.
        count: number of functions, or of principal components.
        names: names of the chosen functions, the most important first.
        points: error against count, ascending; the last is all functions of the pool.
        dropped: (element, function) of every function of the pool that hardly varies, which none can choose.
        pool_size: functions of the pool.
        structures: structures looked at.
        atoms: atoms looked at.
        pool_seconds: time of the pool.
        seconds: time of everything.
        plot: the curve as PNG.
        warnings: sentences about the choice.
    """

    recipe: recipe.Recipe
    selection: Selection
    count: int
    names: tuple[str, ...]
    points: tuple[Point, ...]
    dropped: tuple[tuple[str, str], ...]
    pool_size: int
    structures: int
    atoms: int
    pool_seconds: float
    seconds: float
    plot: bytes
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """All but the plot as JSON-like data."""
        return {
            "recipe": self.recipe.model_dump(mode="json"),
            "selection": self.selection.model_dump(mode="json"),
            "count": self.count,
            "names": list(self.names),
            "curve": [point.to_dict() for point in self.points],
            "dropped": [list(pair) for pair in self.dropped],
            "pool_size": self.pool_size,
            "structures": self.structures,
            "atoms": self.atoms,
            "pool_seconds": self.pool_seconds,
            "seconds": self.seconds,
            "warnings": list(self.warnings),
        }


def select(
    wanted: recipe.Recipe,
    frames: Sequence[Frame],
    how: Selection | None = None,
    *,
    baselines: Mapping[str, bytes] | None = None,
) -> Generator[Progress, None, Selected]:
    """Choose functions from the pool that a recipe means.

    Yields progress in the stages "pool", "rank" and "curve"; the value of StopIteration is the result. The structures
    of the recipe's test set are never looked at. The same call gives the same result on the same machine.

    Args:
        wanted: the recipe; its `symmetry_functions` are the pool.
        frames: structures with labels.
        how: method, count and curve; None for the defaults.
        baselines: checkpoint of every potential that the recipe's baseline names; what is fitted is the rest.

    Raises:
        InputError: too few structures, too many functions, no neighbours, or nothing varies.
        RecipeError: explicit functions or names in the recipe do not suit the data.
    """
    how = how or Selection()
    started = time.monotonic()
    definition.check_names(wanted, frames)
    own = _frames(wanted, difference.learnt(wanted, frames), how.atoms)
    fold_numbers(own, how.folds, wanted.seed)
    elements = definition.elements_of(own)
    terms = difference.settled(wanted.baseline_terms, own, elements, wanted.cutoff)
    known = difference.baseline(terms, elements, baselines or {})
    own = own if known is None else difference.subtracted(known, own)
    functions = _functions(wanted, own)
    check_size(functions.size, len(wanted.centres or functions.elements))
    found = yield from _pool(functions, own, wanted, how)
    pool_seconds = time.monotonic() - started
    problem = build(functions, found, own, wanted, how.folds)
    given = judged(problem, how.method)
    rankings, points = yield from _curve(given, problem, how, wanted.seed)
    count = how.count or curve.fewest(points, how.tolerance)
    chosen = rankings[-1][:count]
    return Selected(
        recipe=_recipe(wanted, functions, how.method, chosen),
        selection=how,
        count=len(chosen),
        names=tuple(given.names[column] for column in chosen),
        points=tuple(points),
        dropped=problem.dropped,
        pool_size=functions.size,
        structures=len(own),
        atoms=len(found.species),
        pool_seconds=pool_seconds,
        seconds=time.monotonic() - started,
        plot=plots.error_against_count(points, how.method, len(chosen)),
        warnings=curve.warnings(points, len(chosen), how.method),
    )


def _recipe(wanted: recipe.Recipe, functions: Descriptor, method: str, chosen: Sequence[int]) -> recipe.Recipe:
    """The recipe with the chosen functions, or with as many principal components."""
    given = wanted.symmetry_functions
    if method != "pca":
        explicit = function_recipe.ExplicitFunctions(definition=selected.narrowed(functions, chosen).to_dict())
        return wanted.model_copy(update={"symmetry_functions": explicit})
    if isinstance(given, function_recipe.ExplicitFunctions):
        return wanted
    compression = function_recipe.Compression(components=len(chosen))
    return wanted.model_copy(update={"symmetry_functions": given.model_copy(update={"compression": compression})})


def judged(problem: Problem, method: str) -> Problem:
    """The problem that a method ranks: in principal components for "pca"."""
    return principal.principal(problem) if method == "pca" else problem


def _frames(wanted: recipe.Recipe, frames: Sequence[Frame], atoms: int) -> list[Frame]:
    """Labelled frames outside of the test set; where they have more atoms than wanted, some, and every element."""
    parts = splits.split(frames, wanted)
    own = sorted((*parts.train, *parts.validation))
    sizes = np.array([len(frames[i].structure) for i in own])
    order = np.random.default_rng([wanted.seed, 9]).permutation(len(own))
    enough = int(np.searchsorted(np.cumsum(sizes[order]), atoms, side="right"))
    chosen = [own[i] for i in order[: max(enough, 1)]]
    present = {symbol for i in chosen for symbol in frames[i].structure.elements}
    for i in (own[k] for k in order):
        if not present.issuperset(frames[i].structure.elements):
            chosen.append(i)
            present.update(frames[i].structure.elements)
    return [frames[i] for i in sorted(chosen)]


def _functions(wanted: recipe.Recipe, frames: Sequence[Frame]) -> Descriptor:
    table = neighbours.neighbour_table([frame.structure for frame in frames], wanted.cutoff)
    return grid.symmetry_functions_for(wanted, definition.elements_of(frames), table)


def _pool(
    functions: Descriptor, frames: Sequence[Frame], wanted: recipe.Recipe, how: Selection
) -> Generator[Progress, None, Pool]:
    random = np.random.default_rng([wanted.seed, 10])
    every = max(1, len(frames) // REPORTS)
    for done, found in compute(functions, frames, how.directions, random):
        if done % every == 0 or found is not None:
            message = f"{functions.size} functions, {done} of {len(frames)} structures"
            yield Progress(stage="pool", epoch=done, epochs=len(frames), message=message)
        if found is not None:
            return found
    raise errors.InputError("there are no labelled structures to select on")


def _curve(
    problem: Problem, pool: Problem, how: Selection, seed: int
) -> Generator[Progress, None, tuple[list[list[int]], list[Point]]]:
    random = np.random.default_rng([seed, 12])
    largest = min(how.count or how.largest, len(problem.candidates))
    rankings: list[list[int]] = []
    steps = how.folds + 1
    for ranking in curve.rankings(problem, how.method, largest, random):
        rankings.append(ranking)
        yield Progress(stage="rank", epoch=len(rankings), epochs=steps, message=how.method)
    points: list[Point] = []
    by_count = curve.counts(largest)
    for count in by_count:
        points.append(curve.point(problem, rankings[:-1], count, random, pool))
        yield Progress(stage="curve", epoch=len(points), epochs=len(by_count) + 1, metrics={"loss": points[-1].loss})
    if largest < len(problem.candidates):
        every = [int(column) for column in problem.candidates]
        points.append(curve.point(problem, [every] * how.folds, len(every), None))
    return rankings, points
