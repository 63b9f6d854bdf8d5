"""From a foreign potential to what is registered: files, contract, limits, replicas, checkpoint."""

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest

from nnp.core import errors, recipe
from nnp.core import potential as potentials
from nnp.core.label import Frame, Label
from nnp.core.structure import Structure
from nnp.learn import evaluation, foreign, runner, train, weights
from nnp.learn.foreign import importing, probes
from tests.learn import foreign_files
from tests.learn.foreign_files import INPUT_NN

WANTED = recipe.Recipe(
    replicas=(recipe.Network(hidden=(6,)), recipe.Network(hidden=(4, 4), activation="tanh")), replica_steps=60
)


@pytest.fixture(scope="module")
def water() -> importing.Result:
    """The import of the small water potential, which no test changes."""
    return _result(importing.build(foreign.read(foreign_files.n2p2()), lineage={"potential": "Water"}))


def _result(loop: Generator[Any, None, Any]) -> Any:
    while True:
        try:
            next(loop)
        except StopIteration as stop:
            return stop.value


def _frames(elements: tuple[str, ...], count: int) -> list[Frame]:
    """Structures without labels: a cell with its atoms displaced."""
    random = np.random.default_rng(0)
    base = probes.structures(elements)[-1]
    moved = (base.positions + random.normal(scale=0.1, size=base.positions.shape) for _ in range(count))
    return [
        Frame(structure=Structure(numbers=base.numbers, positions=positions, cell=base.cell, pbc=base.pbc))
        for positions in moved
    ]


def _codes(result: importing.Result) -> set[str]:
    return {limit["code"] for limit in result.limits}


def test_an_import_gives_files_that_predict_the_same(water: importing.Result) -> None:
    read, result = foreign.read(foreign_files.n2p2()), water
    assert result.contract.passed
    assert _codes(result) == {"no_repulsion", "no_committee"}
    assert result.origin["format"] == "n2p2"
    assert set(result.origin["files"]) == {"input.nn", "scaling.data", "weights.001.data", "weights.008.data"}
    assert result.warnings
    assert "Bohr and Hartree are assumed" in result.warnings[0]
    assert result.manifest.training["import"]["origin"] == result.origin
    assert result.card["import"]["limits"] == list(result.limits)
    structures = probes.structures(("H", "O"))
    served = potentials.Potential.load(result.onnx_float64)
    for one, other in zip(
        evaluation.evaluate(read.potential, structures), served.evaluate(structures, ("energy", "forces")), strict=True
    ):
        assert one.energy == pytest.approx(other.energy, rel=1e-12)
        np.testing.assert_allclose(one.forces, other.forces, atol=1e-9)


HYDROGEN = foreign_files.n2p2(
    input_nn="\n".join(line for line in INPUT_NN.split("\n") if " O" not in line).replace(
        "number_of_elements 2", "number_of_elements 1\nelements H"
    )
    + "symfunction_short H 9 H H 0.1 -1.0 1.0 6.0\n",
    scaling="1 1 0.0 2.0 0.5\n1 2 0.0 1.0 0.2\n",
    hydrogen=foreign_files.weights(2),
)


def test_every_engine_knows_a_single_element() -> None:
    imported = foreign.read(HYDROGEN)
    structures = probes.structures(imported.potential.elements)
    expected = list(runner.run(imported, structures))
    for engine in ("onnx", "kernel"):
        for one, other in zip(expected, runner.run(imported, structures, engine=engine), strict=True):
            assert one["energy"] == pytest.approx(other["energy"], rel=1e-12)
            np.testing.assert_allclose(one["forces"], other["forces"], atol=1e-12)


def test_its_checkpoint_gives_the_same_potential_and_takes_replicas(water: importing.Result) -> None:
    read = foreign.read(foreign_files.n2p2())
    packed = weights.unpack(water.checkpoint)
    again = weights.to_potential(packed)
    for name, values in read.potential.state_dict().items():
        np.testing.assert_array_equal(values.numpy(), again.state_dict()[name].numpy())
    frames = _frames(("H", "O"), 6)
    more = _result(train.add_replicas(WANTED, frames, parent=train.ParentPotential(checkpoint=water.checkpoint)))
    after = weights.unpack(more.checkpoint)
    assert len(after.copies) == 2
    for (weight, _), (other, _) in zip(after.members[0][0], packed.members[0][0], strict=True):
        np.testing.assert_array_equal(weight, other)
    (prediction,) = potentials.Potential.load(more.onnx_float32).evaluate([frames[0].structure], ("energy_novelties",))
    assert prediction.energy_novelties is not None


