"""Guest and difference potentials, learnt from cheap potentials in ASE: networks of guests, labels subtracted."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.morse import MorsePotential

from nnp.core import errors, metrics, recipe
from nnp.core.label import Frame, Label
from nnp.core.potential import Potential
from nnp.core.structure import Structure
from nnp.learn import contract, difference, splits, train, weights
from nnp.learn import definition as definitions
from tests.learn import toy_data

HOST = bulk("Ar", "fcc", a=5.3, cubic=True)
MORSE = {"epsilon": 0.2, "r0": 2.8, "rho0": 4.5, "rcut1": 4.6, "rcut2": 5.2}
WITHOUT = {"centres": ["Li"], "without": ["Li"]}
SMALL = {
    "cutoff": 5.2,
    "symmetry_functions": {"kind": "power_spectrum", "radial": 6, "channels": 3, "l_max": 3, "four_body": None},
    "committee": [{"hidden": [9, 9], "activation": "tanh"}],
    "replicas": [{"hidden": [6]}, {"hidden": [8]}],
    "replica_steps": 20,
    "test_fraction": 0.2,
    "validation_fraction": 0.2,
    "batch_size": 10,
    "optimiser": "adam",
    "learning_rate": 0.02,
}


def frame(atoms: Atoms, name: str) -> Frame:
    atoms.calc = MorsePotential(**MORSE)
    label = Label(energy=atoms.get_potential_energy(), forces=atoms.get_forces(), stress=atoms.get_stress())
    return Frame(structure=Structure.from_atoms(atoms), label=label, name=name)


@lru_cache(maxsize=1)
def with_and_without_guest(count: int = 60) -> tuple[Frame, ...]:
    """A host, and the same with a guest at random places that leave it 2 Å of room."""
    random, frames = np.random.default_rng(0), [frame(HOST.copy(), "host")]
    while len(frames) <= count:
        atoms = HOST.copy() + Atoms("Li", [random.uniform(0.0, 5.3, 3)])
        if atoms.get_distances(-1, range(4), mic=True).min() > 2.0:
            frames.append(frame(atoms, f"guest {len(frames)}"))
    return tuple(frames)


def parsed(wanted: dict) -> recipe.Recipe:
    return recipe.parse({**SMALL, **wanted})


def trained(wanted: dict, frames: tuple[Frame, ...], **given) -> train.Trained:
    run = train.train(parsed(wanted), frames, threads=1, **given)
    while True:
        try:
            next(run)
        except StopIteration as stop:
            return stop.value


def test_a_guest_potential_has_networks_for_the_guest_alone() -> None:
    frames = with_and_without_guest()
    result = trained({"centres": ["Li"], "steps": 500, "replicas": None}, frames)
    served = Potential.load(result.onnx_float64)
    held_out = [f for f in frames if f.name != "host"]
    predictions = served.evaluate([f.structure for f in held_out], ("energy", "energies", "forces"))
    hosts = {round(float(energy), 9) for p in predictions for energy in p.energies[:4]}
    assert len(hosts) == 1  # the reference energy: nothing is learnt of the host
    true = np.array([f.label.energy for f in held_out])
    error = np.array([p.energy for p in predictions]) - true
    assert np.sqrt((error**2).mean()) < 0.3 * true.std()
    assert result.metrics["test"]["force_rmse_ev_per_a"] is None  # forces among the labels were left out
    on_guest = np.array([f.label.forces[-1] for f in held_out])
    found = np.array([p.forces[-1] for p in predictions])
    assert np.corrcoef(found.ravel(), on_guest.ravel())[0, 1] > 0.8  # never trained on: the slope of the energies


def test_difference_labels_are_those_with_the_guest_minus_those_without() -> None:
    frames = with_and_without_guest()
    difference_frames = difference.without(["Li"], frames)
    assert [f.name for f in difference_frames] == [f"guest {n}" for n in range(1, 61)]
    for one in difference_frames[:5]:
        whole = Atoms(one.structure.symbols, one.structure.positions, cell=HOST.cell, pbc=True)
        host = whole[:4]
        whole.calc, host.calc = MorsePotential(**MORSE), MorsePotential(**MORSE)
        assert one.label.energy == pytest.approx(whole.get_potential_energy() - host.get_potential_energy())
        np.testing.assert_allclose(one.label.forces[-1], whole.get_forces()[-1], atol=1e-12)
        np.testing.assert_allclose(one.label.forces[:4], whole.get_forces()[:4] - host.get_forces(), atol=1e-12)
        assert one.label.stress is None
    references = definitions.fit(parsed(WITHOUT), difference_frames, splits.split(difference_frames, parsed(WITHOUT)))
    assert references.references.energies["Ar"] == 0.0  # the host makes no difference


def test_a_guest_without_its_host_is_refused() -> None:
    frames = with_and_without_guest()
    with pytest.raises(errors.InputError, match="guest 1 has no labelled counterpart without Li"):
        difference.without(["Li"], frames[1:])
    with pytest.raises(errors.InputError, match="no labelled structure holds Li"):
        difference.energies_only(["Li"], frames[:1])
    with pytest.raises(errors.RecipeError, match="centres: the data set has no element Cu"):
        trained({"centres": ["Cu"]}, frames)


def test_the_difference_to_another_potential_is_small_and_survives_the_checkpoint() -> None:
    frames = toy_data.frames(40, alloy=True)
    first = trained({"steps": 60, "replicas": None}, frames)
    wanted = {"steps": 20, "replicas": None, "baseline": [{"kind": "potential", "name": "first"}]}
    second = trained(wanted, frames, baselines={"first": first.checkpoint})
    served = Potential.load(second.onnx_float32)
    assert served.manifest.baseline["parts"][0]["name"] == "first"
    structures = [f.structure for f in frames]
    before = metrics.errors(frames, Potential.load(first.onnx_float32).evaluate(structures))
    after = metrics.errors(frames, served.evaluate(structures))
    assert after.force_rmse_ev_per_a < before.force_rmse_ev_per_a
    again = weights.to_potential(weights.unpack(second.checkpoint))
    by_checkpoint = contract.evaluate(again, structures[:3])
    for one, other in zip(by_checkpoint, served.evaluate(structures[:3]), strict=True):
        np.testing.assert_allclose(one.forces, other.forces, atol=1e-4)


def test_a_definition_is_renewed_for_closer_atoms() -> None:
    frames = toy_data.frames(12)
    squeezed = Structure.from_atoms(bulk("Cu", "fcc", a=2.8, cubic=True))
    closer = [*frames, *(replace(f, structure=squeezed) for f in frames[:6])]
    first = definitions.fit(parsed({}), frames, splits.split(frames, parsed({})))
    second = definitions.renewed(first, parsed({}), closer, splits.split(closer, parsed({})))
    (outer,), (fresh,) = first.repulsion.outer[0], second.repulsion.outer[0]
    assert fresh == pytest.approx(0.95 * 2.8 / np.sqrt(2.0), abs=1e-5)
    assert fresh < outer
    assert definitions.renewed(second, parsed({}), frames, splits.split(frames, parsed({}))).repulsion.outer[0] == (
        fresh,
    )
    without = parsed({"repulsion": None})
    assert definitions.renewed(second, without, frames, splits.split(frames, without)).repulsion is None
