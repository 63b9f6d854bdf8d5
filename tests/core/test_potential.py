"""Evaluation without torch: batches, blocks, threads, units, reasons and errors. The files are made by nnp.learn."""

import dataclasses

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule

from nnp.core import errors, onnx_graph, potential, sessions
from nnp.core.prediction import PROPERTIES, Prediction
from nnp.core.structure import Structure
from tests.learn import random_potential

RECORD = {"count": 9, "coverage_68": 0.7, "coverage_95": 0.9, "miscalibration_area": 0.1, "spearman": None}
CALIBRATION = {
    "force": {"factor": 2.0, "power": 1.0, "floor": 0.0, "lowest": 0.0, "highest": 1e3, "record": RECORD},
    "energy": {"factor": 3.0, "power": 1.0, "floor": 0.0, "lowest": 0.0, "highest": 1e3, "record": RECORD},
}


@pytest.fixture(scope="module")
def structures() -> list[Structure]:
    salt = bulk("NaCl", "rocksalt", a=5.6, cubic=True) * (2, 1, 1)
    salt.rattle(0.15, seed=3)
    slab = bulk("Na", "bcc", a=4.2) * (2, 2, 1)
    slab.pbc = (True, True, False)
    slab.rattle(0.1, seed=4)
    return [Structure.from_atoms(atoms) for atoms in (salt, slab, Atoms("Cl"), Atoms("NaCl", [[0, 0, 0], [2.6, 0, 0]]))]


@pytest.fixture(scope="module")
def content() -> bytes:
    return random_potential.file(random_potential.make(("Na", "Cl"), dense=True), calibration=CALIBRATION)


@pytest.fixture(scope="module")
def loaded(content: bytes) -> potential.Potential:
    return potential.Potential.load(content, threads=1)


def assert_equal(first: Prediction, second: Prediction, tolerance: float = 0.0) -> None:
    for name in PROPERTIES:
        one, other = getattr(first, name), getattr(second, name)
        if name == "domain":
            one, other = one.density_margins, other.density_margins
        assert (one is None) == (other is None), name
        if one is not None:
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance, err_msg=name)


def test_every_property_of_every_structure(loaded: potential.Potential, structures: list[Structure]) -> None:
    for structure, found in zip(structures, loaded.evaluate(structures, PROPERTIES), strict=True):
        n = len(structure)
        assert found.energy == pytest.approx(found.energies.sum(), abs=1e-9)
        shapes = {"energies": (n,), "forces": (n, 3), "virials": (n, 3, 3), "energy_novelties": (n,)}
        shapes |= {"force_spreads": (n,), "force_uncertainties": (n,)}
        for name, shape in shapes.items():
            assert getattr(found, name).shape == shape
            assert getattr(found, name).dtype == np.float64
        assert found.domain.counts.shape == found.domain.density_margins.shape == (n,)
        np.testing.assert_allclose(found.forces.sum(0), 0.0, atol=1e-10)
        np.testing.assert_allclose(found.force_uncertainties, 2.0 * found.force_spreads)
        assert found.energy_uncertainty == pytest.approx(3.0 * found.energy_spread)
        if structure.volume is None:
            assert found.stress is None
            assert found.unavailable == {"stress": "the structure is not periodic in all three directions"}
        else:
            virial = found.virials.sum(0)
            expected = [-virial[a, b] / structure.volume for a, b in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))]
            np.testing.assert_allclose(found.stress, expected, atol=1e-12)
            assert found.unavailable == {}


def test_reference_energies_are_added(loaded: potential.Potential) -> None:
    [isolated] = loaded.evaluate([Structure.from_atoms(Atoms("Cl"))], ("energy", "forces"))
    assert -201.0 < isolated.energy < -199.0  # -200 is the reference energy of Cl
    np.testing.assert_array_equal(isolated.forces, 0.0)


@pytest.mark.parametrize("block_atoms", [1, 3, 7, 1000])
def test_blocks_do_not_change_the_answer(
    loaded: potential.Potential, structures: list[Structure], block_atoms: int
) -> None:
    for first, second in zip(
        loaded.evaluate(structures, PROPERTIES),
        loaded.evaluate(structures, PROPERTIES, block_atoms=block_atoms),
        strict=True,
    ):
        assert_equal(first, second, 1e-11)


def test_threads_do_not_change_a_bit(content: bytes, loaded: potential.Potential, structures: list[Structure]) -> None:
    several = potential.Potential.load(content, threads=3)
    for first, second in zip(
        loaded.evaluate(structures, PROPERTIES, block_atoms=4),
        several.evaluate(structures, PROPERTIES, block_atoms=4),
        strict=True,
    ):
        assert_equal(first, second)


def test_deterministic_answers_do_not_depend_on_the_batch(structures: list[Structure]) -> None:
    single = potential.Potential.load(random_potential.file(random_potential.make(("Na", "Cl")), "float32"), threads=1)
    together = single.evaluate(structures, ("energy", "forces", "stress"), deterministic=True)
    alone = [single.evaluate([structure])[0] for structure in structures]
    batched = single.evaluate(structures)
    for first, second, third in zip(together, alone, batched, strict=True):
        assert first.energy == second.energy
        np.testing.assert_array_equal(first.forces, second.forces)
        assert third.energy == pytest.approx(first.energy, abs=1e-6 * len(first.forces))


