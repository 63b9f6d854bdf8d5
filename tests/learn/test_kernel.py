"""Potentials evaluated with the compiled kernel: equal to the whole graph in ONNX Runtime, in every property."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms

pytest.importorskip("numba", reason="the extra 'kernel' is not installed")

from nnp.core import cuts, errors, onnx_graph
from nnp.core.kernel import __main__ as kernel_main
from nnp.core.kernel import choice, compiled, functions
from nnp.core.potential import PROPERTIES
from nnp.core.potential import Potential as Evaluated
from nnp.core.structure import Structure
from nnp.learn import network, zbl
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


CLOSE = Repulsion(elements=ELEMENTS, inner=((0.9, 1.0), (1.0, 1.1)), outer=((1.9, 2.0), (2.0, 2.1)))
OVERLAP = zbl.Zbl(elements=ELEMENTS, inner=((0.0, 0.0), (0.0, 0.0)), outer=((2.5, 3.0), (3.0, 3.5)))


def test_a_repulsion_remains_in_the_graph() -> None:
    assert max(differences(potential(repulsion=CLOSE), "float64").values()) < 1e-11


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-11), ("float32", 3e-5)])
@pytest.mark.parametrize("channels", [None, ((1.0, 1.0), (-0.6, 1.3))])
def test_moment_functions_with_baseline_and_repulsion(
    dtype: str, tolerance: float, channels: tuple[tuple[float, ...], ...] | None
) -> None:
    of = random_potential.make(
        ELEMENTS,
        angular=random_potential.FOUR_BODY,
        element_channels=channels,
        repulsion=CLOSE,
        baseline=OVERLAP,
        dense=True,
    )
    for name, difference in differences(of, dtype).items():
        assert difference < tolerance, name


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
    of = random_potential.make(ELEMENTS, angular=random_potential.CHEBYSHEV, radial=random_potential.POLYNOMIALS)
    content = random_potential.file(of, "float64")
    assert Evaluated.load(content).engine == "onnxruntime"
    with pytest.raises(errors.DeviceError, match="does not know"):
        Evaluated.load(content, kernel=True)


@pytest.mark.parametrize("module", ["numba", "nnp.core.kernel.engine"], ids=["absent", "broken"])
def test_without_numba_everything_runs_in_the_graph(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    content = random_potential.file(potential(), "float64")
    monkeypatch.setenv("NNP_KERNEL", "auto")
    monkeypatch.setitem(sys.modules, module, None)
    assert Evaluated.load(content).engine == "onnxruntime"
    with pytest.raises(errors.DeviceError, match="numba"):
        Evaluated.load(content, kernel=True)


COMPILED = "onnxruntime, compiled symmetry functions"


def test_the_setting_leaves_the_kernel_aside_or_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    content = random_potential.file(potential(), "float64")
    monkeypatch.setattr(choice, "_answers", {})
    monkeypatch.setattr(compiled, "ready", lambda *_: False)
    monkeypatch.setattr(compiled, "compile_beside", lambda *_: None)
    engines = {}
    for setting in ("off", "auto", "wait"):
        monkeypatch.setenv("NNP_KERNEL", setting)
        engines[setting] = Evaluated.load(content).engine
    assert engines == {"off": "onnxruntime", "auto": "onnxruntime", "wait": COMPILED}


def test_nobody_waits_for_the_compiler_and_a_process_keeps_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    content, started, there = random_potential.file(potential(), "float64"), [], [False]
    monkeypatch.setenv("NNP_KERNEL", "auto")
    monkeypatch.setattr(choice, "_answers", {})
    monkeypatch.setattr(compiled, "ready", lambda *_: there[0])
    monkeypatch.setattr(compiled, "compile_beside", lambda *wanted: started.append(wanted))
    assert Evaluated.load(content).engine == "onnxruntime"
    there[0] = True
    assert Evaluated.load(content).engine == "onnxruntime"
    assert started == [("passes", "float64")]
    monkeypatch.setattr(choice, "_answers", {})
    assert Evaluated.load(content).engine == COMPILED


def test_a_child_compiles_what_is_not_there_yet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = []
    monkeypatch.setattr(compiled, "folder", lambda: tmp_path)
    monkeypatch.setattr(functions, "of", lambda fields, dtype: made.append((functions.kind(fields), dtype)))
    kernel_main.main(["moment_passes", "float32"])
    compiled.note("passes", "float64")
    kernel_main.main([])
    wanted = {(kind, dtype) for kind in compiled.KINDS for dtype in ("float32", "float64")}
    assert made[0] == ("moment_passes", "float32")
    assert set(made[1:]) == wanted - {("passes", "float64")}


def test_one_element() -> None:
    content = random_potential.file(random_potential.make(("O",), angular=random_potential.FOUR_BODY), "float64")
    atoms = Atoms("O27", structures()[0].positions[:27], cell=[7.5] * 3, pbc=True)
    one, other = (
        Evaluated.load(content, kernel=kernel).evaluate([Structure.from_atoms(atoms)])[0] for kernel in (True, False)
    )
    assert one.energy == pytest.approx(other.energy, rel=1e-13)
    np.testing.assert_allclose(one.forces, other.forces, rtol=1e-10, atol=1e-12)
