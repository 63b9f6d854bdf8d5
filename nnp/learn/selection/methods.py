"""The methods of selection by name, all with one interface: rank functions from some folds of a problem."""

from collections.abc import Callable, Sequence

import numpy as np

from nnp.learn.selection import genetic, principal, similarity, sparse
from nnp.learn.selection.problem import Problem

Rank = Callable[[Problem, int, Sequence[int], np.random.Generator], list[int]]
"""Problem, count, folds to learn from, random numbers -> count functions, the most important first."""

METHODS: dict[str, Rank] = {
    "cur": similarity.cur,
    "farthest_point": similarity.farthest,
    "lasso": sparse.lasso,
    "group_lasso": sparse.group_lasso,
    "matching_pursuit": sparse.matching_pursuit,
    "elimination": sparse.elimination,
    "genetic": genetic.genetic,
    "pca": principal.leading,
}
"""Name in `nnp.core.selection.Method` -> method."""
