"""Check the labels with more GPAW: energy against forces and stress, and the settings against finer ones.

    OMP_NUM_THREADS=1 python check.py finite-differences si-pbe.extxyz
    OMP_NUM_THREADS=1 python check.py convergence si-pbe.extxyz
    OMP_NUM_THREADS=1 python check.py kernel si-pbe.extxyz

The last compares the batched exchange-correlation kernel with GPAW's own. Each prints a Markdown table, row by row as
it goes.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.io
import batched_xc
import method
import numpy as np
from ase import Atoms, units

STEP = 0.01
"""Displacement (Å, root mean square over the atoms) of the force check."""
STRAIN = 0.005
TIGHT = {"energy": 1e-6, "density": 1e-6, "eigenstates": 1e-9}
CONVERGENCE_GROUPS = ("strained", "compressed", "fcc", "vacancy", "liquid")
COLUMNS = {
    "finite-differences": "group | E slope, forces (eV/Å) | E slope, energies | forces - energies | "
    "stress (GPa) | stress by energies | stress - energies",
    "kernel": "group | E of GPAW's kernel - E of ours (eV) | max F (eV/Å) | max stress (eV/Å^3)",
    "convergence": "group | setting | E (meV/atom) | rms F (eV/Å) | max F | max stress (GPa)",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=list(COLUMNS))
    parser.add_argument("labels", type=Path)
    parser.add_argument("--groups", nargs="+", help="only these")
    arguments = parser.parse_args()
    examples = one_of_each_group(ase.io.read(arguments.labels, index=":"))
    print("|", COLUMNS[arguments.what], "|")
    print("|---" * (COLUMNS[arguments.what].count("|") + 1) + "|", flush=True)
    if arguments.what != "kernel":
        batched_xc.install()
    if arguments.what == "finite-differences":
        for group in arguments.groups or examples:
            print(finite_difference_row(group, examples[group]), flush=True)
    elif arguments.what == "kernel":
        for group in arguments.groups or ("liquid",):
            print(kernel_row(group, examples[group]), flush=True)
    else:
        for group in arguments.groups or CONVERGENCE_GROUPS:
            for row in convergence_rows(group, examples[group]):
                print(row, flush=True)


def one_of_each_group(structures: list[Atoms]) -> dict[str, Atoms]:
    """The second member of the first series of every group: neither perfect nor the most distorted."""
    examples: dict[str, Atoms] = {}
    for atoms in structures:
        if atoms.info["config"].endswith("-1"):
            examples.setdefault(atoms.info["group"], atoms)
    return examples


def finite_difference_row(group: str, atoms: Atoms) -> str:
    """Slopes of the energy along one random displacement and one random strain, from the label and from energies."""
    rng = np.random.default_rng(len(group))
    direction = rng.normal(size=(len(atoms), 3))
    direction /= np.sqrt(np.mean(np.sum(direction**2, axis=1)))
    by_forces = -float(np.sum(atoms.get_forces() * direction))
    by_energies = slope(lambda step: displaced(atoms, step * direction), STEP)

    strain = rng.uniform(-1.0, 1.0, size=(3, 3))
    strain = strain + strain.T + 2.0 * np.eye(3)
    strain /= np.linalg.norm(strain)
    by_stress = float(np.sum(atoms.get_stress(voigt=False) * strain)) / units.GPa
    by_strain = slope(lambda step: strained(atoms, step * strain), STRAIN) / atoms.get_volume() / units.GPa
    return (
        f"| `{group}` | {by_forces:.4f} | {by_energies:.4f} | {by_forces - by_energies:+.4f} "
        f"| {by_stress:.3f} | {by_strain:.3f} | {by_stress - by_strain:+.3f} |"
    )


def slope(changed: Callable[[float], Atoms], step: float) -> float:
    """Central difference of the free energy (eV) over a change of the structure, at the k-points of the data set."""
    high, low = (method.label(changed(sign * step), convergence=TIGHT).get_potential_energy() for sign in (1, -1))
    return (high - low) / (2 * step)


def displaced(atoms: Atoms, displacement: np.ndarray) -> Atoms:
    """A bare copy with moved atoms."""
    return Atoms(atoms.numbers, positions=atoms.positions + displacement, cell=atoms.cell, pbc=True)


def strained(atoms: Atoms, strain: np.ndarray) -> Atoms:
    """A bare copy under a homogeneous strain (3, 3)."""
    moved = Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)
    moved.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return moved


def kernel_row(group: str, atoms: Atoms) -> str:
    """One structure in GPAW as it comes, and again with `batched_xc`."""
    theirs = method.label(atoms)
    batched_xc.install()
    ours = method.label(atoms)
    energy = theirs.get_potential_energy() - ours.get_potential_energy()
    forces = np.abs(theirs.get_forces() - ours.get_forces()).max()
    stress = np.abs(theirs.get_stress() - ours.get_stress()).max()
    return f"| `{group}` | {energy:.1e} | {forces:.1e} | {stress:.1e} |"


def convergence_rows(group: str, atoms: Atoms) -> list[str]:
    """What changes when one setting is made finer: the label minus the finer one."""
    size = method.mesh_size(atoms)
    full, denser = method.full_mesh(size), method.body_centred_mesh(method.mesh_size(atoms, 0.66 * method.K_SPACING))
    settings: dict[str, dict[str, Any]] = {
        "tight self-consistency": {"convergence": TIGHT},
        "cutoff 400 eV": {"cutoff": 400.0},
        f"all of the {'x'.join(map(str, size))} mesh": {"points": full},
        f"{len(denser)} instead of {len(method.body_centred_mesh(size))} k-points": {"points": denser},
    }
    return [row(group, name, atoms, method.label(atoms, **changes)) for name, changes in settings.items()]


def row(group: str, name: str, atoms: Atoms, finer: Atoms) -> str:
    """Differences of energy per atom, forces and stress."""
    energy = 1000 * (atoms.get_potential_energy() - finer.get_potential_energy()) / len(atoms)
    forces = atoms.get_forces() - finer.get_forces()
    stress = np.abs(atoms.get_stress() - finer.get_stress()).max() / units.GPa
    rms = np.sqrt(np.mean(forces**2))
    return f"| `{group}` | {name} | {energy:+.1f} | {rms:.3f} | {np.abs(forces).max():.3f} | {stress:.2f} |"


if __name__ == "__main__":
    main()
