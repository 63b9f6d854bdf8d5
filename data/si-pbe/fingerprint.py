"""How different two structures are: the root mean square difference of their neighbour distances."""

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from ase import Atoms

NEIGHBOURS = 16
QUANTILES = np.linspace(0.0, 1.0, 8)
SEARCH_RADIUS = 6.0
"""Every atom of this data set has its 16 neighbours within (Å)."""
NEAR_DUPLICATE = 0.01
"""Structures closer than this (Å) to one that is already there count as near-duplicates."""


def fingerprint(atoms: Atoms) -> npt.NDArray[np.float64]:
    """Distances (Å) to the first 16 neighbours, each as 8 quantiles over the atoms; shape (8, 16).

    It does not depend on the order of the atoms, on rotation, or (but for interpolation) on repeating the cell.
    """
    return np.quantile(neighbour_distances(atoms)[:, :NEIGHBOURS], QUANTILES, axis=0)


def neighbour_distances(atoms: Atoms) -> npt.NDArray[np.float64]:
    """Sorted distances (Å) of every atom to all others and their images, complete up to the search radius."""
    fractions = atoms.get_scaled_positions()
    apart = fractions[None, :] - fractions[:, None]
    apart -= np.round(apart)
    reach = np.ceil(SEARCH_RADIUS * np.linalg.norm(atoms.cell.reciprocal(), axis=1) + 0.5).astype(int)
    images = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach))))
    vectors = (apart[:, :, None] + images) @ atoms.cell.array
    distances = np.linalg.norm(vectors, axis=-1).reshape(len(atoms), -1)
    return np.sort(distances, axis=1)[:, 1:]


def difference(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """Root mean square difference (Å) of two fingerprints."""
    return float(np.sqrt(np.mean((one - other) ** 2)))


def nearest_difference(prints: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """For every fingerprint the difference (Å) from the most similar other one."""
    flat = np.stack([p.ravel() for p in prints])
    nearest = np.empty(len(flat))
    for index, mine in enumerate(flat):
        squared = np.mean((flat - mine) ** 2, axis=1)
        squared[index] = np.inf
        nearest[index] = np.sqrt(squared.min())
    return nearest


def nearest_neighbour_distance(atoms: Atoms) -> float:
    """Shortest distance (Å) between two atoms, periodic images included."""
    return float(neighbour_distances(atoms)[:, 0].min())
