"""Copies of a structure that are moved, turned, strained, reordered or doubled."""

import numpy as np
import numpy.typing as npt

from nnp.core.structure import Structure


def moved(structure: Structure, displacements: npt.NDArray[np.float64]) -> Structure:
    """The structure with its atoms displaced by (N, 3) Å."""
    return Structure(
        numbers=structure.numbers,
        positions=structure.positions + displacements,
        cell=structure.cell,
        pbc=structure.pbc,
    )


def mapped(structure: Structure, matrix: npt.NDArray[np.float64]) -> Structure:
    """Positions and cell vectors, as rows, times a matrix (3, 3): a rotation or a strain."""
    return Structure(
        numbers=structure.numbers,
        positions=structure.positions @ matrix,
        cell=structure.cell @ matrix,
        pbc=structure.pbc,
    )


def ordered(structure: Structure, order: npt.NDArray[np.int64]) -> Structure:
    """The atoms in another order (N,)."""
    return Structure(
        numbers=structure.numbers[order],
        positions=structure.positions[order],
        cell=structure.cell,
        pbc=structure.pbc,
    )


def doubled(structure: Structure) -> Structure:
    """Two cells beside each other along the first periodic vector."""
    axis = int(np.argmax(structure.pbc))
    vector = structure.cell[axis]
    cell = structure.cell.copy()
    cell[axis] = 2.0 * vector
    return Structure(
        numbers=np.concatenate([structure.numbers] * 2),
        positions=np.concatenate([structure.positions, structure.positions + vector]),
        cell=cell,
        pbc=structure.pbc,
    )
