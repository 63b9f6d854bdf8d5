"""Selections by what functions say of the labels and of each other: CUR, farthest point; and random choice.

All work on the equations of the linear model, whose columns are the functions' energies and slopes. CUR and farthest
point selection are scikit-matter's, in the form that mixes the covariance of the functions with their regression on the
labels (principal covariates: Cersonsky et al., Mach. Learn.: Sci. Technol. 2, 035038 (2021); without labels: Imbalzano
et al., J. Chem. Phys. 148, 241730 (2018)). Without the labels both were no better than random choice (docs/log.md).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import linalg

from nnp.learn.selection.pool import Array
from nnp.learn.selection.problem import Problem
from nnp.learn.selection.sparse import by_entrance, reduced

MIXING = 0.1
"""Share of the covariance of the functions; the rest is their regression on the labels."""
SHORTLIST = 200
"""CUR chooses among this many columns (or 3/2 of what is wanted, if that is more) from farthest point selection: the
time of each of its steps grows with their number cubed."""
STEPS = 128
"""Leverages are computed anew about so often at most; what was chosen is projected out after every choice."""


def random_choice(problem: Problem, count: int, folds: Sequence[int], random: np.random.Generator) -> list[int]:  # noqa: ARG001
    """Functions drawn at random: what every method has to beat."""
    return [int(column) for column in random.permutation(problem.candidates)[:count]]


def cur(problem: Problem, count: int, folds: Sequence[int], random: np.random.Generator) -> list[int]:  # noqa: ARG001
    """CUR: the column of largest leverage on the first component; the rest is made orthogonal to it; again."""
    from skmatter.feature_selection import PCovCUR

    X, y = _equations(problem, folds)
    wanted = min(count * problem.elements, X.shape[1])
    most = max(SHORTLIST, 3 * wanted // 2)
    shortlist = np.arange(X.shape[1]) if X.shape[1] <= most else _farthest(X, y, most)
    selector = PCovCUR(
        mixing=MIXING, n_to_select=min(wanted, len(shortlist) - 1), recompute_every=max(1, wanted // STEPS)
    )
    order = shortlist[selector.fit(X[:, shortlist], y).selected_idx_]
    return _in_order(problem, order, X.T @ y, count)


def farthest(problem: Problem, count: int, folds: Sequence[int], random: np.random.Generator) -> list[int]:  # noqa: ARG001
    """Farthest point: the column that says most of the labels, then always the one farthest from all before."""
    X, y = _equations(problem, folds)
    X /= np.sqrt((X**2).sum(axis=0) * X.shape[1])
    order = _farthest(X, y, min(count * problem.elements, X.shape[1]))
    return _in_order(problem, order, X.T @ y, count)


def _equations(problem: Problem, folds: Sequence[int]) -> tuple[Array, Array]:
    """X (C, C) and y (C, 1) with the products of the candidates' columns, both of norm 1."""
    square, right = reduced(problem, folds, problem.candidates)
    X = linalg.cholesky(square, check_finite=False)
    y = linalg.solve_triangular(X, right, trans="T", check_finite=False)[:, None]
    return X / np.linalg.norm(X), y / np.linalg.norm(y)


def _farthest(X: Array, y: Array, count: int) -> npt.NDArray[np.int64]:
    from skmatter.feature_selection import PCovFPS

    first = int(np.abs(X.T @ y[:, 0]).argmax())
    order: npt.NDArray[np.int64] = PCovFPS(mixing=MIXING, initialize=first, n_to_select=count).fit(X, y).selected_idx_
    return order


def _in_order(problem: Problem, order: npt.NDArray[np.int64], strength: Array, count: int) -> list[int]:
    """Functions in the order of their columns; where these are too few, the strongest others follow."""
    entered = np.zeros((len(strength), len(order) + 1), dtype=bool)
    entered[order, np.arange(len(order))] = True
    return by_entrance(problem, entered, np.abs(strength[:, 0]), count, problem.candidates)
