"""Selections by the linear model of energies and forces: LASSO, group LASSO, matching pursuit, elimination.

All work on the products of columns; the LASSO is scikit-learn's. The atomic energies are eliminated beforehand, so that
they cost no penalty. Both LASSOs are adaptive (Zou 2006): a column is scaled by its weight in the fit of all functions,
without which they were worse than random choice where two elements meet (docs/log.md). The group LASSO (Yuan and Lin
2006) is an accelerated proximal gradient; scikit-learn has none.
"""

import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import lars_path_gram

from nnp.learn.selection.pool import Array
from nnp.learn.selection.problem import Problem, solve

RIDGE = 1e-8
"""Added to the diagonal, as a fraction of its mean: nearly equal functions would make the steps of LARS degenerate."""
WHOLE_RIDGE = 1e-6
"""Ridge parameter of the fit of all functions, as a fraction of the mean diagonal element."""
PENALTIES = 60
"""Penalties of the path of the group LASSO, falling to `LEAST_PENALTY` of that at which nothing is chosen."""
LEAST_PENALTY = 1e-4
ITERATIONS = 60
"""Proximal steps at each penalty."""
AHEAD = 2
"""How much further than wanted pursuit goes before elimination comes back."""
INDEPENDENT = 1e-6
"""A column of which less than this fraction of its square is orthogonal to the chosen ones says nothing new."""


def lasso(problem: Problem, count: int, folds: Sequence[int], random: np.random.Generator) -> list[int]:  # noqa: ARG001
    """Functions in the order in which they enter the LASSO path as its penalty falls."""
    square, right = _adaptive(*reduced(problem, folds, problem.candidates))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        _, _, path = lars_path_gram(
            right, square, n_samples=1, method="lasso", max_iter=2 * count * problem.elements, copy_X=True
        )
    return by_entrance(problem, path != 0.0, np.abs(right), count, problem.candidates)


def matching_pursuit(problem: Problem, count: int, folds: Sequence[int], random: np.random.Generator) -> list[int]:  # noqa: ARG001
    """Functions in the order of optimised orthogonal matching pursuit: always the one that lowers the error most.

    Rebollo-Neira and Lowe, IEEE Signal Process. Lett. 9, 137 (2002), for all centre elements of a function at once.
    What a function lowers is (r·c)²/c·c with the part c of its column that is orthogonal to the chosen ones. Judged by
    the whole column, as plain matching pursuit does, nearly equal columns are chosen one after the other (docs/log.md).
    """
    square, right = reduced(problem, folds, problem.candidates)
    sizes = np.diag(square).copy()
    left, least = sizes.copy(), INDEPENDENT * sizes
    basis = np.zeros((min(count, len(problem.candidates)) * problem.elements, len(right)))
    rank, order, open_ = 0, [], np.ones(len(problem.candidates), dtype=bool)
    for _ in range(min(count, len(problem.candidates))):
        gains = np.where(left > least, right**2 / left, 0.0).reshape(problem.elements, -1).sum(axis=0)
        best = int(np.where(open_, gains, -1.0).argmax())
        open_[best] = False
        order.append(best)
        for column in best + len(open_) * np.arange(problem.elements):
            if left[column] <= least[column]:
                continue
            size = np.sqrt(left[column])
            basis[rank] = (square[column] - basis[:rank, column] @ basis[:rank]) / size
            right = right - basis[rank] * (right[column] / size)
            left = np.maximum(left - basis[rank] ** 2, 1e-300)
            rank += 1
    return [int(column) for column in problem.candidates[order]]


def group_lasso(problem: Problem, count: int, folds: Sequence[int], random: np.random.Generator) -> list[int]:  # noqa: ARG001
    """Functions group by group, as their groups enter the path of the group LASSO as its penalty falls."""
    square, right = _adaptive(*reduced(problem, folds, problem.candidates))
    labels = [group(problem.names[column]) for column in problem.candidates]
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    groups = np.tile([numbers[label] for label in labels], problem.elements)
    entered = _group_path(square, right, groups)
    return by_entrance(problem, entered, np.abs(right), count, problem.candidates)


