"""A genetic algorithm that looks for the best subset of functions of a given size (paper 3.2.1: 2122 -> 256).

An individual is a set of functions; its fitness is the negative loss of the linear model on folds that its fit has not
seen. Children have what both parents share and draw the rest from what one of them has; mutation exchanges a few
functions for others. The generations are PyGAD's.
"""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nnp.learn.selection import sparse
from nnp.learn.selection.problem import Problem, solve

POPULATION = 32
GENERATIONS = 60
PARENTS = 8
ELITE = 2
MUTATION = 0.03
"""Share of the functions of a child that mutation exchanges, one at least."""
RIDGE = 1e-6
SEEN = 2
"""Folds that the fitness is averaged over, each left out of the fit in turn."""

Individuals = npt.NDArray[np.int64]


def genetic(problem: Problem, count: int, folds: Sequence[int], random: np.random.Generator) -> list[int]:
    """The best subset found, in the order of elimination.

    Args:
        problem: the linear model.
        count: size of the subset.
        folds: folds to learn from, two at least.
        random: draws population, crossover and mutation.
    """
    import pygad

    known: dict[bytes, float] = {}

    def fitness(_: Any, individual: Individuals, __: int) -> float:
        key = np.sort(individual).tobytes()
        if key not in known:
            known[key] = -_loss(problem, np.sort(individual), folds)
        return known[key]

    def crossover(parents: Individuals, shape: tuple[int, int], _: Any) -> Individuals:
        pairs = [random.choice(len(parents), 2, replace=False) for _ in range(shape[0])]
        return np.array([_child(parents[a], parents[b], random) for a, b in pairs])

    def mutation(children: Individuals, _: Any) -> Individuals:
        return np.array([_mutated(child, problem.candidates, random) for child in children])

    search = pygad.GA(
        num_generations=GENERATIONS,
        num_parents_mating=PARENTS,
        initial_population=_population(problem, count, folds, random),
        fitness_func=fitness,
        gene_type=int,
        parent_selection_type="sss",
        crossover_type=crossover,
        mutation_type=mutation,
        keep_elitism=ELITE,
        suppress_warnings=True,
    )
    search.run()
    best = min(known, key=lambda key: -known[key])
    subset = replace(problem, candidates=np.frombuffer(best, dtype=np.int64))
    return sparse.elimination(subset, count, folds, random)


def _population(problem: Problem, count: int, folds: Sequence[int], random: np.random.Generator) -> Individuals:
    """Random subsets, each with a random part of what pursuit or elimination chooses."""
    starts = [np.array(start(problem, count, folds, random)) for start in (sparse.matching_pursuit, sparse.elimination)]
    result = []
    for share, start in itertools.product(np.linspace(1.0, 0.0, POPULATION // len(starts)), starts):
        own = random.permutation(start)[: round(share * len(start))]
        others = np.setdiff1d(problem.candidates, own)
        result.append(np.concatenate([own, random.permutation(others)[: count - len(own)]]))
    return np.array(result)


def _child(one: Individuals, other: Individuals, random: np.random.Generator) -> Individuals:
    both = np.intersect1d(one, other)
    either = np.setxor1d(one, other)
    return np.concatenate([both, random.permutation(either)[: len(one) - len(both)]])


def _mutated(child: Individuals, candidates: Individuals, random: np.random.Generator) -> Individuals:
    others = np.setdiff1d(candidates, child)
    exchanged = min(max(1, round(MUTATION * len(child))), len(others))
    kept = random.permutation(child)[exchanged:]
    return np.concatenate([kept, random.permutation(others)[:exchanged]])


def _loss(problem: Problem, functions: Individuals, folds: Sequence[int]) -> float:
    columns = problem.columns(functions)
    total = 0.0
    for unseen in folds[:SEEN]:
        weights = solve(*problem.sums([fold for fold in folds if fold != unseen], columns), RIDGE)
        square, right = problem.sums([unseen], columns)
        total += float(weights @ square @ weights - 2.0 * right @ weights)
    return total
