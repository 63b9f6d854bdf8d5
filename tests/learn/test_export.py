"""The ONNX file: equal to torch, standard operators only, any sizes, any subset of elements, its manifest."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from nnp.core import onnx_graph
from nnp.learn import by_element, cutoff, export, network, onnx_operations, tracing
from tests.learn import random_potential

ELEMENTS = ("Cl", "Na")


def feeds(
    atoms: int, slots: int, dtype: str, species: np.ndarray | None = None, seed: int = 0
) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        "vectors": (random.normal(size=(atoms, 3, slots)) * 1.8).astype(dtype),
        "neighbour_species": random.integers(0, 2, size=(atoms, slots)),
        "species": random.integers(0, 2, size=atoms) if species is None else species,
        "reverse": random.permutation(atoms * slots).reshape(atoms, slots),
    }


def run(content: bytes, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs), strict=True))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
@pytest.mark.parametrize(
    "fields",
    [
        {"angular": None},
        {"angular": random_potential.WIDE},
        {"angular": random_potential.SPECTRUM},
        {"angular": random_potential.FOUR_BODY},
        {"angular": random_potential.SPECTRUM, "element_channels": ((1.0, 1.0), (0.5, -1.0))},
        {"angular": random_potential.CHEBYSHEV, "radial": random_potential.POLYNOMIALS},
    ],
    ids=["none", "wide", "p", "B", "weighted", "chebyshev"],
)
def test_the_file_computes_what_torch_computes(dtype: str, tolerance: float, fields: dict) -> None:
    potential = random_potential.make(ELEMENTS, dense=True, **fields)
    content = random_potential.file(potential, dtype)
    for atoms, slots in ((7, 6), (1, 12), (20, 4), (2, 0)):
        inputs = feeds(atoms, slots, dtype)
        found = run(content, inputs)
        expected = potential.to(export.DTYPES[dtype])(*(torch.from_numpy(inputs[name]) for name in export.INPUTS))
        assert found.keys() == expected.keys()
        for name, value in found.items():
            np.testing.assert_allclose(
                value, expected[name].detach().numpy(), rtol=tolerance, atol=tolerance, err_msg=name
            )


@pytest.mark.parametrize("name", cutoff.CUTOFF_FUNCTIONS)
def test_every_cutoff_function_can_be_exported(name: str) -> None:
    potential = random_potential.make(cutoff_function=name).double()
    inputs = {**feeds(4, 6, "float64"), "species": np.zeros(4, dtype=np.int64)}
    found = run(random_potential.file(potential), inputs)
    expected = potential(*(torch.from_numpy(inputs[key]) for key in export.INPUTS))
    np.testing.assert_allclose(found["forces"], expected["forces"].detach().numpy(), rtol=1e-11, atol=1e-13)


def test_an_atom_without_neighbours_has_its_own_energy_and_no_force() -> None:
    content = random_potential.file(random_potential.make(ELEMENTS))
    species = np.array([0, 1, 0])
    nothing = run(content, feeds(3, 0, "float64", species))
    padded = feeds(3, 4, "float64", species)
    padded["vectors"][:] = np.array([10.0, 0.0, 0.0])[:, None]
    padded["reverse"] = np.arange(12).reshape(3, 4)
    only_padding = run(content, padded)
    for name in ("atomic_energies", "forces", "energy_novelties", "force_spreads", "range_excess"):
        np.testing.assert_allclose(nothing[name], only_padding[name], rtol=0, atol=1e-14)
    assert not only_padding["forces"].any()


@pytest.mark.parametrize("element", [0, 1])
def test_one_element_may_be_absent(element: int) -> None:
    content = random_potential.file(random_potential.make(ELEMENTS))
    inputs = feeds(6, 5, "float64")
    mixed = run(content, inputs)
    rows = inputs["species"] == element
    alone = run(
        content, {**{key: value[rows] for key, value in inputs.items()}, "reverse": np.zeros((rows.sum(), 5), int)}
    )
    np.testing.assert_allclose(alone["atomic_energies"], mixed["atomic_energies"][rows], rtol=1e-13)
    np.testing.assert_allclose(alone["pair_gradients"], mixed["pair_gradients"][rows], rtol=1e-11, atol=1e-14)


def test_the_file_has_standard_operators_and_a_manifest() -> None:
    content = random_potential.file(random_potential.make(ELEMENTS), name="salt", training={"seed": 1})
    file, manifest = onnx_graph.read(content)
    assert {node.domain for node in file.graph.node} == {""}
    assert [(opset.domain, opset.version) for opset in file.opset_import] == [("", 20)]
    assert (manifest.name, manifest.elements, manifest.dtype) == ("salt", ELEMENTS, "float64")
    assert (manifest.n_members, manifest.n_replicas, manifest.cutoff) == (3, 3, 5.0)
    assert set(manifest.outputs) == {item.name for item in file.graph.output}
    assert set(manifest.inputs) == {item.name for item in file.graph.input}
    assert manifest.reference_energies == {"Cl": -100.0, "Na": -200.0}


def test_elements_may_have_networks_of_their_own() -> None:
    potential = random_potential.make(ELEMENTS, members=[((8, 8), "silu"), ((6, 5), "silu"), ((4,), "silu")]).double()
    generator = torch.Generator().manual_seed(5)
    for head, hidden in zip(potential.members, ((3,), (9, 7, 5), (2, 2)), strict=True):
        inputs = potential.symmetry_functions.size
        head.networks[1] = network.Network.random(inputs, hidden, generator=generator, dtype=torch.float64)
    content = random_potential.file(potential)
    assert onnx_graph.read(content)[1].networks["members"][0]["hidden"] == {"Cl": [8, 8], "Na": [3]}
    inputs = feeds(12, 6, "float64")
    found = run(content, inputs)
    for i, element in enumerate(inputs["species"]):
        alone = {key: value[i : i + 1] for key, value in inputs.items()} | {"reverse": np.zeros((1, 6), dtype=np.int64)}
        expected = potential(*(torch.from_numpy(alone[name]) for name in export.INPUTS))
        for name in ("member_atomic_energies", "pair_gradients"):
            np.testing.assert_allclose(found[name][i], expected[name].detach().numpy()[0], rtol=1e-11, atol=1e-13)
        assert len(potential.members[0].networks[element].weights) == (3, 2)[element]


def test_equal_potentials_give_equal_bytes() -> None:
    assert random_potential.file(random_potential.make()) == random_potential.file(random_potential.make())


def test_both_precisions_come_from_one_manifest() -> None:
    potential = random_potential.make()
    manifest = export.describe(potential, "float32")
    single, double = export.to_onnx(potential, manifest), export.to_onnx(potential, manifest, "float64")
    assert [onnx_graph.read(content)[1].dtype for content in (single, double)] == ["float32", "float64"]


def test_signals_that_do_not_exist_have_no_output() -> None:
    plain = random_potential.make(members=[((4,), "tanh")], replicas=(), ranges=False)
    _, manifest = onnx_graph.read(random_potential.file(plain))
    assert set(manifest.outputs) == {
        "atomic_energies", "member_atomic_energies", "pair_gradients", "forces", "atomic_virials"
    }  # fmt: skip


def test_a_pruned_graph_keeps_what_its_outputs_need() -> None:
    content = random_potential.file(random_potential.make(ELEMENTS))
    file, _ = onnx_graph.read(content)
    pruned = onnx_graph.pruned(file, ("atomic_energies",))
    onnx.checker.check_model(pruned)
    assert len(pruned.graph.node) < len(file.graph.node) / 2
    assert {item.name for item in pruned.graph.input} == {"vectors", "neighbour_species", "species"}
    inputs = feeds(5, 6, "float64")
    whole = run(content, inputs)
    inputs.pop("reverse")
    found = run(pruned.SerializeToString(), inputs)
    np.testing.assert_allclose(found["atomic_energies"], whole["atomic_energies"], rtol=1e-13)


def test_rows_that_are_asked_for_twice_keep_their_numbers() -> None:
    graph = tracing.Graph(onnx_operations.OPERATIONS)
    species = graph.input("species", torch.int64, ["atoms"])
    by_element.rows(species, 2)
    first, second = by_element.rows(species, 2)  # the same nodes again
    assert first.shape != second.shape
    sizes = [graph.size_vector(rows.shape) for rows in (first, second)]
    assert len(set(sizes)) == 2
