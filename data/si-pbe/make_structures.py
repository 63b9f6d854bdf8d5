"""Write the structures of the data set, unlabelled, in the order in which they are to be computed.

    python make_structures.py structures.extxyz

Twelve groups, each made of many short series (one trajectory, or one sweep of amplitudes). The order takes the groups
in turn and strides through the volumes or temperatures of each, so that every prefix of the file is balanced.
"""

import argparse
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path

import ase.io
import fingerprint
import numpy as np
import prototypes
import stillinger_weber
from ase import Atoms
from stillinger_weber import Stage, hold

SEED = 20260
SERIES = 12
DEFECT_SERIES = 10
STRIDE = 7
"""No common factor with either count."""
SMALLEST_DISTANCE = 1.75
V0 = prototypes.DIAMOND_VOLUME

Series = Callable[[int, np.random.Generator], list[Atoms]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    output = parser.parse_args().output
    groups = [list(group_structures(number, name)) for number, name in enumerate(GROUPS)]
    ordered = [atoms for turn in zip_longest(*groups) for atoms in turn if atoms is not None]
    ase.io.write(output, drop_near_duplicates(ordered), format="extxyz")


def group_structures(number: int, name: str) -> Iterator[Atoms]:
    """All structures of a group, each named and marked with its series."""
    count, make = GROUPS[name]
    for index in (STRIDE * step % count for step in range(count)):
        rng = np.random.default_rng([SEED, number, index])
        for member, atoms in enumerate(make(index, rng)):
            if fingerprint.nearest_neighbour_distance(atoms) < SMALLEST_DISTANCE:
                print(f"left out {name}-{index:02d}-{member}: atoms nearer than {SMALLEST_DISTANCE} Å")
                continue
            trajectory = f"{name}-{index:02d}"
            atoms.info = {"group": name, "trajectory": trajectory, "config": f"{trajectory}-{member}"}
            yield atoms


def drop_near_duplicates(structures: list[Atoms]) -> list[Atoms]:
    """The structures without those nearer than the limit to an earlier one."""
    kept: list[Atoms] = []
    prints: list[np.ndarray] = []
    for atoms in structures:
        mine = fingerprint.fingerprint(atoms)
        if any(fingerprint.difference(mine, other) < fingerprint.NEAR_DUPLICATE for other in prints):
            print(f"left out {atoms.info['config']}: nearly the same as an earlier one")
            continue
        kept.append(atoms)
        prints.append(mine)
    return kept


def equation_of_state(index: int, rng: np.random.Generator) -> list[Atoms]:
    """Diamond at one of twelve volumes: perfect, and shaken by 0.03 and 0.06 Å."""
    volume = V0 * np.linspace(0.90, 1.12, SERIES)[index]
    return [shaken(prototypes.diamond(volume), amplitude, rng) for amplitude in (0.0, 0.03, 0.06)]


def strained(_index: int, rng: np.random.Generator) -> list[Atoms]:
    """Diamond along one random strain of 2, 4 and 6 %, slightly shaken."""
    direction = rng.normal(size=(3, 3))
    direction = direction + direction.T
    direction /= np.linalg.norm(direction)
    structures = [stretched(prototypes.diamond(V0), amplitude * direction) for amplitude in (0.02, 0.04, 0.06)]
    return [shaken(atoms, 0.02, rng) for atoms in structures]


def thermal(index: int, rng: np.random.Generator) -> list[Atoms]:
    """Diamond at one of twelve temperatures, 100-2500 K."""
    temperature = np.linspace(100.0, 2500.0, SERIES)[index]
    atoms = prototypes.diamond(V0 * rng.uniform(0.98, 1.04))
    return heated(atoms, temperature, rng)


def compressed(index: int, rng: np.random.Generator) -> list[Atoms]:
    """Diamond at 75-87 % of its volume, 300-1800 K."""
    volume = V0 * np.linspace(0.75, 0.87, SERIES)[index]
    return heated(prototypes.diamond(volume), rng.uniform(300.0, 1800.0), rng)


def beta_tin(index: int, rng: np.random.Generator) -> list[Atoms]:
    """Beta-tin at one volume and ratio c/a."""
    volume = np.linspace(13.0, 17.5, SERIES)[index]
    return distorted(prototypes.beta_tin(volume, rng.uniform(0.50, 0.60)), rng)


def simple_cubic(index: int, rng: np.random.Generator) -> list[Atoms]:
    """Simple cubic at one volume."""
    return distorted(prototypes.simple_cubic(np.linspace(13.8, 18.5, SERIES)[index]), rng)


def body_centred_cubic(index: int, rng: np.random.Generator) -> list[Atoms]:
    """Body-centred cubic at one volume."""
    return distorted(prototypes.body_centred_cubic(np.linspace(13.0, 17.0, SERIES)[index]), rng)


def face_centred_cubic(index: int, rng: np.random.Generator) -> list[Atoms]:
    """Face-centred cubic at one volume."""
    return distorted(prototypes.face_centred_cubic(np.linspace(13.0, 17.0, SERIES)[index]), rng)


def vacancy(index: int, rng: np.random.Generator) -> list[Atoms]:
    """15 atoms on 16 sites, 100-1500 K."""
    temperature = np.linspace(100.0, 1500.0, DEFECT_SERIES)[index]
    atoms = prototypes.vacancy(V0 * rng.uniform(0.96, 1.03))
    return heated(atoms, temperature, rng)


def interstitial(index: int, rng: np.random.Generator) -> list[Atoms]:
    """17 atoms on 16 sites, three kinds in turn, 100-1500 K."""
    temperature = np.linspace(100.0, 1500.0, DEFECT_SERIES)[index]
    site = ("tetrahedral", "split", "hexagonal")[index % 3]
    return heated(prototypes.interstitial(V0 * rng.uniform(0.99, 1.06), site), temperature, rng, relax_first=True)


def liquid(index: int, rng: np.random.Generator) -> list[Atoms]:
    """A melt of 8 (every sixth: 16) atoms, 2.3-2.75 g/cm^3, 1700-3500 K, 4 ps between snapshots."""
    atoms = prototypes.random_packing(16 if index % 6 == 5 else 8, rng.uniform(2.3, 2.75), rng, aspect=0.05)
    temperature = rng.uniform(1700.0, 3500.0)
    stages = [hold(4000.0, 5000), hold(temperature, 5000, keep=True)] + [hold(temperature, 4000, keep=True)] * 2
    return stillinger_weber.snapshots(atoms, stages, seed=seed_from(rng), relax_first=True)


def amorphous(index: int, rng: np.random.Generator) -> list[Atoms]:
    """A melt of 8 (every third: 16) atoms quenched at 8e13 K/s, then at 300, 700 and 1100 K.

    What crystallised is melted again.
    """
    while True:
        atoms = prototypes.random_packing(16 if index % 3 == 2 else 8, rng.uniform(2.15, 2.40), rng, aspect=0.08)
        quench = [hold(4000.0, 5000), Stage(steps=40000, start=3500.0, stop=300.0)]
        anneal = [hold(temperature, 3000, keep=True) for temperature in (300.0, 700.0, 1100.0)]
        frames = stillinger_weber.snapshots(atoms, quench + anneal, seed=seed_from(rng), relax_first=True)
        crystal = fingerprint.fingerprint(prototypes.diamond(atoms.get_volume() / len(atoms)))
        if fingerprint.difference(fingerprint.fingerprint(frames[0]), crystal) > 0.3:
            return frames


def shaken(atoms: Atoms, amplitude: float, rng: np.random.Generator) -> Atoms:
    """A copy whose coordinates are moved at random with this standard deviation (Å)."""
    moved = atoms.copy()
    moved.positions += rng.normal(scale=amplitude, size=moved.positions.shape) if amplitude else 0.0
    return moved


def stretched(atoms: Atoms, strain: np.ndarray) -> Atoms:
    """A copy under a homogeneous strain (3, 3)."""
    moved = atoms.copy()
    moved.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return moved


def distorted(atoms: Atoms, rng: np.random.Generator) -> list[Atoms]:
    """Three random distortions of growing size: strain of 0, 1.5 and 3 % and shaking by 0.04, 0.10 and 0.18 Å."""
    structures = []
    for strain, amplitude in ((0.0, 0.04), (0.015, 0.10), (0.03, 0.18)):
        tensor = rng.uniform(-strain, strain, size=(3, 3))
        structures.append(shaken(stretched(atoms, (tensor + tensor.T) / 2), amplitude, rng))
    return structures


def heated(atoms: Atoms, temperature: float, rng: np.random.Generator, *, relax_first: bool = False) -> list[Atoms]:
    """Three snapshots, 1 ps apart, of a Langevin trajectory at fixed cell."""
    stages = [hold(temperature, 1000, keep=True)] * 3
    return stillinger_weber.snapshots(atoms, stages, seed=seed_from(rng), relax_first=relax_first)


def seed_from(rng: np.random.Generator) -> int:
    """A seed that LAMMPS takes."""
    return int(rng.integers(1, 2**29))


GROUPS: dict[str, tuple[int, Series]] = {
    "equation_of_state": (SERIES, equation_of_state),
    "strained": (SERIES, strained),
    "thermal": (SERIES, thermal),
    "compressed": (SERIES, compressed),
    "beta_tin": (SERIES, beta_tin),
    "sc": (SERIES, simple_cubic),
    "bcc": (SERIES, body_centred_cubic),
    "fcc": (SERIES, face_centred_cubic),
    "vacancy": (DEFECT_SERIES, vacancy),
    "interstitial": (DEFECT_SERIES, interstitial),
    "liquid": (SERIES, liquid),
    "amorphous": (SERIES, amorphous),
}

if __name__ == "__main__":
    main()
