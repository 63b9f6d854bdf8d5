"""Potentials evaluated with the compiled kernel: equal to the whole graph in ONNX Runtime, in every property."""

import sys

import numpy as np
import pytest
import torch
from ase import Atoms

pytest.importorskip("numba", reason="the extra 'kernel' is not installed")

from nnp.core import cuts, errors, onnx_graph
from nnp.core.potential import PROPERTIES
from nnp.core.potential import Potential as Evaluated
from nnp.core.structure import Structure
from nnp.learn import network
from nnp.learn.behler.by_centre import ByCentre
from nnp.learn.behler.function import Function
from nnp.learn.behler.functions import BehlerFunctions
from nnp.learn.descriptor import Descriptor
from nnp.learn.potential import Head, Potential
from nnp.learn.repulsion import Repulsion
from tests.learn import random_potential

ELEMENTS = ("H", "O")
RADIAL = [Function(type=2, neighbours=(e,), cutoff=4.0, eta=eta) for e in ELEMENTS for eta in (0.1, 0.4)]
NARROW = [
    Function(type=3, neighbours=pair, cutoff=4.0, eta=0.05, zeta=zeta, lambda_=sign)
    for pair in (("H", "O"), ("O", "O"))
    for zeta, sign in ((1.0, 1.0), (4.0, -1.0))
]
COMPACT = [Function(type=22, neighbours=("H", "O"), cutoff=4.0, angles=(30.0, 180.0), core="p3", lower=-4.0)]


def behler(*functions: Function) -> BehlerFunctions:
    return BehlerFunctions(elements=ELEMENTS, functions=functions)


BY_CENTRE = ByCentre(elements=ELEMENTS, descriptors=(behler(*RADIAL, *NARROW[:2]), behler(*RADIAL, *NARROW, *COMPACT)))


def potential(functions: Descriptor = BY_CENTRE, members: int = 2, repulsion: Repulsion | None = None) -> Potential:
    generator = torch.Generator().manual_seed(0)
    shape = (2, functions.size)

    def head(*hidden: int) -> Head:
        return Head([network.Network.random(functions.size, hidden, "tanh", generator=generator) for _ in ELEMENTS])

    return Potential(
        symmetry_functions=functions,
        shift=torch.rand(shape, generator=generator),
        scale=torch.rand(shape, generator=generator) + 0.5,
        members=[head(6, 5) for _ in range(members)],
        replicas=[head(4), head(5)],
        lower=torch.zeros(shape),
        upper=torch.full(shape, 0.5),
        density=random_potential.density(shape, generator),
        repulsion=repulsion,
    )


def structures() -> list[Structure]:
    random = np.random.default_rng(1)
    made = []
    for n, pbc in ((30, True), (3, False), (1, False), (140, True)):
        edge = 2.3 * n ** (1 / 3)
        grid = np.stack(np.meshgrid(*[np.arange(6)] * 3), -1).reshape(-1, 3)[:n] * edge / np.ceil(n ** (1 / 3))
        positions = grid + random.uniform(-0.3, 0.3, (n, 3))
        atoms = Atoms(random.choice(ELEMENTS, n), positions, cell=[edge] * 3 if pbc else None, pbc=pbc)
        made.append(Structure.from_atoms(atoms))
    return made


def differences(of: Potential, dtype: str) -> dict[str, float]:
    """Property -> largest difference between the engines over the largest value."""
    content = random_potential.file(of, dtype)
    with_kernel, without = (Evaluated.load(content, kernel=kernel, threads=2) for kernel in (True, False))
    assert (with_kernel.engine, without.engine) == ("onnxruntime, compiled symmetry functions", "onnxruntime")
    found: dict[str, float] = {}
    for one, other in zip(*(p.evaluate(structures(), PROPERTIES) for p in (with_kernel, without)), strict=True):
        assert one.unavailable == other.unavailable
        for name in PROPERTIES:
            a, b = getattr(one, name), getattr(other, name)
            if name == "domain":
                np.testing.assert_array_equal(a.counts, b.counts)
                a, b = a.excess, b.excess
            if b is not None:
                scale = np.abs(b).max() + 1e-3
                found[name] = max(found.get(name, 0.0), float(np.abs(np.asarray(a) - b).max() / scale))
    assert {"energy", "forces", "virials", "energy_novelties", "force_spreads", "domain"} <= found.keys()
    return found


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-11), ("float32", 3e-5)])
def test_both_engines_give_equal_answers(dtype: str, tolerance: float) -> None:
    for name, difference in differences(potential(), dtype).items():
        assert difference < tolerance, name


def test_a_repulsion_remains_in_the_graph() -> None:
    radii = ((0.9, 1.0), (1.0, 1.1)), ((1.9, 2.0), (2.0, 2.1))
    close = Repulsion(elements=ELEMENTS, inner=radii[0], outer=radii[1])
    assert max(differences(potential(repulsion=close), "float64").values()) < 1e-11


def test_part_of_the_properties() -> None:
    content = random_potential.file(potential(behler(*RADIAL, *NARROW)), "float64")
    with_kernel, without = (Evaluated.load(content, kernel=kernel) for kernel in (True, False))
    for properties in (("energy",), ("forces",), ("stress",), ("force_spreads",), ("energy", "domain")):
        one, other = (p.evaluate(structures()[:1], properties)[0] for p in (with_kernel, without))
        for name in set(properties) - {"domain"}:
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-10, atol=1e-12)


def test_the_graph_can_be_cut_at_its_names() -> None:
    file, _ = onnx_graph.read(random_potential.file(random_potential.make(ELEMENTS), "float64"))
    part = onnx_graph.pruned(file, ["atomic_energies", cuts.GRADIENT + "mean"], [cuts.SYMMETRY_FUNCTIONS])
    assert {item.name for item in part.graph.input} == {cuts.SYMMETRY_FUNCTIONS, "species"}
    assert {item.name for item in part.graph.output} == {"atomic_energies", cuts.GRADIENT + "mean"}
    rest = onnx_graph.pruned(file, ["pair_gradients"], [cuts.PAIR_GRADIENTS + "mean"])
    assert {item.name for item in rest.graph.input} == {cuts.PAIR_GRADIENTS + "mean"}


def test_what_the_kernel_does_not_know_runs_in_the_graph() -> None:
    content = random_potential.file(random_potential.make(ELEMENTS), "float64")
    assert Evaluated.load(content).engine == "onnxruntime"
    with pytest.raises(errors.DeviceError, match="Behler-Parrinello"):
        Evaluated.load(content, kernel=True)


@pytest.mark.parametrize("module", ["numba", "nnp.core.kernel.engine"], ids=["absent", "broken"])
def test_without_numba_everything_runs_in_the_graph(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    content = random_potential.file(potential(), "float64")
    monkeypatch.setenv("NNP_KERNEL", "auto")
    monkeypatch.setitem(sys.modules, module, None)
    assert Evaluated.load(content).engine == "onnxruntime"
    with pytest.raises(errors.DeviceError, match="numba"):
        Evaluated.load(content, kernel=True)


def test_the_setting_leaves_the_kernel_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    content = random_potential.file(potential(), "float64")
    monkeypatch.setenv("NNP_KERNEL", "off")
    assert Evaluated.load(content).engine == "onnxruntime"
    monkeypatch.setenv("NNP_KERNEL", "auto")
    assert Evaluated.load(content).engine == "onnxruntime, compiled symmetry functions"
