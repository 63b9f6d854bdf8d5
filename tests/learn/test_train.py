"""The whole training on a small alloy: it learns, resumes bit for bit, repeats itself, warm-starts, and reports."""

import json
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nnp.core import errors, potential, recipe
from nnp.learn import checkpoint, committee, definition, splits, stacks, train, weights
from tests.learn import toy_data

RECIPE = recipe.parse(
    {
        "cutoff": 4.5,
        "symmetry_functions": {"kind": "power_spectrum", "radial": 4, "channels": 2, "l_max": 2},
        "committee": [{"hidden": [10, 8]}, {"hidden": [12], "activation": "tanh"}],
        "replicas": [{"hidden": [6, 6]}, {"hidden": [8]}],
        "steps": 120,
        "replica_steps": 40,
        "batch_size": 6,
        "test_fraction": 0.15,
        "validation_fraction": 0.2,
        "learning_rate": 0.02,
    }
)
FRAMES = toy_data.frames(40, alloy=True)


def _finish(run: Generator[train.Progress, None, train.Trained]) -> tuple[list[train.Progress], train.Trained]:
    seen = []
    while True:
        try:
            seen.append(next(run))
        except StopIteration as stop:
            return seen, stop.value


@pytest.fixture(scope="module")
def finished() -> tuple[list[train.Progress], train.Trained]:
    return _finish(train.train(RECIPE, FRAMES, threads=1, lineage={"authors": "A. Author"}))


def test_progress_tells_stage_epoch_and_errors(finished: tuple) -> None:
    seen, _ = finished
    stages = list(dict.fromkeys(progress.stage for progress in seen))
    assert stages == ["prepare", "committee", "replicas", "calibrate", "export", "contract"]
    epochs = [progress for progress in seen if progress.stage == "committee"]
    assert [progress.epoch for progress in epochs] == list(range(len(epochs)))
    first, last = epochs[0].metrics, epochs[-1].metrics
    assert last["validation_force_rmse_ev_per_a"] < 0.5 * first["validation_force_rmse_ev_per_a"]
    assert {"train_energy_rmse_mev_per_atom", "validation_stress_rmse_gpa", "validation_loss"} <= last.keys()
    assert epochs[-1].seconds_left is not None


def test_the_files_serve_what_was_trained(finished: tuple) -> None:
    _, result = finished
    served = potential.Potential.load(result.onnx_float32, threads=1)
    precise = potential.Potential.load(result.onnx_float64, threads=1)
    assert served.elements == ("Al", "Cu")
    structures = [frame.structure for frame in FRAMES[:5]]
    wanted = ("energy", "forces", "stress", "energy_novelties", "energy_uncertainty", "force_uncertainties")
    for light, exact in zip(served.evaluate(structures, wanted), precise.evaluate(structures, wanted), strict=True):
        assert light.energy == pytest.approx(exact.energy, abs=1e-4)
        np.testing.assert_allclose(light.forces, exact.forces, atol=1e-4)
        assert light.energy_novelties is not None
        assert light.force_uncertainties is not None
        assert np.all(light.force_uncertainties > 0.0)
    assert result.contract.passed
    errors_found = result.metrics["test"]
    assert errors_found["structures"] == 6
    assert set(errors_found["by_group"]) == {"displaced", "strained"}
    assert result.manifest.training["recipe_hash"] == recipe.recipe_hash(RECIPE)


def test_the_card_is_json_and_complete(finished: tuple) -> None:
    _, result = finished
    card = json.loads(json.dumps(result.card, allow_nan=False))
    assert card["elements"] == ["Al", "Cu"]
    assert card["authors"] == "A. Author"
    assert card["data"]["train"]["structures"] == 27
    assert set(card["dimers"]["energy_ev"]) == {"Al-Al", "Al-Cu", "Cu-Cu"}
    volumes, energies = card["energy_volume"]["volume_a3_per_atom"], card["energy_volume"]["energy_ev_per_atom"]
    assert len(volumes) == len(energies) == 13
    assert card["speed"]["us_per_atom"] > 0.0
    assert 1.5 < card["limits"]["nearest_distance_a"] < 3.0
    assert {"force", "energy", "test"} >= set(card["uncertainty_check"]) >= {"force", "test"}


def test_the_same_training_gives_the_same_bytes(finished: tuple) -> None:
    _, again = _finish(train.train(RECIPE, FRAMES, threads=1, lineage={"authors": "A. Author"}))
    assert again.checkpoint == finished[1].checkpoint
    assert again.onnx_float32 == finished[1].onnx_float32