def elimination(problem: Problem, count: int, folds: Sequence[int], random: np.random.Generator) -> list[int]:
    """Functions in the order in which backward elimination would drop them last.

    It begins with `AHEAD` times as many functions as wanted, by matching pursuit: among thousands of functions the fit
    of all has no room left in the data to tell which it needs (docs/log.md). Round by round the fit loses those that
    its squared error needs least: w²/(A⁻¹)_dd for a coefficient w, summed over the centre elements; one in twenty at
    once, one by one from `count` on.
    """
    left, gone = np.sort(np.array(matching_pursuit(problem, AHEAD * count, folds, random))), []
    square, right = reduced(problem, folds, left)
    while len(left) > 1:
        shifted = square + WHOLE_RIDGE * np.trace(square) / len(square) * np.eye(len(square))
        inverse = np.linalg.inv(shifted)
        harm = ((inverse @ right) ** 2 / np.diag(inverse)).reshape(problem.elements, -1).sum(axis=0)
        many = max(1, min(len(left) // 20, len(left) - count))
        order = np.argsort(harm, kind="stable")
        gone += [int(column) for column in left[order[:many]]]
        kept = np.sort(order[many:])
        columns = np.concatenate([element * len(left) + kept for element in range(problem.elements)])
        left, square, right = left[kept], square[np.ix_(columns, columns)], right[columns]
    return [*map(int, left), *gone[::-1]][:count]


def group(name: str) -> str:
    """The group of a function: its kind and what it is a function of, such as "p O[0]-Ti[2]" or "G2 O"."""
    return " ".join(name.split()[:2])


def reduced(problem: Problem, folds: Sequence[int], functions: np.ndarray) -> tuple[Array, Array]:
    """RᵀR and Rᵀt of some functions where the atomic energies are fitted along."""
    columns = problem.columns(functions)
    square, right = problem.sums(folds, columns)
    n = len(columns) - problem.atomic_energies
    share = np.linalg.solve(square[n:, n:], square[n:, :n])
    left = square[:n, :n] - square[:n, n:] @ share
    left[np.diag_indices(n)] += RIDGE * np.trace(left) / n
    return left, right[:n] - share.T @ right[n:]


def _adaptive(square: Array, right: Array) -> tuple[Array, Array]:
    """The products of the columns where each is scaled by its weight in the fit of all."""
    weights = np.abs(solve(square, right, WHOLE_RIDGE))
    scaled = square * np.outer(weights, weights)
    scaled[np.diag_indices(len(scaled))] += RIDGE * np.trace(scaled) / len(scaled)
    return scaled, right * weights


def _group_path(square: Array, right: Array, groups: np.ndarray) -> np.ndarray:
    """(columns, penalties) whether the coefficient is not zero."""
    sizes = np.sqrt(np.bincount(groups))
    step = 1.0 / np.linalg.norm(square, 2)
    largest = float((np.sqrt(np.bincount(groups, right**2)) / sizes).max())
    weights = np.zeros_like(right)
    entered = []
    for penalty in np.geomspace(largest, LEAST_PENALTY * largest, PENALTIES):
        ahead, momentum = weights, 1.0
        for _ in range(ITERATIONS):
            moved = ahead - step * (square @ ahead - right)
            norms = np.maximum(np.sqrt(np.bincount(groups, moved**2)), 1e-300)
            shrunk = moved * np.maximum(1.0 - step * penalty * sizes / norms, 0.0)[groups]
            faster = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
            ahead = shrunk + (momentum - 1.0) / faster * (shrunk - weights)
            weights, momentum = shrunk, faster
        entered.append(weights != 0.0)
    return np.array(entered).T


def by_entrance(problem: Problem, entered: np.ndarray, strength: Array, count: int, functions: np.ndarray) -> list[int]:
    """Functions by the first step (column of `entered`) at which a coefficient of theirs is there, then by strength."""
    steps = entered.shape[1]
    first = np.where(entered.any(axis=1), entered.argmax(axis=1), steps).reshape(problem.elements, -1).min(axis=0)
    order = np.lexsort((-strength.reshape(problem.elements, -1).max(axis=0), first))
    return [int(column) for column in functions[order][:count]]
