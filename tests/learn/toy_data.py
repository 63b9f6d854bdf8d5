"""Small labelled data sets whose labels come from EMT and Morse in ASE: independent energies, forces and stress."""

from functools import lru_cache

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.morse import MorsePotential

from nnp.core.label import Frame, Label
from nnp.core.structure import Structure

HOST = bulk("Ar", "fcc", a=5.3, cubic=True)
MORSE = {"epsilon": 0.2, "r0": 2.8, "rho0": 4.5, "rcut1": 4.6, "rcut2": 5.2}


@lru_cache(maxsize=4)
def frames(count: int = 24, alloy: bool = False, seed: int = 0) -> tuple[Frame, ...]:
    """Strained and displaced fcc cells of 4 atoms; half of them in the group "strained", half "displaced"."""
    random = np.random.default_rng(seed)
    return tuple(frame(random, "strained" if i % 2 else "displaced", alloy) for i in range(count))


@lru_cache(maxsize=2)
def guests(count: int = 60) -> tuple[Frame, ...]:
    """A host, and the same with a guest at random places that leave it 2 Å of room."""
    random, frames = np.random.default_rng(0), [_by_morse(HOST.copy(), "host")]
    while len(frames) <= count:
        atoms = HOST.copy() + Atoms("Li", [random.uniform(0.0, 5.3, 3)])
        if atoms.get_distances(-1, range(4), mic=True).min() > 2.0:
            frames.append(_by_morse(atoms, f"guest {len(frames)}"))
    return tuple(frames)


def _by_morse(atoms: Atoms, name: str) -> Frame:
    atoms.calc = MorsePotential(**MORSE)
    label = Label(energy=atoms.get_potential_energy(), forces=atoms.get_forces(), stress=atoms.get_stress())
    return Frame(structure=Structure.from_atoms(atoms), label=label, name=name)


def frame(random: np.random.Generator, group: str, alloy: bool) -> Frame:
    atoms: Atoms = bulk("Cu", "fcc", a=3.6, cubic=True)
    if alloy:
        atoms.symbols[random.permutation(4)[: random.integers(0, 5)]] = "Al"
    strain = np.eye(3) + random.normal(scale=0.03 if group == "strained" else 0.005, size=(3, 3))
    atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
    atoms.positions += random.normal(scale=0.02 if group == "strained" else 0.12, size=(4, 3))
    atoms.calc = EMT()
    return Frame(
        structure=Structure.from_atoms(atoms),
        label=Label(energy=atoms.get_potential_energy(), forces=atoms.get_forces(), stress=atoms.get_stress()),
        group=group,
    )