@pytest.mark.parametrize("stage", ["committee", "replicas"])
def test_a_cancelled_training_goes_on_bit_for_bit(finished: tuple, tmp_path: Path, stage: str) -> None:
    run = train.train(RECIPE, FRAMES, threads=1, checkpoint_directory=tmp_path)
    for progress in run:
        if progress.stage == stage and progress.epoch == 5:
            break
    run.close()
    assert (tmp_path / checkpoint.FILE).exists()
    seen, result = _finish(train.train(RECIPE, FRAMES, threads=1, checkpoint_directory=tmp_path))
    assert next(progress.epoch for progress in seen if progress.stage == stage) == 5
    assert result.checkpoint == finished[1].checkpoint


def test_warm_start_begins_where_the_parent_ended(finished: tuple) -> None:
    parent = train.ParentPotential(checkpoint=finished[1].checkpoint, name="toy:1")
    more = [*FRAMES, *toy_data.frames(10, alloy=True, seed=7)]
    seen, result = _finish(train.train(RECIPE, more, threads=1, parent=parent))
    cold = next(p for p in finished[0] if p.stage == "committee").metrics["validation_loss"]
    warm = next(p for p in seen if p.stage == "committee").metrics["validation_loss"]
    assert warm < 0.2 * cold
    assert result.manifest.training["parent"] == "toy:1"
    other = RECIPE.model_copy(update={"committee": (recipe.Network(hidden=(3,)),)})
    with pytest.raises(errors.RecipeError, match="committee of the parent"):
        next(_after_prepare(train.train(other, more, parent=parent)))
    strange = toy_data.frames(4)
    strange = [replace(f, structure=replace(f.structure, numbers=np.full(4, 28))) for f in strange]
    with pytest.raises(errors.InputError, match="does not know Ni"):
        next(_after_prepare(train.train(RECIPE, strange, parent=parent)))


def test_fine_tuning_moves_to_another_method(finished: tuple) -> None:
    parent = train.ParentPotential(checkpoint=finished[1].checkpoint)
    shifts = {"Al": 1.5, "Cu": -2.25}
    other = [
        replace(f, label=replace(f.label, energy=f.label.energy + sum(shifts[s] for s in f.structure.symbols)))
        for f in FRAMES
        if f.label
    ]
    tuned = {"reference_energies": "fit", "frozen_layers": 1}
    wanted = recipe.parse({**RECIPE.model_dump(mode="json"), "warm_start": tuned, "steps": 12, "replicas": None})
    seen, result = _finish(train.train(wanted, other, threads=1, parent=parent))
    last = [p for p in finished[0] if p.stage == "committee"][-1].metrics["validation_loss"]
    first = next(p for p in seen if p.stage == "committee").metrics["validation_loss"]
    assert first < 2.0 * last
    before, after = weights.unpack(finished[1].checkpoint), weights.unpack(result.checkpoint)
    for element, shift in shifts.items():
        moved = after.definition.references.energies[element] - before.definition.references.energies[element]
        assert moved == pytest.approx(shift, abs=0.05)
    for old, new in zip(before.members, after.members, strict=True):
        np.testing.assert_array_equal(new[0][0][0], old[0][0][0])
        assert np.abs(new[0][1][0] - old[0][1][0]).max() > 0.0
    deep = recipe.parse({**wanted.model_dump(mode="json"), "warm_start": {"frozen_layers": 2}})
    with pytest.raises(errors.RecipeError, match="nothing would be left"):
        next(_after_prepare(train.train(deep, other, parent=parent)))


def test_steps_without_forces_and_batches_by_error_learn_too() -> None:
    wanted = RECIPE.model_copy(update={"force_fraction": 0.5, "selection": "error", "replicas": None, "steps": 240})
    seen, _ = _finish(train.train(wanted, FRAMES, threads=1))
    epochs = [progress.metrics for progress in seen if progress.stage == "committee"]
    assert epochs[-1]["validation_force_rmse_ev_per_a"] < 0.5 * epochs[0]["validation_force_rmse_ev_per_a"]


def test_divergence_is_reported_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    wild = RECIPE.model_copy(update={"learning_rate": 1.0, "schedule": "cosine", "steps": 400, "patience": 400})
    wild = wild.model_copy(update={"loss": recipe.Loss(energy=1e6, force=1.0)})
    with pytest.raises(errors.DivergedError):
        _finish(train.train(wild, FRAMES, threads=1, checkpoint_directory=tmp_path))
    assert (tmp_path / checkpoint.FILE).exists()


def test_one_network_without_replicas_serves_null_with_reasons() -> None:
    plain = RECIPE.model_copy(update={"committee": RECIPE.committee[:1], "replicas": None, "steps": 20})
    _, result = _finish(train.train(plain, FRAMES[:16], threads=1))
    served = potential.Potential.load(result.onnx_float32, threads=1)
    found = served.evaluate([FRAMES[0].structure], ("energy_novelties", "force_uncertainties"))[0]
    assert found.energy_novelties is None
    assert "without replicas" in found.unavailable["energy_novelties"]
    assert "no committee" in found.unavailable["force_uncertainties"]
    assert result.calibration == {"test": {}}


