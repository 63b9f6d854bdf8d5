"""Coincident atoms, and files whose lengths are in another unit; what is only unusual must pass."""

from pathlib import Path

import ase
import ase.build
import ase.io
import numpy as np
import pytest
from ase.data import chemical_symbols, reference_states

from nnp.core import errors, plausibility, reading
from nnp.core.structure import Structure

BULK = [
    chemical_symbols[number]
    for number, state in enumerate(reference_states)
    if state
    and state["symmetry"] in ("fcc", "bcc", "hcp", "diamond", "sc")
    and chemical_symbols[number] not in ("Se", "Te")
]
RARE = {"He", "Ne", "Ar", "Kr", "Xe", "Rn"}


def write(folder: Path, frames: list[ase.Atoms], scale: float = 1.0) -> Path:
    path = folder / "frames.xyz"
    scaled = [
        ase.Atoms(atoms.symbols, atoms.positions * scale, cell=atoms.cell * scale, pbc=atoms.pbc) for atoms in frames
    ]
    ase.io.write(path, scaled, format="extxyz")
    return path


def silicon(count: int = 5) -> list[ase.Atoms]:
    frames = [ase.build.bulk("Si", cubic=True) for _ in range(count)]
    for seed, atoms in enumerate(frames):
        atoms.rattle(0.2, seed=seed)
    return frames


def test_the_closest_pair() -> None:
    contact = plausibility.closest(Structure.from_atoms(ase.build.bulk("Si")))
    assert contact.distance == pytest.approx(5.43 * np.sqrt(3) / 4)
    assert contact.ratio == contact.bonded_ratio == pytest.approx(contact.distance / 2.22)
    assert plausibility.closest(Structure.from_atoms(ase.Atoms("Si"))) is None
    assert plausibility.closest(Structure.from_atoms(ase.Atoms("Si", cell=[20] * 3, pbc=True))) is None


def test_the_ratio_counts_and_not_the_distance() -> None:
    """In CsH the closest pair by distance is not the closest by radii."""
    atoms = ase.Atoms("HHCsCs", [(0, 0, 0), (0, 0, 0.9), (10, 0, 0), (10, 0, 3.0)])
    assert plausibility.closest(Structure.from_atoms(atoms)).atoms == (2, 3)


@pytest.mark.parametrize(
    ("atoms", "words"),
    [
        (ase.Atoms("SiSi", [(0, 0, 0), (0, 0, 0.3)]), "atoms 0 (Si) and 1 (Si) coincide"),
        (ase.Atoms("HH", [(0, 0, 0), (0, 0, 0.09)]), "only 0.09 Å apart"),
        (ase.Atoms("SiC", [(0, 0, 0), (0, 0, 4)], cell=[5, 5, 4], pbc=True), "coincide"),
        (ase.Atoms("Cs", cell=[0.6, 5, 5], pbc=True), "its own periodic image"),
    ],
)
def test_coincident_atoms(atoms: ase.Atoms, words: str) -> None:
    (problem,) = plausibility.check(Structure.from_atoms(atoms))
    assert words in problem


def test_a_short_dimer_is_no_coincidence() -> None:
    assert plausibility.check(Structure.from_atoms(ase.Atoms("SiSi", [(0, 0, 0), (0, 0, 0.8)]))) == []


@pytest.mark.parametrize("symbol", BULK)
def test_elements_in_their_ground_state_are_plausible(symbol: str) -> None:
    contact = plausibility.closest(Structure.from_atoms(ase.build.bulk(symbol)))
    if symbol in RARE:
        assert contact is None or contact.bonded_ratio is None
        return
    for scale in (0.9, 1.0, 1.15):
        plausibility.check_unit([contact.bonded_ratio * scale] * 3, length_unit="angstrom", stated=False, file="f")
    with pytest.raises(errors.PlausibilityError, match="length_unit=bohr"):
        plausibility.check_unit([contact.bonded_ratio * 1.8897] * 3, length_unit="angstrom", stated=False, file="f")


def test_bohr_taken_for_angstrom(tmp_path: Path) -> None:
    path = write(tmp_path, silicon(), 1 / 0.529177210903)
    with pytest.raises(errors.PlausibilityError, match=r"frames.xyz: .* give length_unit=bohr"):
        list(reading.read_frames(path))
    frames = list(reading.read_frames(path, length_unit="bohr"))
    np.testing.assert_allclose(frames[0].structure.positions, silicon()[0].positions, atol=1e-7)


def test_angstrom_taken_for_bohr(tmp_path: Path) -> None:
    path = write(tmp_path, silicon())
    with pytest.raises(errors.PlausibilityError, match="give length_unit=angstrom"):
        list(reading.read_frames(path, length_unit="bohr"))


def test_who_says_angstrom_means_it(tmp_path: Path) -> None:
    path = write(tmp_path, silicon(), 1.9)
    assert len(list(reading.read_frames(path, length_unit="angstrom"))) == 5


def test_unusual_files_pass(tmp_path: Path) -> None:
    dimers = [ase.Atoms("SiSi", [(0, 0, 0), (0, 0, distance)]) for distance in np.linspace(1.5, 6.0, 8)]
    atoms = [ase.Atoms("Si"), ase.Atoms("Si", cell=[15, 15, 15], pbc=True)]
    argon = [ase.build.bulk("Ar", cubic=True)]
    for frames in (silicon(4) + dimers + atoms * 3, atoms, argon, dimers, [ase.build.molecule("H2O")]):
        assert len(list(reading.read_frames(write(tmp_path, frames)))) == len(frames)
