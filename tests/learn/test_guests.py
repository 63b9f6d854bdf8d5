"""Guest and difference potentials, learnt from cheap potentials in ASE: networks of guests, labels subtracted."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.morse import MorsePotential

from nnp.core import errors, metrics, recipe
from nnp.core.label import Frame
from nnp.core.potential import Potential
from nnp.core.structure import Structure
from nnp.learn import committee, contract, difference, splits, stacks, train, weights
from nnp.learn import definition as definitions
from tests.learn import toy_data

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


def parsed(wanted: dict) -> recipe.Recipe:
    return recipe.parse({**SMALL, **wanted})


def trained(wanted: dict, frames: tuple[Frame, ...], **given) -> train.Trained:
    return finished(train.train(parsed(wanted), frames, threads=1, **given))


def finished(run: Generator[train.Progress, None, train.Trained]) -> train.Trained:
    while True:
        try:
            next(run)
        except StopIteration as stop:
            return stop.value


def test_a_guest_potential_has_networks_for_the_guest_alone() -> None:
    frames = toy_data.guests()
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


def test_a_guest_needs_functions_for_itself_alone_and_an_energy_unit_of_its_own() -> None:
    tuples = {"radial": [["Li", "Ar"]], "angular": [["Ar", "Li", "Ar"]]}
    functions = {"kind": "wide_angular", "radial": 6, "channels": 2, "zetas": [1], "element_tuples": tuples}
    wanted = parsed({"centres": ["Li"], "symmetry_functions": functions})
    frames = difference.energies_only(["Li"], toy_data.guests())
    settled = definitions.fit(wanted, frames, splits.split(frames, wanted))
    assert len(settled.functions.names_of("Li")) == 6 + 2 * 2
    assert len(settled.functions.names_of("Ar")) == 2  # one radial function of each neighbour element
    train_part = [frames[i] for i in splits.split(frames, wanted).train]
    energies = np.array([f.label.energy - settled.references.of(f.structure.symbols) for f in train_part])
    assert settled.unit == pytest.approx(np.sqrt((energies**2).mean()))  # that of the one network, not of five atoms


def test_energies_of_a_guest_cost_rows_of_the_guest_alone_and_stay_the_same() -> None:
    wanted = parsed({"centres": ["Li"]})
    frames = difference.learnt(wanted, toy_data.guests())
    settled = definitions.fit(wanted, frames, splits.split(frames, wanted))
    guest, every, again = (
        definitions.prepare(one, frames, [range(20), range(20, 60)], wanted, room=0)
        for one in (settled, replace(settled, without=("Li",)), settled)
    )
    assert (guest.atoms, every.atoms) == (60, 300)
    assert (len(guest[1].inputs), len(guest[1].vectors), len(every[1].inputs)) == (40, 40, 200)
    functions = settled.functions
    members = stacks.initial(
        wanted.committee, functions.size, functions.elements, 1.0, np.random.default_rng(0), centres=["Li"]
    )
    masks = [mask for stack in members for mask in stack.parameter_masks()]
    found = []
    for own in (guest[1], every[1]):
        predicted = committee.predict(members, own)
        loss = committee.loss(committee.squares(predicted, own, own.weights), wanted.loss).sum()
        gradient = torch.autograd.grad(loss, [p for stack in members for p in stack.parameters()])
        found.append((loss, predicted.energies, *(g * mask for g, mask in zip(gradient, masks, strict=True))))
    assert float(found[0][0].detach()) > 0.0
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    assert torch.equal(again[1].inputs, guest[1].inputs)


def test_a_difference_is_fitted_to_forces_on_every_atom() -> None:
    wanted = parsed(WITHOUT)
    frames = difference.learnt(wanted, toy_data.guests())
    settled = definitions.fit(wanted, frames, splits.split(frames, wanted))
    whole = definitions.prepare(settled, frames, [range(60)], wanted, room=0)
    assert (whole.atoms, len(whole[0].vectors), whole[0].only_energies) == (300, 300, False)


def test_the_training_of_a_guest_is_the_same_twice() -> None:
    frames = toy_data.guests(20)
    first, second = (trained({"centres": ["Li"], "steps": 6, "replica_steps": 4}, frames) for _ in range(2))
    assert first.checkpoint == second.checkpoint


def test_difference_labels_are_those_with_the_guest_minus_those_without() -> None:
    frames = toy_data.guests()
    difference_frames = difference.without(["Li"], frames)
    assert [f.name for f in difference_frames] == [f"guest {n}" for n in range(1, 61)]
    for one in difference_frames[:5]:
        whole = Atoms(one.structure.symbols, one.structure.positions, cell=toy_data.HOST.cell, pbc=True)
        host = whole[:4]
        whole.calc, host.calc = MorsePotential(**toy_data.MORSE), MorsePotential(**toy_data.MORSE)
        assert one.label.energy == pytest.approx(whole.get_potential_energy() - host.get_potential_energy())
        np.testing.assert_allclose(one.label.forces[-1], whole.get_forces()[-1], atol=1e-12)
        np.testing.assert_allclose(one.label.forces[:4], whole.get_forces()[:4] - host.get_forces(), atol=1e-12)
        assert one.label.stress is None
    references = definitions.fit(parsed(WITHOUT), difference_frames, splits.split(difference_frames, parsed(WITHOUT)))
    assert references.references.energies["Ar"] == 0.0  # the host makes no difference


def test_a_guest_without_its_host_is_refused() -> None:
    frames = toy_data.guests()
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


def test_another_baseline_of_the_same_name_is_another_training(tmp_path: Path) -> None:
    frames = toy_data.frames(24)
    bare = {"steps": 6, "replicas": None}
    first, second = (trained(bare | {"seed": seed}, frames).checkpoint for seed in (0, 1))
    wanted = parsed(bare | {"baseline": [{"kind": "potential", "name": "known"}]})
    run = train.train(wanted, frames, baselines={"known": first}, checkpoint_directory=tmp_path, threads=1)
    assert any(progress.stage == "committee" and progress.epoch == 2 for progress in run)
    run.close()
    with pytest.raises(errors.CheckpointError, match="another recipe, data set"):
        next(train.train(wanted, frames, baselines={"known": second}, checkpoint_directory=tmp_path, threads=1))
    next(train.train(wanted, frames, baselines={"known": first}, checkpoint_directory=tmp_path, threads=1))


@pytest.mark.parametrize("told", [{"centres": ["Li"]}, WITHOUT])
def test_replicas_of_a_guest_potential_are_the_guest_s_whoever_asks_for_them(told: dict) -> None:
    frames = toy_data.guests(40)
    first = trained({**told, "steps": 100, "replicas": None}, frames)
    parent = train.ParentPotential(checkpoint=first.checkpoint)
    asked = parsed({}).model_copy(update={"replica_steps": 50})  # says nothing of a guest
    for given in (frames, [replace(frame, label=None) for frame in frames]):
        result = finished(train.add_replicas(asked, given, parent=parent))
        served = Potential.load(result.onnx_float64)
        (found,) = served.evaluate([frames[1].structure], ("energies", "energy_novelties"))
        assert not found.energy_novelties[:4].any()  # the host has no networks
        assert found.energy_novelties[4] > 0.0
        assert "only atoms of Li have networks" in result.card["notes"][-1 if "without" not in told else -2]
        assert ("differences to the same structure without Li" in result.card["notes"][-1]) == ("without" in told)
        if result.metrics:
            assert result.metrics["test"]["energy_rmse_mev_per_atom"] == pytest.approx(
                first.metrics["test"]["energy_rmse_mev_per_atom"], rel=1e-3
            )


def test_hosts_alone_make_no_replicas_of_a_guest() -> None:
    first = trained({"centres": ["Li"], "steps": 4, "replicas": None}, toy_data.guests(20))
    host, *guests = [replace(frame, label=None) for frame in toy_data.guests(20)]
    parent = train.ParentPotential(checkpoint=first.checkpoint)
    asked = parsed({}).model_copy(update={"replica_steps": 2, "batch_size": 1})
    finished(train.add_replicas(asked, [*[host] * 5, *guests[:5]], parent=parent))  # batches of hosts would be empty
    with pytest.raises(errors.InputError, match="at least two structures that hold Li"):
        finished(train.add_replicas(asked, [*[host] * 5, guests[0]], parent=parent))


def test_a_warm_start_keeps_the_centres_of_its_parent() -> None:
    frames = toy_data.guests(20)
    first = trained({**WITHOUT, "steps": 4, "replicas": None}, frames)
    parent = train.ParentPotential(checkpoint=first.checkpoint)
    for told, field in (({}, "centres"), ({"centres": ["Li"]}, "without")):
        with pytest.raises(errors.RecipeError, match=f"{field}: a warm start needs"):
            finished(train.train(parsed({**told, "steps": 4, "replicas": None}), frames, parent=parent))


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
