"""Print what the data set holds, group by group, and the lattice constant that it implies, as Markdown.

python summary.py si-pbe.extxyz
"""

import argparse
from pathlib import Path

import ase.io
import fingerprint
import numpy as np
from ase import Atoms, units
from ase.eos import EquationOfState


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path)
    structures = ase.io.read(parser.parse_args().labels, index=":")
    differences = fingerprint.nearest_difference([fingerprint.fingerprint(atoms) for atoms in structures])
    print(
        "| group | structures | series | atoms | nearest neighbour (Å) | volume (Å^3/atom) | energy (eV/atom) |", end=""
    )
    print(" rms / max force (eV/Å) | pressure (GPa) | least difference (Å) |\n" + "|---" * 10 + "|")
    groups = np.array([atoms.info["group"] for atoms in structures])
    for group in dict.fromkeys(groups.tolist()):
        members = [atoms for atoms in structures if atoms.info["group"] == group]
        print(row(group, members, float(differences[groups == group].min())))
    print(f"\n{len(structures)} structures, {sum(map(len, structures))} atoms")
    print(diamond([atoms for atoms in structures if is_perfect_diamond(atoms)]))


def row(group: str, members: list[Atoms], least_difference: float) -> str:
    """One line of the table."""
    counts = sorted({len(atoms) for atoms in members})
    forces = np.concatenate([atoms.get_forces() for atoms in members])
    pressures = [-atoms.get_stress()[:3].mean() / units.GPa for atoms in members]
    cells = [
        f"`{group}`",
        str(len(members)),
        str(len({atoms.info["trajectory"] for atoms in members})),
        ", ".join(map(str, counts)),
        span([fingerprint.nearest_neighbour_distance(atoms) for atoms in members], 2),
        span([atoms.get_volume() / len(atoms) for atoms in members], 1),
        span([atoms.get_potential_energy() / len(atoms) for atoms in members], 2),
        f"{np.sqrt(np.mean(forces**2)):.2f} / {np.abs(forces).max():.1f}",
        span(pressures, 0),
        f"{least_difference:.3f}",
    ]
    return "| " + " | ".join(cells) + " |"


def span(values: list[float], digits: int) -> str:
    """Smallest to largest."""
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def is_perfect_diamond(atoms: Atoms) -> bool:
    """The first member of every series of volumes."""
    return atoms.info["group"] == "equation_of_state" and atoms.info["config"].endswith("-0")


def diamond(perfect: list[Atoms]) -> str:
    """Lattice constant, bulk modulus and energy of diamond by a Birch-Murnaghan fit."""
    volumes = [atoms.get_volume() for atoms in perfect]
    energies = [atoms.get_potential_energy() for atoms in perfect]
    volume, energy, modulus = EquationOfState(volumes, energies, eos="birchmurnaghan").fit()
    return f"diamond: a = {volume ** (1 / 3):.3f} Å, B = {modulus / units.GPa:.1f} GPa, E = {energy / 8:.4f} eV/atom"


if __name__ == "__main__":
    main()
