"""Exponents of the wide angular functions from the angles that occur in the data set (paper, section 3.1).

(1 + λ cos θ)^ζ of different ζ resemble each other the more, the less of the angles is occupied. Of all sets of
exponents of a size, the one is taken whose functions tell the angles of the data apart best: the largest determinant of
the correlations between the functions, over angles weighted as they see them, by f_c(r_ij) f_c(r_ik) / (r_ij r_ik)².
"""

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from nnp.core import errors, neighbours, recipe
from nnp.learn import cutoff
from nnp.learn.angular import MAX_DEGREE

MOST_ATOMS = 1000
"""Atoms whose angles are looked at, evenly taken from the table."""
BINS = 180
NOISE = 1e-4
"""Added to the correlations: functions that differ by less cannot be told apart."""

Array = npt.NDArray[np.float64]


def exponents(
    table: neighbours.NeighbourTable, wanted: recipe.Recipe, count: int, signs: Sequence[int]
) -> tuple[int, ...]:
    """The exponents, ascending, of 1 to ``MAX_DEGREE``.

    Args:
        table: neighbours within the recipe's cutoff.
        wanted: for the cutoff and its function.
        count: how many exponents.
        signs: λ of the functions, of -1 and +1.

    Raises:
        InputError: no atom has two neighbours.
    """
    angles = weighted_angles(table, wanted)
    if not angles.any():
        raise errors.InputError(f"no atom has two neighbours within {wanted.cutoff} Å: give `zetas` one by one")
    centres = np.cos((np.arange(BINS) + 0.5) * np.pi / BINS)
    root = np.sqrt(angles / angles.sum())
    every = range(1, MAX_DEGREE + 1)
    rows = {zeta: [_standard(((1.0 + sign * centres) / 2.0) ** zeta, root) for sign in signs] for zeta in every}

    def distinct(chosen: tuple[int, ...]) -> float:
        own = np.array([row for zeta in chosen for row in rows[zeta]])
        return float(np.linalg.slogdet(own @ own.T + NOISE * np.eye(len(own)))[1])

    return max(itertools.combinations(every, count), key=distinct)


def weighted_angles(table: neighbours.NeighbourTable, wanted: recipe.Recipe) -> Array:
    """(BINS,) weights of the angles between two neighbours, 0 to 180 degrees in equal bins."""
    found = np.zeros(BINS)
    for atom in range(0, len(table), max(1, -(-len(table) // MOST_ATOMS))):
        vectors = table.vectors[atom][:, : table.counts[atom]].T.astype(np.float64)
        r = np.linalg.norm(vectors, axis=1)
        seen = cutoff.cutoff(wanted.cutoff_function, torch.from_numpy(r), wanted.cutoff)[0].numpy() / r**2
        unit = vectors / r[:, None]
        j, k = np.triu_indices(len(r), 1)
        angles = np.arccos(np.clip((unit[j] * unit[k]).sum(axis=1), -1.0, 1.0))
        bins = np.minimum((angles / np.pi * BINS).astype(np.int64), BINS - 1)
        found += np.bincount(bins, weights=seen[j] * seen[k], minlength=BINS)
    return found


def _standard(values: Array, root: Array) -> Array:
    """Values over the bins with weighted mean 0 and weighted sum of squares 1; zeros where they do not vary."""
    centred = (values - (values * root**2).sum()) * root
    length = np.linalg.norm(centred)
    return centred / length if length > 1e-12 else np.zeros_like(centred)
