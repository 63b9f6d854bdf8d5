"""The silicon crystals from which the structures start; every builder takes the volume per atom in Å^3."""

import numpy as np
from ase import Atoms
from ase.build import bulk

DIAMOND_VOLUME = 5.47**3 / 8
"""Volume per atom (Å^3) of diamond at the PBE lattice constant, the V0 of this data set."""


def diamond(volume: float) -> Atoms:
    """Conventional cubic cell, 8 atoms."""
    return bulk("Si", "diamond", a=(8 * volume) ** (1 / 3), cubic=True)


def beta_tin(volume: float, c_over_a: float = 0.552) -> Atoms:
    """Tetragonal cell repeated twice along c, 8 atoms."""
    a = (4 * volume / c_over_a) ** (1 / 3)
    scaled = [[0, 0, 0], [0, 0.5, 0.25], [0.5, 0.5, 0.5], [0.5, 0, 0.75]]
    return Atoms("Si4", cell=[a, a, a * c_over_a], scaled_positions=scaled, pbc=True) * (1, 1, 2)


def simple_cubic(volume: float) -> Atoms:
    """2 x 2 x 2 cubes, 8 atoms."""
    return bulk("Si", "sc", a=volume ** (1 / 3)) * (2, 2, 2)


def body_centred_cubic(volume: float) -> Atoms:
    """2 x 2 x 1 conventional cells, 8 atoms."""
    return bulk("Si", "bcc", a=(2 * volume) ** (1 / 3), cubic=True) * (2, 2, 1)


def face_centred_cubic(volume: float) -> Atoms:
    """2 x 2 x 1 of the body-centred tetragonal cell with c/a = sqrt(2), 8 atoms."""
    a = (4 * volume) ** (1 / 3)
    side = a / np.sqrt(2)
    cell = Atoms("Si2", cell=[side, side, a], scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]], pbc=True)
    return cell * (2, 2, 1)


def vacancy(volume: float) -> Atoms:
    """Diamond cell of 16 sites (2 x 1 x 1) with one of them empty; `volume` is that of a site."""
    atoms = diamond(volume) * (2, 1, 1)
    del atoms[5]
    return atoms


def interstitial(volume: float, site: str) -> Atoms:
    """Diamond cell of 16 sites with a 17th atom: `tetrahedral`, `hexagonal` or the `split` <110> dumbbell."""
    atoms = diamond(volume) * (2, 1, 1)
    a = atoms.cell[1, 1]
    if site == "split":
        offset = 0.12 * a * np.array([1.0, 1.0, 0.0])
        centre = atoms.positions[5].copy()
        atoms.positions[5] = centre + offset
        return atoms + Atoms("Si", positions=[centre - offset])
    fraction = {"tetrahedral": [0.5, 0.5, 0.5], "hexagonal": [0.625, 0.375, 0.375]}[site]
    return atoms + Atoms("Si", positions=[a * np.array(fraction)])


def random_packing(count: int, density: float, rng: np.random.Generator, aspect: float = 0.0) -> Atoms:
    """`count` atoms at random, no two nearer than 1.7 Å, in a box of the given density (g/cm^3); melts are made of it.

    8 atoms sit in one near-cubic box, 16 in one twice as long along x; `aspect` is how far the box is from cubic.
    """
    volume = count * 28.0855 / density / 0.602214
    lengths = np.array([2.0 if count > 8 else 1.0, 1.0, 1.0]) * np.exp(rng.uniform(-aspect, aspect, 3))
    lengths *= (volume / lengths.prod()) ** (1 / 3)
    positions: list[np.ndarray] = []
    while len(positions) < count:
        candidate = rng.uniform(size=3) * lengths
        gaps = [np.linalg.norm((d := candidate - p) - lengths * np.round(d / lengths)) for p in positions]
        if all(gap > 1.7 for gap in gaps):
            positions.append(candidate)
    return Atoms(f"Si{count}", positions=positions, cell=lengths, pbc=True)
