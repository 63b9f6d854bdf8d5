"""Predictions by torch from the parameters, block by block, so that memory does not grow with the structure."""

import copy
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from nnp.core import assembly, neighbours
from nnp.core.prediction import Prediction
from nnp.core.structure import Structure
from nnp.learn.potential import Potential

DTYPES = {"float32": torch.float32, "float64": torch.float64}
BLOCK_ATOMS = 64


def evaluate(potential: Potential, structures: Sequence[Structure], dtype: str = "float64") -> list[Prediction]:
    """Energies, atomic energies and forces, each structure alone.

    Args:
        potential: the parameters; they are not changed.
        structures: of the potential's elements.
        dtype: ``float32`` or ``float64``.
    """
    cast = copy.deepcopy(potential).to(DTYPES[dtype]).requires_grad_(False)
    return [_one(cast, structure, dtype) for structure in structures]


def _one(potential: Potential, structure: Structure, dtype: str) -> Prediction:
    index = {element: i for i, element in enumerate(potential.elements)}
    table = neighbours.neighbour_table([structure], potential.cutoff, dtype=dtype)
    species = np.array([index[symbol] for symbol in structure.symbols], dtype=np.int64)
    blocks = list(_blocks(potential, table, species))
    references = np.array([potential.reference_energies[symbol] for symbol in structure.symbols])
    energies = np.concatenate([energies for energies, _ in blocks]) + references
    gradients = np.concatenate([gradients for _, gradients in blocks])
    return Prediction(energy=float(energies.sum()), energies=energies, forces=assembly.forces(gradients, table.reverse))


def _blocks(
    potential: Potential, table: neighbours.NeighbourTable, species: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Atomic energies (n,) and pair gradients (n, 3, K) of one block of atoms after the other."""
    for start in range(0, len(table), BLOCK_ATOMS):
        block = table.block(start, start + BLOCK_ATOMS)
        to_itself = np.arange(block.neighbours.size).reshape(block.neighbours.shape)
        arrays = (block.vectors, block.neighbour_species(species), species[start : start + BLOCK_ATOMS], to_itself)
        outputs = potential(*(torch.from_numpy(np.ascontiguousarray(array)) for array in arrays))
        yield outputs["atomic_energies"].double().numpy(), outputs["pair_gradients"].double().numpy()
