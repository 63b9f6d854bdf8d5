"""The shipped silicon data set is what its README says: counted, labelled, balanced and without near-duplicates."""

import importlib.util
import json
from collections import Counter, defaultdict
from pathlib import Path
from types import ModuleType

import ase.io
import numpy as np
import pytest
from ase import Atoms, units

FOLDER = Path(__file__).resolve().parents[2] / "data" / "si-pbe"
GROUPS = {
    "equation_of_state",
    "strained",
    "thermal",
    "compressed",
    "beta_tin",
    "sc",
    "bcc",
    "fcc",
    "vacancy",
    "interstitial",
    "liquid",
    "amorphous",
}


@pytest.fixture(scope="module")
def structures() -> list[Atoms]:
    return ase.io.read(FOLDER / "si-pbe.extxyz", index=":")


@pytest.fixture(scope="module")
def fingerprint() -> ModuleType:
    spec = importlib.util.spec_from_file_location("si_pbe_fingerprint", FOLDER / "fingerprint.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_400_structures_and_30_in_every_group(structures: list[Atoms]) -> None:
    counts = Counter(atoms.info["group"] for atoms in structures)
    assert len(structures) >= 400
    assert set(counts) == GROUPS
    assert min(counts.values()) >= 30


def test_every_structure_has_its_own_name_and_every_group_ten_series(structures: list[Atoms]) -> None:
    assert len({atoms.info["config"] for atoms in structures}) == len(structures)
    series = defaultdict(set)
    for atoms in structures:
        series[atoms.info["group"]].add(atoms.info["trajectory"])
    assert min(len(names) for names in series.values()) >= 10
    assert sum(len(names) for names in series.values()) == len(set().union(*series.values()))


def test_every_structure_has_energy_forces_and_stress(structures: list[Atoms]) -> None:
    for atoms in structures:
        assert set(atoms.symbols) == {"Si"}
        assert atoms.pbc.all()
        assert np.isfinite(atoms.get_potential_energy())
        assert atoms.get_forces().shape == (len(atoms), 3)
        assert atoms.get_stress().shape == (6,)
        assert np.isfinite(atoms.get_forces()).all()
        assert np.isfinite(atoms.get_stress()).all()


def test_forces_are_of_sane_size_and_sum_to_nothing(structures: list[Atoms]) -> None:
    """The grid of the density leaves a net force; a dropped or swapped atom would leave far more."""
    for atoms in structures:
        assert np.abs(atoms.get_forces()).max() < 15.0
        assert np.abs(atoms.get_forces().mean(axis=0)).max() < 0.02


def test_no_two_structures_are_nearly_the_same(structures: list[Atoms], fingerprint: ModuleType) -> None:
    prints = [fingerprint.fingerprint(atoms) for atoms in structures]
    assert fingerprint.nearest_difference(prints).min() >= fingerprint.NEAR_DUPLICATE


def test_the_fingerprint_sees_geometry_and_nothing_else(structures: list[Atoms], fingerprint: ModuleType) -> None:
    atoms = structures[-1]
    turned = atoms[np.random.default_rng(0).permutation(len(atoms))] * (2, 1, 1)
    turned.rotate(40.0, (1.0, 2.0, 3.0), rotate_cell=True)
    moved = atoms.copy()
    moved.positions[0] += 0.3
    mine = fingerprint.fingerprint(atoms)
    assert fingerprint.difference(mine, fingerprint.fingerprint(turned)) < 0.05
    assert fingerprint.difference(mine, fingerprint.fingerprint(moved)) > fingerprint.NEAR_DUPLICATE


def test_compressed_lies_outside_the_other_diamonds(structures: list[Atoms]) -> None:
    volumes = defaultdict(list)
    for atoms in structures:
        volumes[atoms.info["group"]].append(atoms.get_volume() / len(atoms))
    others = [min(volumes[group]) for group in ("equation_of_state", "strained", "thermal", "vacancy", "interstitial")]
    assert max(volumes["compressed"]) < min(others)


def test_stress_is_the_slope_of_energy_over_volume_of_perfect_diamond(structures: list[Atoms]) -> None:
    """Sign and unit of the stress, by labels alone, against a quartic through E(V); Pulay stress leaves 0.1 GPa."""
    perfect = [atoms for atoms in structures if atoms.info["config"].startswith("equation_of_state")]
    perfect = sorted((atoms for atoms in perfect if atoms.info["config"].endswith("-0")), key=Atoms.get_volume)
    volumes = np.array([atoms.get_volume() for atoms in perfect])
    energies = np.array([atoms.get_potential_energy() for atoms in perfect])
    centre, width = volumes.mean(), volumes.std()
    slope = (
        np.polyval(np.polyder(np.polyfit((volumes - centre) / width, energies, 4)), (volumes - centre) / width) / width
    )
    stress = np.array([atoms.get_stress()[:3].mean() for atoms in perfect])
    np.testing.assert_allclose(stress[1:-1] / units.GPa, slope[1:-1] / units.GPa, atol=0.25)


def test_the_method_is_recorded() -> None:
    record = json.loads((FOLDER / "method.json").read_text())
    assert record["functional"] == "PBE"
    assert {"code", "version", "cutoff_ev", "k_spacing_per_angstrom", "smearing_ev", "paw_set"} <= set(record)
