"""How different two structures are: the root mean square difference of their neighbour distances."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from ase import Atoms
from ase.neighborlist import neighbor_list

NEIGHBOURS = 16
QUANTILES = np.linspace(0.0, 1.0, 8)
SEARCH_RADIUS = 6.0
NEAR_DUPLICATE = 0.01
"""Structures closer than this (Å) to one that is already there count as near-duplicates."""


def fingerprint(atoms: Atoms) -> npt.NDArray[np.float64]:
    """Distances (Å) to the first 16 neighbours, each as 8 quantiles over the atoms; shape (8, 16).

    It does not depend on the order of the atoms, on rotation, or on how often the cell is repeated.
    """
    centres, distances = neighbor_list("id", atoms, SEARCH_RADIUS)
    rows = [np.sort(distances[centres == i])[:NEIGHBOURS] for i in range(len(atoms))]
    return np.quantile(np.stack(rows), QUANTILES, axis=0)


def difference(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """Root mean square difference (Å) of two fingerprints."""
    return float(np.sqrt(np.mean((one - other) ** 2)))


def nearest_difference(prints: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """For every fingerprint the difference (Å) from the most similar other one."""
    flat = np.stack([p.ravel() for p in prints])
    squared = np.mean((flat[:, None, :] - flat[None, :, :]) ** 2, axis=-1)
    np.fill_diagonal(squared, np.inf)
    return np.sqrt(squared.min(axis=1))


def nearest_neighbour_distance(atoms: Atoms) -> float:
    """Shortest distance (Å) between two atoms, periodic images included."""
    return float(neighbor_list("d", atoms, SEARCH_RADIUS).min())
