import dataclasses
import hashlib
import struct

import numpy as np
import pytest
from ase.build import bulk

from nnp.core import identity
from nnp.core.label import Label
from nnp.core.structure import Structure

RATTLED = bulk("Si", cubic=True)
RATTLED.rattle(0.1, seed=3)
STRUCTURE = Structure.from_atoms(RATTLED)
LABEL = Label(energy=-43.2, forces=np.full((8, 3), 0.25), stress=np.arange(6) * 1e-3)


def test_the_bytes_are_those_of_the_documentation() -> None:
    """Stored data sets refer to these hashes: docs/conventions.md defines them; a change needs a new first line."""
    structure = Structure(numbers=[14], positions=[[0.5, -0.0, 0.0]], cell=np.eye(3) * 3, pbc=[True, True, False])
    content = b"nnp structure 1\n" + struct.pack("<qi3?", 1, 14, True, True, False)
    content += struct.pack("<9q", 3_000_000, 0, 0, 0, 3_000_000, 0, 0, 0, 0) + struct.pack("<3q", 500_000, 0, 0)
    assert identity.structure_id(structure) == hashlib.sha256(content).hexdigest()
    label = Label(energy=-1.5, forces=[[0, 0.25, -0.0]])
    content = b"nnp label 1\n" + b"+" + struct.pack("<q", -150_000_000) + b"+" + struct.pack("<q", 0) + b"--"
    content += struct.pack("<q3q", 3, 0, 25_000_000, 0) + b"-"
    assert identity.label_id(label) == hashlib.sha256(content).hexdigest()


def test_noise_in_the_last_digits_does_not_count() -> None:
    printed = np.array([[float(f"{x:.8f}") for x in row] for row in STRUCTURE.positions])
    assert identity.structure_id(dataclasses.replace(STRUCTURE, positions=printed)) == identity.structure_id(STRUCTURE)
    negative_zero = dataclasses.replace(STRUCTURE, cell=np.where(STRUCTURE.cell == 0, -0.0, STRUCTURE.cell))
    assert identity.structure_id(negative_zero) == identity.structure_id(STRUCTURE)
    noisy = dataclasses.replace(LABEL, energy=LABEL.energy + 1e-11, forces=LABEL.forces + 1e-12)
    assert identity.label_id(noisy) == identity.label_id(LABEL)


def test_what_is_not_physics_does_not_count() -> None:
    slab = RATTLED.copy()
    slab.pbc = [True, True, False]
    higher = slab.copy()
    higher.cell[2] *= 2
    assert identity.structure_id(Structure.from_atoms(slab)) == identity.structure_id(Structure.from_atoms(higher))


@pytest.mark.parametrize(
    "change",
    [
        {"positions": STRUCTURE.positions + 1e-4},
        {"positions": STRUCTURE.positions[::-1]},
        {"cell": STRUCTURE.cell * 1.0001},
        {"pbc": False},
        {"numbers": np.full(8, 6)},
    ],
)
def test_every_part_of_a_structure_counts(change: dict) -> None:
    assert identity.structure_id(dataclasses.replace(STRUCTURE, **change)) != identity.structure_id(STRUCTURE)


def test_every_part_of_a_label_counts() -> None:
    changes = [
        {"energy": -43.3},
        {"forces": None},
        {"forces": np.full((8, 3), 0.26)},
        {"stress": None},
        {"charge": 1.0},
        {"spin": 0.0},
        {"electronic_temperature": 0.0},
        {"electronic_temperature": 1000.0},
    ]
    found = {identity.label_id(dataclasses.replace(LABEL, **change)) for change in changes}
    assert len(found | {identity.label_id(LABEL)}) == len(changes) + 1
