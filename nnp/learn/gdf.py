"""Weights of atoms in the force loss by the density of the training data around them (paper eqs. 4 and 5).

ρ_i = (1/M) Σ_j exp(-|x_i - x_j|² / (2 σ² D)),  g_i = 1/ρ_i,  Θ(g) = g^p / (1 + exp(-b (g - c)))

The Gaussian density function of Jeong et al., J. Phys. Chem. C 122, 22790 (2018): j runs over the M training atoms of
the element of i, i itself included; x are the D scaled symmetry functions. g goes from 1 (all alike) to M (alone). Θ
grows steadily, so atoms that the data set rarely shows count for more; p = 1 is the published form. Weights are Θ(g)
over their mean, taken last: Θ alone may be 1e-15 for all.

Large data sets are summed over random atoms, more and more of them where the sum is not yet known to the tolerance, and
in the end over all: common atoms, which are many, need few, and rare atoms, which are few, need all.
"""

import numpy as np
import numpy.typing as npt

from nnp.core import recipe

Floats = npt.NDArray[np.float64]

EFFECTIVE_DIMENSIONS = 8
"""The automatic width follows Scott's rule for a cloud of as many dimensions: atoms fill no more of the D."""
COMMON = 0.75
"""Share of the atoms that the automatic centre takes for common."""
NEGLECTED = 1e-3
"""Directions are left out in which atoms differ by less than this share of 2 σ² D in all."""
BLOCK = 2048
"""Rows and columns of the kernel that are computed at once."""
EXACT_ATOMS = 40_000
"""Sums go over all pairs of atoms of an element up to this many."""
FIRST_SAMPLE = 4096
"""Atoms of the first sample; each further one is twice as large."""
TOLERANCE = 0.002
"""Relative standard error at which a sampled sum is good enough: five of them are 1 %, more than any atom errs."""


def weights(points: Floats, species: npt.NDArray[np.integer], wanted: recipe.GaussianDensityWeighting) -> Floats:
    """Weights (N,) of atoms, mean 1 for each element.

    Args:
        points: (N, D) scaled symmetry functions of the training atoms.
        species: (N,) their elements.
        wanted: width, exponent and sigmoid.
    """
    found = np.ones(len(points))
    for element in np.unique(species):
        own = species == element
        rarity = 1.0 / densities(points[own], wanted.width)
        centre = knee(rarity) if wanted.centre is None else wanted.centre
        found[own] = modified(rarity, wanted.exponent, wanted.steepness, centre)
    return found


def densities(points: Floats, width: float | None = None, *, exact: bool | None = None) -> Floats:
    """ρ (N,) of the atoms of one element, from 1/N (alone) to 1 (all alike).

    Args:
        points: (N, D) their scaled symmetry functions.
        width: σ; None takes σ² D = median |x - mean|² N^(-2/(4 + 8)), Scott's rule.
        exact: sum over all pairs, or over samples; None decides by `EXACT_ATOMS`.
    """
    squared = squared_width(points, width)
    rows = _principal(np.asarray(points, dtype=np.float64), NEGLECTED * squared) / np.sqrt(squared)
    if exact if exact is not None else len(rows) <= EXACT_ATOMS:
        return sum_of_kernels(rows, rows)[0] / len(rows)
    return _sampled(rows, np.random.default_rng(0)) / len(rows)


def squared_width(points: Floats, sigma: float | None) -> float:
    """2 σ² D."""
    if sigma is not None:
        return 2.0 * sigma**2 * points.shape[1]
    spread = float(np.median(((points - points.mean(axis=0)) ** 2).sum(axis=1)))
    return 2.0 * max(spread, 1e-12) * len(points) ** (-2.0 / (4 + EFFECTIVE_DIMENSIONS))


def knee(rarity: Floats) -> float:
    """Automatic c, as SIMPLE-NN has it: where a line through the smallest three quarters of g = 1/ρ, in order, ends."""
    common = np.sort(rarity)[: max(2, round(COMMON * len(rarity)))]
    slope, start = np.polyfit(np.arange(len(common)), common, 1) if len(common) > 1 else (0.0, common[0])
    return float(start + slope * (len(common) - 1))


def modified(rarity: Floats, exponent: float, steepness: float, centre: float) -> Floats:
    """Θ(g) over its mean, without underflow: ln Θ = p ln g - ln(1 + exp(-b (g - c)))."""
    logarithm = exponent * np.log(rarity) - np.logaddexp(0.0, -steepness * (rarity - centre))
    theta = np.exp(logarithm - logarithm.max())
    found: Floats = theta / theta.mean()
    return found


def sum_of_kernels(rows: Floats, others: Floats) -> tuple[Floats, Floats]:
    """Σ_j exp(-|x_i - y_j|²) and Σ_j exp(-2 |x_i - y_j|²) of each row x_i, in blocks."""
    total, squares = np.zeros(len(rows)), np.zeros(len(rows))
    lengths = (rows**2).sum(axis=1), (others**2).sum(axis=1)
    for start in range(0, len(rows), BLOCK):
        own = slice(start, start + BLOCK)
        for first in range(0, len(others), BLOCK):
            their = slice(first, first + BLOCK)
            distance = rows[own] @ others[their].T
            distance *= 2.0
            distance -= lengths[0][own, None]
            distance -= lengths[1][their]
            kernel = np.exp(np.minimum(distance, 0.0, out=distance), out=distance)
            total[own] += kernel.sum(axis=1)
            squares[own] += np.einsum("ij,ij->i", kernel, kernel)
    return total, squares


def _principal(points: Floats, neglected: float) -> Floats:
    """Coordinates along the principal axes, without those whose variances sum to less than half of `neglected`."""
    centred = points - points.mean(axis=0)
    variances, axes = np.linalg.eigh(centred.T @ centred / len(points))
    keep = np.cumsum(np.maximum(variances, 0.0)) > 0.5 * neglected
    keep[-1] = True
    found: Floats = centred @ axes[:, keep]
    return found


def _sampled(rows: Floats, random: np.random.Generator) -> Floats:
    """Sums of kernels from samples of growing size: 1 for the atom itself, and N - 1 times the mean of the others."""
    count, order = len(rows), random.permutation(len(rows))
    shuffled = rows[order]
    rho, open_ = np.zeros(count), np.arange(count)
    total, squares, start, stop = np.zeros(count), np.zeros(count), 0, min(FIRST_SAMPLE, count)
    while len(open_):
        new = sum_of_kernels(shuffled[open_], shuffled[start:stop])
        total[open_] += new[0]
        squares[open_] += new[1]
        inside = open_ < stop
        others = stop - inside
        mean = (total[open_] - inside) / np.maximum(others, 1)
        variance = np.maximum((squares[open_] - inside) / np.maximum(others, 1) - mean**2, 0.0)
        rho[open_] = 1.0 + (count - 1) * mean
        error = (count - 1) * np.sqrt(variance / np.maximum(others, 1) * (1.0 - others / max(count - 1, 1)))
        seen = total[open_] - inside > 10.0
        open_ = open_[~(seen & (error <= TOLERANCE * rho[open_]))] if stop < count else open_[:0]
        start, stop = stop, min(2 * stop, count)
    found = np.empty(count)
    found[order] = rho
    return found
