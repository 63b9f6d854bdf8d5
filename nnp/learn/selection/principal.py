"""Principal components in place of functions: the transformation that a potential's compression makes (paper 3.2.1)."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import linalg

from nnp.learn.selection.problem import Problem


def principal(problem: Problem) -> Problem:
    """The same equations in principal components of the scaled functions of each centre element, largest first."""
    E, D = problem.elements, problem.size
    count = len(problem.candidates)
    inputs = np.zeros((len(problem.inputs), count))
    rows = np.zeros((len(problem.rows), E * count + problem.atomic_energies))
    rows[:, E * count :] = problem.rows[:, E * D :]
    for element in range(E):
        own = problem.species == element
        x = problem.inputs[own][:, problem.candidates]
        _, axes = linalg.eigh(x.T @ x, check_finite=False)
        axes = axes[:, ::-1]
        inputs[own] = x @ axes
        block = slice(element * count, (element + 1) * count)
        rows[:, block] = problem.rows[:, element * D + problem.candidates] @ axes
    names = tuple(f"component {number + 1}" for number in range(count))
    return replace(problem, names=names, candidates=np.arange(count), inputs=inputs, rows=rows)


def leading(problem: Problem, count: int, folds: Sequence[int], random: np.random.Generator) -> list[int]:  # noqa: ARG001
    """The first columns: principal components of the largest variance."""
    return [int(column) for column in problem.candidates[:count]]