def test_energies_alone_and_unlabelled_structures_are_enough() -> None:
    bare = [replace(f, label=replace(f.label, forces=None, stress=None)) for f in FRAMES[:24] if f.label]
    frames = [*bare, *(replace(f, label=None) for f in FRAMES[24:30])]
    seen, result = _finish(train.train(RECIPE.model_copy(update={"steps": 40}), frames, threads=1))
    assert all("validation_force_rmse_ev_per_a" not in progress.metrics for progress in seen)
    assert result.metrics["test"]["force_rmse_ev_per_a"] is None
    assert result.contract.passed


def test_atomic_energies_and_atom_weights_enter_the_loss() -> None:
    frames = [
        replace(f, label=replace(f.label, atomic_energies=np.arange(4.0)), atom_weights=np.array([0.0, 1.0, 2.0, 1.0]))
        for f in FRAMES[:3]
        if f.label
    ]
    settled = definition.fit(RECIPE, FRAMES, splits.split(FRAMES, RECIPE))
    weighed = definition.atom_weights(settled, frames, RECIPE)
    mixed = [*frames, FRAMES[3]]
    batch = definition.prepare(settled, mixed, [range(4)], RECIPE, room=0, atom_weights=weighed)[0]
    assert batch.atom_weights[:, 0].tolist() == [0.0, 1.0, 2.0, 1.0] * 3 + [1.0] * 4
    members = stacks.initial(RECIPE.committee, settled.functions.size, ("Al", "Cu"), 1.0, np.random.default_rng(0))
    predicted = committee.predict(members, batch)
    found = committee.squares(predicted, batch, batch.weights)["atomic"].detach()
    atomic = predicted.atomic.detach().numpy()[:, :12] * settled.unit
    references = [settled.references.energies[s] for f in frames for s in f.structure.symbols]
    expected = ((atomic + references - np.tile(np.arange(4.0), 3)) ** 2).mean(1) / settled.unit**2
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4)
    assert committee.loss({"atomic": found}, recipe.Loss(atomic=2.0)).numpy() == pytest.approx(2.0 * found.numpy())


def test_replicas_can_be_added_to_a_finished_potential() -> None:
    plain = RECIPE.model_copy(update={"replicas": None, "steps": 40})
    _, first = _finish(train.train(plain, FRAMES, threads=1))
    parent = train.ParentPotential(checkpoint=first.checkpoint, name="toy:1")
    frames = [*FRAMES, *(replace(f, label=None) for f in toy_data.frames(6, alloy=True, seed=9))]
    _, second = _finish(train.add_replicas(RECIPE, frames, parent=parent))
    wanted = ("energy", "forces", "energy_novelties")
    structures = [frame.structure for frame in FRAMES[:3]]
    before, after = (potential.Potential.load(r.onnx_float64).evaluate(structures, wanted) for r in (first, second))
    for old, new in zip(before, after, strict=True):
        assert old.energy_novelties is None
        assert new.energy_novelties is not None
        assert new.energy == old.energy
        np.testing.assert_array_equal(new.forces, old.forces)
    with pytest.raises(errors.RecipeError, match="replicas"):
        next(train.add_replicas(plain, FRAMES, parent=parent))


def test_names_that_the_data_do_not_have_are_refused() -> None:
    for update, field in (
        ({"structure_weights": {"frame 7": 2.0}}, "structure_weights"),
        ({"committee": [{"hidden_by_element": {"Ni": [4]}}]}, "committee.0.hidden_by_element"),
    ):
        wanted = recipe.parse({**RECIPE.model_dump(mode="json"), **update})
        with pytest.raises(errors.RecipeError) as caught:
            _finish(train.train(wanted, FRAMES))
        assert caught.value.field == field
    shaped = recipe.parse({"committee": [{"hidden_by_element": {"Ni": [4]}}]})
    definition.check_names(shaped, FRAMES, inherited=("Ni", "Cu"))  # a parent may know more than the new data


def test_weight_zero_takes_a_structure_out_of_the_loss() -> None:
    frames = [replace(frame, name=f"frame {i}") for i, frame in enumerate(FRAMES[:4])]
    wanted = recipe.parse({"cutoff": 4.5, "structure_weights": {"frame 2": 0.0}, "group_weights": {"strained": 3.0}})
    settled = definition.fit(wanted, frames, splits.split(frames, wanted))
    batch = definition.prepare(settled, frames, [[0, 1, 2, 3]], wanted, room=0)[0]
    assert batch.weights.tolist() == [1.0, 3.0, 0.0, 3.0]


def _after_prepare(run: Generator[train.Progress, None, train.Trained]) -> Generator[train.Progress, None, None]:
    for progress in run:
        if progress.stage != "prepare":
            yield progress