def test_a_training_goes_on_from_an_import(water: importing.Result) -> None:
    read = foreign.read(foreign_files.n2p2())
    structures = [frame.structure for frame in _frames(("H", "O"), 12)]
    labels = evaluation.evaluate(read.potential, structures)
    frames = [
        Frame(structure=structure, label=Label(energy=(found.energy or 0.0) + 0.1, forces=found.forces))
        for structure, found in zip(structures, labels, strict=True)
    ]
    wanted = WANTED.model_copy(
        update={
            "committee": (recipe.Network(hidden=(3, 2)),),
            "cutoff": 3.175063,  # 6 Bohr
            "steps": 12,
            "repulsion": None,
            "replicas": None,
        }
    )
    parent = train.ParentPotential(checkpoint=water.checkpoint)
    result = _result(train.train(wanted, frames, parent=parent))
    (shape,) = weights.unpack(result.checkpoint).committee
    assert weights.activations_of(shape, ("H", "O")) == ["tanh", "tanh"]
    assert result.metrics["train"]["energy_mae_mev_per_atom"] < 100.0
    narrow = wanted.model_copy(update={"committee": (recipe.Network(hidden=(4, 2)),)})
    with pytest.raises(errors.RecipeError, match="committee of the parent"):
        _result(train.train(narrow, frames, parent=parent))


def test_replicas_learn_the_atomic_energies_of_an_import() -> None:
    read = foreign.read(foreign_files.simple_nn())  # with -3 and -7 eV in the biases of its outputs
    wanted = WANTED.model_copy(update={"replica_steps": 300})
    frames = _frames(("O", "Si"), 8)
    result = _result(importing.build(read, frames, wanted))
    assert _codes(result) >= {"kinked_cutoff", "no_committee", "no_training_range"}
    (served,) = potentials.Potential.load(result.onnx_float32).evaluate(
        [frames[0].structure], ("energy_novelties", "energies", "domain")
    )
    assert served.energy_novelties is not None
    assert served.energies is not None
    assert served.energy_novelties.max() < 0.2
    assert result.card["data"]["replicas"]["structures"] == 8


def test_a_hard_cutoff_is_a_limit_and_no_refusal() -> None:
    hard = foreign_files.n2p2(input_nn=INPUT_NN.replace("cutoff_type 2 0.0", "cutoff_type 0"))
    result = _result(importing.build(foreign.read(hard, units="bohr,hartree")))
    (limit,) = [limit for limit in result.limits if limit["code"] == "hard_cutoff"]
    assert {row.name for row in result.contract.failures} == set(limit["checks"])
    assert result.warnings == ()


def test_forces_that_are_no_derivatives_refuse_an_import(monkeypatch: pytest.MonkeyPatch) -> None:
    read = foreign.read(foreign_files.n2p2())
    descriptor = type(read.potential.symmetry_functions)
    right = descriptor.adjoint
    monkeypatch.setattr(descriptor, "adjoint", lambda self, geometry, slopes: right(self, geometry, slopes) * 1.001)
    with pytest.raises(errors.ContractError, match="FAIL forces"):
        _result(importing.build(read))


def test_structures_must_suit_the_potential() -> None:
    read = foreign.read(foreign_files.n2p2())
    with pytest.raises(errors.InputError, match="does not know Si"):
        _result(importing.build(read, _frames(("O", "Si"), 3), WANTED))
    with pytest.raises(errors.InputError, match="at least two structures"):
        _result(importing.build(read, _frames(("H", "O"), 1), WANTED))


def test_networks_of_their_own_for_elements_and_layers_are_kept() -> None:
    text = INPUT_NN.replace("global_activation_short t t l", "global_activation_short t s l")
    text += "element_nodes_short H 4 2\nelement_activation_short H p g l\nnormalize_nodes\n"
    read = foreign.read(foreign_files.n2p2(input_nn=text, hydrogen=foreign_files.weights(3, (4, 2))))
    result = _result(importing.build(read))
    (shape,) = weights.unpack(result.checkpoint).committee
    assert shape.widths("H") == (4, 2)
    assert shape.widths("O") == (3, 2)
    assert weights.activations_of(shape, ("H", "O")) == ["softplus,gaussian,linear", "tanh,logistic,linear"]
    assert result.contract.passed