def test_small_batches_are_cut_by_atoms(
    loaded: potential.Potential, structures: list[Structure], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = loaded.evaluate(structures, PROPERTIES)
    monkeypatch.setattr(potential, "BATCH_ATOMS", 5)
    for first, second in zip(expected, loaded.evaluate(structures, PROPERTIES), strict=True):
        assert_equal(first, second, 1e-11)


def test_only_what_is_asked_for_is_there(loaded: potential.Potential, structures: list[Structure]) -> None:
    [found] = loaded.evaluate(structures[:1], ("energy",))
    assert {name for name in PROPERTIES if getattr(found, name) is not None} == {"energy"}
    assert loaded.evaluate([], ("energy",)) == []


def test_reasons_for_what_a_plain_potential_cannot_say(structures: list[Structure]) -> None:
    plain = random_potential.make(("Na", "Cl"), members=[((4,), "tanh")], replicas=(), ranges=False)
    [found] = potential.Potential.load(random_potential.file(plain), threads=1).evaluate(structures[:1], PROPERTIES)
    assert found.unavailable == {
        "energy_novelties": "the potential was trained without replicas",
        "energy_uncertainty": "the potential has one network and no committee",
        "force_uncertainties": "the potential has one network and no committee",
        "energy_spread": "the potential has one network and no committee",
        "force_spreads": "the potential has one network and no committee",
        "domain": "the file does not hold the range of its training data",
    }
    uncalibrated = potential.Potential.load(random_potential.file(random_potential.make(("Na", "Cl"))), threads=1)
    [found] = uncalibrated.evaluate(structures[:1], ("force_uncertainties", "force_spreads"))
    assert found.unavailable == {"force_uncertainties": "the committee's spread has not been calibrated"}
    assert found.force_spreads is not None


def extrapolates(structure: Structure, properties: tuple[str, ...], **fields: object) -> bool:
    density = fields.pop("density", {"lowest": {"Na": -1e9, "Cl": -1e9}})
    content = random_potential.file(random_potential.make(("Na", "Cl"), dense=True), **fields)
    file, manifest = onnx_graph.read(content)
    manifest = dataclasses.replace(manifest, density=density)
    loaded = potential.Potential(sessions.Sessions(file, "cpu"), manifest, threads=1, device="cpu")
    [found] = loaded.evaluate([structure], (*properties, "domain"))
    assert not found.domain.counts.any()
    return found.domain.extrapolating


def test_extrapolating_looks_at_ranges_density_and_both_calibrations() -> None:
    pair = Structure.from_atoms(Atoms("NaCl", [[0, 0, 0], [3.9, 0, 0]]))

    def limited(kind: str) -> dict[str, dict]:
        return {**CALIBRATION, kind: {**CALIBRATION[kind], "highest": 0.0}}

    everything = ("energy_uncertainty", "force_uncertainties")
    assert not extrapolates(pair, everything, calibration=CALIBRATION)
    assert extrapolates(pair, ("energy_uncertainty",), calibration=limited("energy"))
    assert not extrapolates(pair, ("force_uncertainties",), calibration=limited("energy"))
    assert extrapolates(pair, ("force_uncertainties",), calibration=limited("force"))
    assert extrapolates(pair, (), density={"lowest": {"Na": 1e9, "Cl": -1e9}})


def test_unknown_elements_are_named(loaded: potential.Potential) -> None:
    with pytest.raises(errors.CoverageError, match="Na, Cl and not H, O") as caught:
        loaded.evaluate([Structure.from_atoms(molecule("H2O"))])
    assert caught.value.elements == ("H", "O")


def test_coincident_atoms_are_refused(loaded: potential.Potential) -> None:
    atoms = Atoms("NaClNa", [[0, 0, 0], [2.5, 0, 0], [2.5, 0, 1e-3]])
    with pytest.raises(errors.StructureError, match=r"atoms 1 and 2 are 0.001 Å apart"):
        loaded.evaluate([Structure.from_atoms(Atoms("Cl")), Structure.from_atoms(atoms)])


def test_unknown_properties_and_devices_are_named(content: bytes, loaded: potential.Potential) -> None:
    with pytest.raises(ValueError, match="unknown properties charges"):
        loaded.evaluate([], ("charges",))
    with pytest.raises(errors.DeviceError, match="unknown device 'tpu'"):
        potential.Potential.load(content, device="tpu")
    if "CUDAExecutionProvider" not in sessions.available_providers():
        with pytest.raises(errors.DeviceError, match="onnxruntime-gpu"):
            potential.Potential.load(content, device="cuda")


def test_a_file_that_is_no_potential_is_refused(tmp_path, content: bytes) -> None:
    path = tmp_path / "potential.onnx"
    path.write_bytes(content)
    assert potential.Potential.load(path).elements == ("Na", "Cl")
    with pytest.raises(errors.ManifestError, match="not an ONNX file"):
        potential.Potential.load(b"\x00garbage")
    with pytest.raises(errors.ManifestError, match="no potential of nnpd"):
        potential.Potential.load(b"")
