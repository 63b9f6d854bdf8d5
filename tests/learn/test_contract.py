"""The physics contract passes for sound potentials and names what is wrong with unsound ones."""

import dataclasses

import pytest
from ase import Atoms
from ase.build import bulk

from nnp.core import contract as core_contract
from nnp.core import potential as potentials
from nnp.core.prediction import Prediction
from nnp.core.structure import Structure
from nnp.learn import contract, cutoff
from tests.learn import random_potential

SILICON = [bulk("Si", a=5.43, cubic=True), bulk("Si", a=5.3), Atoms("Si3", [[0, 0, 0], [2.3, 0, 0], [0, 2.5, 0.3]])]
SALT = [bulk("NaCl", "rocksalt", a=5.6, cubic=True), bulk("Na", "bcc", a=4.2), Atoms("NaCl", [[0, 0, 0], [2.5, 0, 0]])]


def report(elements: tuple[str, ...], atoms: list[Atoms], **fields) -> contract.ContractReport:
    potential = random_potential.make(elements, **fields)
    files = {f"onnx_{dtype}": random_potential.file(potential, dtype) for dtype in ("float32", "float64")}
    return contract.check(potential, **files, structures=[Structure.from_atoms(a) for a in atoms])


@pytest.mark.parametrize(
    ("elements", "atoms", "angular"),
    [
        (("Si",), SILICON, random_potential.WIDE),
        (("Na", "Cl"), SALT, random_potential.SPECTRUM),
        (("Cl", "Na"), SALT, random_potential.WIDE),
        (("Cl", "Na"), SALT, None),
    ],
    ids=["Si wide", "NaCl p", "ClNa wide", "ClNa radial"],
)
def test_sound_potentials_pass(elements: tuple[str, ...], atoms: list[Atoms], angular) -> None:
    found = report(elements, atoms, angular=angular)
    assert found.passed, str(found)
    names = {check.name.split()[0] for check in found.checks}
    assert names == {
        "forces", "stress", "translation", "rotation", "permutation", "extensivity", "batch", "continuity", "onnx"
    }  # fmt: skip
    assert found.to_dict()["passed"] is True


def test_a_cutoff_that_ends_in_a_step_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cutoff.CUTOFF_FUNCTIONS, "step", lambda x: (1.05 - x, 0.0 * x - 1.0))
    found = report(("Si",), SILICON[:1], cutoff_function="step")
    assert {check.name for check in found.failures} >= {"continuity value", "continuity slope"}


class Tampered:
    """A potential whose answers are changed by a function: what a wrong implementation would do."""

    def __init__(self, potential: potentials.Potential, change) -> None:
        self.potential = potential
        self.manifest = potential.manifest
        self.elements = potential.elements
        self.change = change

    def evaluate(self, structures: list[Structure], properties: tuple[str, ...], **options) -> list[Prediction]:
        found = self.potential.evaluate(structures, properties, **options)
        return [self.change(one, structure) for one, structure in zip(found, structures, strict=True)]


def scaled_forces(prediction: Prediction, structure: Structure) -> Prediction:
    if prediction.forces is None:
        return prediction
    return dataclasses.replace(prediction, forces=prediction.forces * (1.0 + 1e-5))


def scaled_stress(prediction: Prediction, structure: Structure) -> Prediction:
    return prediction if prediction.stress is None else dataclasses.replace(prediction, stress=-prediction.stress)


def depends_on_place(prediction: Prediction, structure: Structure) -> Prediction:
    if prediction.energy is None:
        return prediction
    return dataclasses.replace(prediction, energy=prediction.energy + 1e-6 * structure.positions[0, 0])


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (scaled_forces, {"forces"}),
        (scaled_stress, {"stress"}),
        (depends_on_place, {"forces", "translation energy float64", "rotation energy float64"}),
    ],
)
def test_each_law_is_checked(change, names: set[str]) -> None:
    potential = potentials.Potential.load(random_potential.file(random_potential.make()), threads=1)
    structures = [Structure.from_atoms(SILICON[0])]
    found = core_contract.check(float64=Tampered(potential, change), float32=None, structures=structures)
    assert {check.name for check in found.failures} >= names
    assert "FAIL" in str(found)
