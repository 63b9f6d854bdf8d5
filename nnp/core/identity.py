"""Identity by content: what makes two structures, or two labels, the same."""

import hashlib
import struct

import numpy as np
import numpy.typing as npt

from nnp.core.label import Label
from nnp.core.structure import Structure

LENGTH_STEP = 1e-6
"""Å; lengths are compared in steps of this, so that a file that keeps eight decimals gives the same structure again."""
VALUE_STEP = 1e-8
"""eV, eV/Å, eV/Å^3; likewise for labels."""


def structure_id(structure: Structure) -> str:
    """The sha256, in hexadecimal, of the canonical content of a structure.

    Atomic numbers, periodicity, cell and positions count, in the order of the atoms, lengths in steps of 1e-6 Å.
    Structures that are equal only by symmetry (translated, rotated, wrapped into the cell, permuted) are different:
    forces belong to atoms in an order and a frame, and a label must fit the structure that is stored.
    """
    digest = hashlib.sha256(b"nnp structure 1\n")
    digest.update(struct.pack("<q", len(structure)))
    digest.update(structure.numbers.astype("<i4").tobytes())
    digest.update(structure.pbc.astype("u1").tobytes())
    digest.update(_steps(structure.cell, LENGTH_STEP))
    digest.update(_steps(structure.positions, LENGTH_STEP))
    return digest.hexdigest()


def label_id(label: Label) -> str:
    """The sha256, in hexadecimal, of the content of a label: energy, forces, stress, charge, spin, temperature.

    Neither the structure nor the method is part of it.
    """
    digest = hashlib.sha256(b"nnp label 1\n")
    for value in (label.energy, label.charge, label.spin, label.electronic_temperature):
        digest.update(b"-" if value is None else b"+" + _steps(np.array([value]), VALUE_STEP))
    for array in (label.forces, label.stress):
        digest.update(b"-" if array is None else struct.pack("<q", array.size) + _steps(array, VALUE_STEP))
    return digest.hexdigest()


def _steps(values: npt.NDArray[np.float64], step: float) -> bytes:
    """Values in whole steps: an integer has no negative zero and no last bits."""
    return np.rint(values / step).astype("<i8").tobytes()
