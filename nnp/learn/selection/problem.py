"""The linear model that judges functions: E = Σ_i w_e(i)·x_i, fitted to energies and forces, fold by fold.

Its equations are energies per atom and forces along random directions, weighted as in the loss (paper eq. 3); x are the
functions, each scaled by its standard deviation among the atoms of its centre element. Atomic energies, one for every
element as far as the compositions tell them apart, are always part of it. All that a fit needs are products of columns,
which are summed once for each fold: the error of any subset of functions on a fold that the fit has not seen then costs
one small solve.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import linalg

from nnp.core import errors, recipe
from nnp.core.label import Frame
from nnp.learn import definition, reference_energies, scaling
from nnp.learn.descriptor import Descriptor
from nnp.learn.moments import Moments
from nnp.learn.selection.pool import Array, Pool

RIDGES = (1e-9, 1e-7, 1e-5, 1e-3)
"""Ridge parameters that are tried, as fractions of the mean diagonal element."""
MOST_COLUMNS = 8000
"""Most functions times centre elements: their products take 512 MB for each fold."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Error:
    """Root mean square errors on structures that the fit has not seen.

    Attributes:
        force: eV/Å, per component; 0 without forces.
        energy: eV per atom.
        loss: the weighted mean square of both, which selections lower.
    """

    force: float
    energy: float
    loss: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """F folds, E centre elements, D functions, A independent compositions.

    Attributes:
        names: of the D functions.
        candidates: columns of the pool that vary, ascending; all else is never chosen.
        inputs: (N, D) scaled functions of all atoms of the centre elements.
        species: (N,) number of the centre element of each of them.
        elements: E, all elements but with the `centres` of a guest.
        rows: (Q, E·D + A) weighted equations: element by element the functions, then the atomic energies.
        targets: (Q,).
        is_force: (Q,) which rows are forces.
        weights: (Q,) the weight of each row, of which rows and targets hold the root.
        folds: (Q,) fold of each row.
        dropped: (element, function) of every function that hardly varies.
    """

    names: tuple[str, ...]
    candidates: npt.NDArray[np.int64]
    inputs: Array
    species: npt.NDArray[np.int64]
    elements: int
    rows: Array
    targets: Array
    is_force: npt.NDArray[np.bool_]
    weights: Array
    folds: npt.NDArray[np.int64]
    dropped: tuple[tuple[str, str], ...]

    @property
    def size(self) -> int:
        """D."""
        return len(self.names)

    @property
    def atomic_energies(self) -> int:
        """A."""
        return self.rows.shape[1] - self.elements * self.size

    @property
    def every_fold(self) -> list[int]:
        """Numbers of the folds."""
        return [int(fold) for fold in np.unique(self.folds)]

    @cached_property
    def products(self) -> list[tuple[Array, Array]]:
        """RᵀR and Rᵀt of the rows of each fold."""
        parts = [self.folds == fold for fold in self.every_fold]
        return [(self.rows[part].T @ self.rows[part], self.rows[part].T @ self.targets[part]) for part in parts]

    def columns(self, functions: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Columns of the rows that belong to some functions, with the atomic energies, which come last."""
        own = np.asarray(functions, dtype=np.int64)
        blocks = [element * self.size + own for element in range(self.elements)]
        return np.concatenate([*blocks, self.elements * self.size + np.arange(self.atomic_energies)])

    def sums(self, folds: Sequence[int], columns: npt.NDArray[np.int64]) -> tuple[Array, Array]:
        """RᵀR and Rᵀt of some columns over some folds."""
        place = np.ix_(columns, columns)
        square = sum((self.products[fold][0][place] for fold in folds), np.zeros((len(columns), len(columns))))
        right = sum((self.products[fold][1][columns] for fold in folds), np.zeros(len(columns)))
        return square, right


def solve(square: Array, right: Array, ridge: float) -> Array:
    """Weights of the ridge regression with RᵀR and Rᵀt."""
    shifted = square + ridge * np.trace(square) / len(square) * np.eye(len(square))
    solution: Array = linalg.solve(shifted, right, assume_a="pos", check_finite=False, overwrite_a=True)
    return solution


def error(problem: Problem, functions: Sequence[int], fold: int, ridge: float) -> Error:
    """The error on one fold of the fit of some functions to all the others."""
    columns = problem.columns(functions)
    others = [other for other in problem.every_fold if other != fold]
    weights = solve(*problem.sums(others, columns), ridge)
    part = problem.folds == fold
    return residual_error(problem, part, problem.rows[np.ix_(part, columns)] @ weights - problem.targets[part])


def residual_error(problem: Problem, part: npt.NDArray[np.bool_], residuals: Array) -> Error:
    """The error that weighted residuals of some rows mean."""
    squares, weights, force = residuals**2, problem.weights[part], problem.is_force[part]

    def mean(rows: npt.NDArray[np.bool_]) -> float:
        return float(np.sqrt(squares[rows].sum() / weights[rows].sum())) if weights[rows].any() else 0.0

    return Error(force=mean(force), energy=mean(~force), loss=float(squares.sum()))


def build(functions: Descriptor, pool: Pool, frames: Sequence[Frame], wanted: recipe.Recipe, folds: int) -> Problem:
    """The equations of labelled frames.

    Args:
        functions: the descriptor of the pool.
        pool: its values and slopes on the frames.
        frames: all with energies, as `difference.learnt` by the recipe.
        wanted: for the loss, the scaling floor, the seed, and the elements of a guest.
        folds: number of parts for cross-validation; whole trajectories.

    Raises:
        InputError: there are too few structures, too many functions, or nothing varies.
    """
    elements = [symbol for symbol in functions.elements if wanted.centres is None or symbol in wanted.centres]
    pool = pool.around([functions.elements.index(symbol) for symbol in elements])
    fold_of = fold_numbers(frames, folds, wanted.seed)
    varying = Moments(len(elements), functions.size)
    varying.add(pool.values, pool.species)
    names = [functions.names_of(e) for e in elements]
    # A linear model has no other prior than its ridge: every function counts alike.
    scaled = scaling.fit(varying, elements, names, by="function", floor=wanted.scaling_floor)
    inputs = (pool.values - scaled.shift[pool.species]) * scaled.scale[pool.species]
    energies = _energies(frames, functions.elements, wanted.without)
    counts = _independent(
        _counts(frames, [e for e in functions.elements if wanted.without is None or e in wanted.without])
    )
    sums = np.zeros((len(frames), len(elements), functions.size))
    np.add.at(sums, (pool.structure, pool.species), inputs)
    sizes = np.array([len(frame.structure) for frame in frames], dtype=np.float64)
    energy_rows = np.concatenate([sums.reshape(len(frames), -1), counts], axis=1) / sizes[:, None]
    with_forces = np.flatnonzero(pool.has_forces)
    directions = pool.slopes.shape[1]
    slopes = -(pool.slopes[with_forces] * scaled.scale)
    columns = len(elements) * functions.size
    force_rows = np.pad(slopes.reshape(len(with_forces) * directions, columns), ((0, 0), (0, counts.shape[1])))
    energy_weight = np.full(len(frames), wanted.loss.energy / len(frames))
    share = sizes[with_forces] / max(float(sizes[with_forces].sum()), 1.0)
    force_weight = np.repeat(wanted.loss.force * share / max(directions, 1), directions)
    weights = np.concatenate([energy_weight, force_weight])
    root = np.sqrt(weights)
    return Problem(
        names=tuple(functions.names()),
        candidates=np.flatnonzero(scaled.scale.any(axis=0)),
        inputs=inputs,
        species=pool.species,
        elements=len(elements),
        rows=np.concatenate([energy_rows, force_rows]) * root[:, None],
        targets=np.concatenate([energies, pool.forces[with_forces].ravel()]) * root,
        is_force=np.arange(len(weights)) >= len(frames),
        weights=weights,
        folds=np.concatenate([fold_of, np.repeat(fold_of[with_forces], directions)]),
        dropped=scaled.dropped,
    )


def check_size(functions: int, elements: int) -> None:
    """Refuse a pool whose products of columns would not fit.

    Raises:
        InputError: naming the numbers.
    """
    if functions * elements > MOST_COLUMNS:
        raise errors.InputError(
            f"{functions} functions for each of {elements} centre elements are more than {MOST_COLUMNS} coefficients; "
            "select from a smaller pool"
        )


def fold_numbers(frames: Sequence[Frame], folds: int, seed: int) -> npt.NDArray[np.int64]:
    """The fold of each frame: whole trajectories, group by group in turn, so that every fold has of every group.

    Raises:
        InputError: there are fewer trajectories than folds.
    """
    units: dict[tuple[str, str], list[int]] = {}
    for i, frame in enumerate(frames):
        own = f"frame {i}" if frame.trajectory is None else f"trajectory {frame.trajectory}"
        units.setdefault((frame.group or "", own), []).append(i)
    if len(units) < folds:
        raise errors.InputError(
            f"{len(units)} independent structures or trajectories cannot be divided into {folds} folds"
        )
    order = np.random.default_rng([seed, 11]).permutation(len(units))
    keys = [list(units)[i] for i in order]
    result = np.zeros(len(frames), dtype=np.int64)
    for turn, key in enumerate(sorted(keys, key=lambda key: key[0])):
        result[units[key]] = turn % folds
    return result


def _counts(frames: Sequence[Frame], elements: Sequence[str]) -> Array:
    return np.array([[f.structure.symbols.count(e) for e in elements] for f in frames], dtype=np.float64)


def _independent(counts: Array) -> Array:
    """As many combinations of the columns as are independent: of one stoichiometry all columns are multiples of one."""
    _, singular, right = np.linalg.svd(counts, full_matrices=False)
    combined: Array = counts @ right[singular > reference_energies.RELATIVE_RANK * singular[0]].T
    return combined


def _energies(frames: Sequence[Frame], elements: Sequence[str], without: Sequence[str] | None) -> Array:
    """Energies per atom without reference energies, eV."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of free directions, on which no energy here depends
        references = definition.references_of(without, frames, elements)
    labels = [(frame.structure, frame.label) for frame in frames if frame.label is not None]
    return np.array([(label.energy - references.of(s.symbols)) / len(s) for s, label in labels])