@pytest.mark.parametrize(
    ("lines", "hydrogen", "hidden"),
    [
        ("element_nodes_short H 4 5", (4, 5), (4, 5)),  # as it is written
        ("element_nodes_short H 4 5", (4, 2), (4, 2)),  # as n2p2 2.3 reads it: the last layer stays global
        ("element_nodes_short H 1 6\nelement_nodes_short H 2 5", (6, 5), (6, 5)),  # RuNNer: layer and width
        ("element_hidden_layers_short H 1\nelement_nodes_short H 6\nelement_activation_short H t l", (6,), (6,)),
    ],
)
def test_the_weights_decide_which_dialect_the_widths_are_in(
    lines: str, hydrogen: tuple[int, ...], hidden: tuple[int, ...]
) -> None:
    files = foreign_files.n2p2(input_nn=INPUT_NN + lines + "\n", hydrogen=foreign_files.weights(3, hydrogen))
    (head,) = foreign.read(files).potential.members
    assert head.network(0).hidden == hidden
    assert head.network(1).hidden == (3, 2)


def test_reference_energies_hold_the_offsets() -> None:
    text = INPUT_NN + "mean_energy -2.0\nconv_energy 10.0\nconv_length 3.0\n"
    plain = foreign.read(foreign_files.n2p2(), units="angstrom,ev").potential
    normalised = foreign.read(foreign_files.n2p2(input_nn=text), units="angstrom,ev").potential
    assert normalised.reference_energies == {"H": -2.5, "O": -77.0}
    (structure,) = probes.structures(("H", "O"))[:1]
    (one,), (other,) = (evaluation.evaluate(p, [structure]) for p in (plain, normalised))
    free = sum(plain.reference_energies[symbol] for symbol in structure.symbols)
    assert one.energy is not None
    assert other.energy == pytest.approx((one.energy - free) / 10.0 + free - 2.0 * len(structure), rel=1e-13)


@pytest.mark.parametrize(
    ("mode", "shift", "scale"),
    [
        ("", 0.0, 1.0),
        ("scale_symmetry_functions", 0.0 + 0.5 * 2.0 / 2.0, 2.0 / 2.0),
        ("center_symmetry_functions", 0.5, 1.0),
        ("scale_symmetry_functions\ncenter_symmetry_functions", 0.5 + 0.5 * 2.0 / 2.0, 2.0 / 2.0),
        ("scale_symmetry_functions_sigma", 0.5 + 0.5 * 0.3 / 2.0, 2.0 / 0.3),
    ],
)
def test_every_mode_of_scaling(mode: str, shift: float, scale: float) -> None:
    """For the first function, range 0 to 2, mean 0.5, sigma 0.3, scaled to -0.5 .. 1.5."""
    text = INPUT_NN.replace("scale_symmetry_functions\ncenter_symmetry_functions", mode)
    text = text.replace("scale_min_short 0.0\nscale_max_short 1.0", "scale_min_short -0.5\nscale_max_short 1.5")
    found = foreign.read(foreign_files.n2p2(input_nn=text)).potential
    assert float(found.shift[0, 0]) == pytest.approx(shift)
    assert float(found.scale[0, 0]) == pytest.approx(scale)
    assert (float(found.lower[0, 0]), float(found.upper[0, 0])) == (0.0, 2.0)


def test_global_and_element_lines_define_functions_for_every_neighbour() -> None:
    kept = [line for line in INPUT_NN.splitlines() if not line.startswith("symfunction_short")]
    text = "\n".join(
        [*kept, "global_symfunction_short 2 0.5 0.0 6.0", "element_symfunction_short O 3 0.05 -1 1 6.0", ""]
    )
    rows = [f"{element} {index} 0 1 0.5 0.2" for element, count in ((1, 2), (2, 5)) for index in range(1, count + 1)]
    files = foreign_files.n2p2(
        input_nn=text,
        scaling="\n".join(rows),
        hydrogen=foreign_files.weights(2),
        oxygen=foreign_files.weights(5),
    )
    functions = foreign.read(files).potential.symmetry_functions
    assert len(functions.names_of("H")) == 2
    assert len(functions.names_of("O")) == 5
