"""The pool: all functions of a descriptor on all atoms, and how they change when the atoms move.

The derivatives are not kept (D x 3N numbers for every structure); R random displacements u of all atoms of a structure
give R numbers for each function, dG/du = Σ_i jvp_i(u_j - u_i), in one pass over the neighbours (DESIGN 4.1: ``jvp``).
With u drawn from a normal distribution of variance 1/(3N), the mean square of ΔF·u is that of a component of ΔF: a fit
to F·u is a fit to forces.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from nnp.core import neighbours
from nnp.core.label import Frame
from nnp.learn import batches
from nnp.learn.descriptor import Descriptor

BLOCK_ATOMS = 64
"""Atoms of a structure that are computed at once."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """N atoms of S structures, D functions of E centre elements, R directions.

    Attributes:
        values: (N, D) functions of every atom.
        species: (N,) element of every atom.
        structure: (N,) structure of every atom.
        slopes: (S, R, E, D) dG/du, summed over the atoms of an element, 1/Å; zero where forces are not labelled.
        forces: (S, R) F·u, eV/Å; zero where forces are not labelled.
        has_forces: (S,) whether they are.
    """

    values: Array
    species: npt.NDArray[np.int64]
    structure: npt.NDArray[np.int64]
    slopes: Array
    forces: Array
    has_forces: npt.NDArray[np.bool_]

    def around(self, centres: Sequence[int]) -> "Pool":
        """The part of the atoms of some elements, which get new numbers in this order."""
        own = np.isin(self.species, centres)
        numbers = np.zeros(self.slopes.shape[2], dtype=np.int64)
        numbers[list(centres)] = np.arange(len(centres))
        return replace(
            self,
            values=self.values[own],
            species=numbers[self.species[own]],
            structure=self.structure[own],
            slopes=self.slopes[:, :, list(centres)],
        )


def compute(
    functions: Descriptor, frames: Sequence[Frame], directions: int, random: np.random.Generator
) -> Iterator[tuple[int, Pool | None]]:
    """Compute a pool, structure by structure.

    Yields:
        The number of structures done, and at the end, with the last of them, the pool.

    Args:
        functions: the descriptor.
        frames: structures; forces are used where they are labelled.
        directions: R.
        random: draws the directions.
    """
    sizes = [len(frame.structure) for frame in frames]
    species = batches.species_of(frames, functions.elements)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    values = np.zeros((len(species), functions.size))
    slopes = np.zeros((len(frames), directions, len(functions.elements), functions.size))
    forces = np.zeros((len(frames), directions))
    labelled = np.array([frame.label is not None and frame.label.forces is not None for frame in frames])
    for s, frame in enumerate(frames):
        atoms = slice(starts[s], starts[s + 1])
        moves = random.normal(size=(directions, sizes[s], 3)) / np.sqrt(3.0 * sizes[s])
        with torch.no_grad():  # tables of the functions that are made here are kept, also for trainings afterwards
            values[atoms], found = _structure(functions, frame, species[atoms], moves if labelled[s] else moves[:0])
        if labelled[s] and frame.label is not None and frame.label.forces is not None:
            slopes[s] = found
            forces[s] = np.einsum("rnk,nk->r", moves, frame.label.forces)
        if s + 1 < len(frames):
            yield s + 1, None
    structure = np.repeat(np.arange(len(frames)), sizes)
    yield (
        len(frames),
        Pool(values=values, species=species, structure=structure, slopes=slopes, forces=forces, has_forces=labelled),
    )


def _structure(
    functions: Descriptor, frame: Frame, species: npt.NDArray[np.int64], moves: Array
) -> tuple[Array, Array]:
    """Values (N, D) of a structure, and slopes (R, E, D) along moves (R, N, 3)."""
    table = neighbours.neighbour_table([frame.structure], functions.cutoff)
    kinds = table.neighbour_species(species)
    values = np.zeros((len(species), functions.size))
    slopes = np.zeros((len(moves), len(functions.elements), functions.size))
    for start in range(0, len(species), BLOCK_ATOMS):
        rows = slice(start, start + BLOCK_ATOMS)
        vectors = torch.from_numpy(np.ascontiguousarray(table.vectors[rows], dtype=np.float64))
        own = torch.from_numpy(species[rows])
        geometry = functions.geometry(vectors, torch.from_numpy(kinds[rows]), own)
        values[rows] = functions.values(geometry).numpy()
        if len(moves) == 0:
            continue
        there = moves[:, table.neighbours[rows]].transpose(0, 1, 3, 2)
        apart = torch.from_numpy(there - moves[:, rows, :, None])
        change = functions.jvp(geometry, apart).numpy()
        for element in np.unique(species[rows]):
            slopes[:, element] += change[:, species[rows] == element].sum(axis=1)
    return values, slopes
