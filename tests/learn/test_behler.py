"""Lists of Behler-Parrinello functions against their defining sums, finite differences, n2p2, and their ONNX form."""

import gzip
import itertools
import json
import math

import numpy as np
import onnxruntime
import pytest
import torch
from ase.data import atomic_numbers

from nnp.core import neighbours
from nnp.core.structure import Structure
from nnp.learn import descriptor, export, network
from nnp.learn.behler import cutoffs
from nnp.learn.behler.by_centre import ByCentre
from nnp.learn.behler.function import Function
from nnp.learn.behler.functions import BehlerFunctions
from nnp.learn.potential import Head, Potential
from tests.learn.test_behler_function import FORMULAS
from tests.learn.test_export import feeds

ELEMENTS = ("H", "O")
PAIRS = (("H", "H"), ("H", "O"), ("O", "O"))
BOHR = 0.529177210903


def gaussian(type: int, neighbours: tuple[str, ...], **fields) -> Function:
    return Function(type=type, neighbours=neighbours, **{"cutoff": 4.0, "eta": 0.1, **fields})


def window(type: int, neighbours: tuple[str, ...], **fields) -> Function:
    return Function(type=type, neighbours=neighbours, **{"cutoff": 4.0, "lower": -4.0, **fields})


FAMILIES = {
    "2": tuple(
        gaussian(2, (e,), eta=eta, shift=s) for e in ELEMENTS for eta, s in ((0.0, 0.0), (0.3, 0.0), (2.0, 1.5))
    ),
    "2, cutoffs": tuple(
        gaussian(2, ("O",), cutoff_function=name, alpha=alpha) for name in cutoffs.CUTOFF_TYPES for alpha in (0.0, 0.3)
    ),
    "12": (gaussian(12, ()), gaussian(12, (), eta=0.5, shift=1.0), gaussian(2, ("H",))),
    **{
        str(type): tuple(
            gaussian(type, pair, eta=eta, shift=shift, zeta=zeta, lambda_=sign, cutoff=cutoff)
            for pair in PAIRS
            for eta, shift, zeta, sign, cutoff in (
                (0.1, 0.0, 1.0, 1.0, 4.0),
                (0.1, 0.0, 4.0, -1.0, 4.0),
                (0.02, 0.0, 7.0, 1.0, 4.0),
                (0.1, 0.7, 1.5, -1.0, 3.0),
                (0.0, 0.0, 16.0, 0.8, 3.5),
            )
        )
        for type in (3, 9)
    },
    **{
        f"{type}, cutoffs": tuple(
            gaussian(type, pair, cutoff_function=name, alpha=0.3) for name in cutoffs.CUTOFF_TYPES for pair in PAIRS[:2]
        )
        for type in (3, 9)
    },
    "13": (gaussian(13, (), zeta=2.0), gaussian(13, (), zeta=1.0, lambda_=-1.0, shift=0.5)),
    "20": tuple(
        window(20, (e,), lower=low, core=core) for e in ELEMENTS for low in (-4.0, 1.0) for core in cutoffs.SUBTYPES
    ),
    **{
        str(type): tuple(
            window(type, pair, lower=low, angles=angles, core=core)
            for pair in PAIRS
            for low, angles, core in (
                (-4.0, (0.0, 180.0), "p2"),
                (-4.0, (20.0, 100.0), "p1a"),
                (1.0, (-60.0, 60.0), "p3"),
                (1.0, (90.0, 270.0), "p4a"),
                (0.5, (0.0, 120.0), "e"),
            )
        )
        for type in (21, 22)
    },
    "23": (window(23, ()), window(23, (), lower=0.5, core="p1a")),
    "24": (window(24, (), angles=(10.0, 90.0)), window(24, (), core="e")),
    "25": (window(25, (), angles=(10.0, 90.0)), window(25, (), core="p4")),
    "SIMPLE-NN": tuple(gaussian(3, p, zeta=z, lambda_=s) for p in PAIRS for z in (1.0, 2.0, 4.0) for s in (1.0, -1.0)),
    "twice the same": (gaussian(2, ("H",)), gaussian(9, ("H", "O")), gaussian(2, ("H",)), gaussian(9, ("O", "H"))),
}
EVERY = tuple(dict.fromkeys(itertools.chain.from_iterable(FAMILIES.values())))


def core(name: str, x: torch.Tensor, low: float, high: float, asymmetric: bool) -> torch.Tensor:
    t = torch.abs(x - (low + high) / 2) / ((high - low) / 2)
    inside = t < 1.0
    t = torch.where(inside, t, torch.zeros_like(t))
    return torch.where(inside, FORMULAS[cutoffs.CORES[name[:2]]]((2 - t) * t if asymmetric else t), torch.zeros_like(t))


def radial(function: Function, r: torch.Tensor) -> torch.Tensor:
    if function.compact:
        return core(function.core, r, function.lower, function.cutoff, function.core.endswith("a"))
    inner = 0.0 if function.cutoff_function in cutoffs.WITHOUT_INNER_RADIUS else function.alpha * function.cutoff
    x = (r - inner) / (function.cutoff - inner)
    between = (x > 0.0) & (x < 1.0)
    cut = FORMULAS[function.cutoff_function](torch.where(between, x, torch.full_like(x, 0.5)))
    cut = torch.where(between, cut, (x <= 0.0).to(x.dtype))
    return torch.exp(-function.eta * (r - function.shift) ** 2) * cut


def directly(function: Function, vectors: torch.Tensor, species: torch.Tensor) -> torch.Tensor:
    """The value for one atom with neighbours at ``vectors`` (3, K)."""
    total = torch.zeros((), dtype=vectors.dtype)
    symbols = [ELEMENTS[e] for e in species.tolist()]
    r = vectors.norm(dim=0)
    if not function.angular:
        for j, symbol in enumerate(symbols):
            weight = atomic_numbers[symbol] if function.weighted else float((symbol,) == function.neighbours)
            total = total + weight * radial(function, r[j])
        return total
    for j, k in itertools.combinations(range(len(symbols)), 2):
        own = tuple(sorted((symbols[j], symbols[k]), key=lambda e: atomic_numbers[e]))
        weight = math.prod(atomic_numbers[e] for e in own) if function.weighted else float(own == function.neighbours)
        if not weight or max(r[j], r[k]) >= function.cutoff:
            continue
        term = weight * radial(function, r[j]) * radial(function, r[k])
        if function.narrow:
            term = term * radial(function, (vectors[:, j] - vectors[:, k]).norm())
        cosine = vectors[:, j] @ vectors[:, k] / (r[j] * r[k])
        if function.compact:
            ends = [math.radians(angle) for angle in function.angles]
            total = total + term * core(function.core, torch.arccos(cosine), *ends, asymmetric=False)
        else:
            total = total + term * 2.0 ** (1.0 - function.zeta) * (1.0 + function.lambda_ * cosine) ** function.zeta
    return total


def surroundings(atoms: int = 2, slots: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    vectors = torch.randn((atoms, 3, slots), generator=generator, dtype=torch.float64) * 1.5
    vectors[:, :, -1] = torch.tensor([8.0, 0.0, 0.0])  # a padded slot
    return vectors, torch.randint(0, 2, (atoms, slots), generator=generator)


@pytest.mark.parametrize("name", FAMILIES)
def test_values_are_the_defining_sums_and_the_adjoint_is_their_gradient(name: str) -> None:
    functions = BehlerFunctions(elements=ELEMENTS, functions=FAMILIES[name])
    vectors, species = surroundings()
    vectors.requires_grad_()
    expected = torch.stack(
        [
            torch.stack([directly(function, one, kinds) for function in functions.functions])
            for one, kinds in zip(vectors, species, strict=True)
        ]
    )
    assert expected.abs().max() > 0.1
    geometry = functions.geometry(vectors.detach(), species, species[:, 0])
    values = functions.values(geometry)
    torch.testing.assert_close(values, expected, rtol=1e-12, atol=1e-13)
    weights = torch.randn(values.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (by_autograd,) = torch.autograd.grad((expected * weights).sum(), vectors)
    gradient = functions.adjoint(geometry, weights)
    torch.testing.assert_close(gradient, by_autograd, rtol=1e-10, atol=1e-11)
    assert torch.equal(gradient[:, :, -1], torch.zeros(2, 3, dtype=torch.float64))


@pytest.mark.parametrize("name", FAMILIES)
def test_jvp_is_the_transpose_of_the_adjoint(name: str) -> None:
    functions = BehlerFunctions(elements=ELEMENTS, functions=FAMILIES[name])
    vectors, species = surroundings()
    geometry = functions.geometry(vectors, species, species[:, 0])
    generator = torch.Generator().manual_seed(2)
    weights = torch.randn((2, 2, functions.size), generator=generator, dtype=torch.float64)
    displacement = torch.randn((2, *vectors.shape), generator=generator, dtype=torch.float64)
    change, gradient = functions.jvp(geometry, displacement), functions.adjoint(geometry, weights)
    torch.testing.assert_close((change * weights).sum(), (gradient * displacement).sum(), rtol=1e-11, atol=1e-11)
    kept = functions.keep(vectors, species, species[:, 0])
    torch.testing.assert_close(functions.committee_jvp(kept, displacement.transpose(0, 1)), change.transpose(0, 1))
    torch.testing.assert_close(functions.committee_adjoint(kept, weights.transpose(0, 1)), gradient.transpose(0, 1))


@pytest.mark.parametrize("angle", [0.0, 1e-5, math.pi - 1e-9])
def test_angular_functions_stay_finite_and_continuous_where_three_atoms_are_in_line(angle: float) -> None:
    functions = BehlerFunctions(elements=ELEMENTS, functions=tuple(f for f in EVERY if f.angular))
    nearby = 1e-3 if angle < 1.0 else math.pi - 1e-3
    directions = torch.tensor([[math.cos(a), math.sin(a), 0.0] for a in (angle, nearby)], dtype=torch.float64)
    vectors = torch.stack([torch.stack([torch.tensor([1.1, 0, 0]).double(), d * 1.7], 1) for d in directions])
    species = torch.tensor([[0, 0], [0, 0]])
    geometry = functions.geometry(vectors, species, species[:, 0])
    G = functions.values(geometry)
    torch.testing.assert_close(G[0], G[1], rtol=0.0, atol=2e-4)
    gradient = functions.adjoint(geometry, torch.ones_like(G))
    torch.testing.assert_close(gradient[0], gradient[1], rtol=0.0, atol=0.15)


def by_centre() -> ByCentre:
    lists = (EVERY[::2], EVERY[1::3])
    return ByCentre(
        elements=ELEMENTS, descriptors=tuple(BehlerFunctions(elements=ELEMENTS, functions=f) for f in lists)
    )


def test_every_centre_element_has_its_own_functions() -> None:
    functions = by_centre()
    vectors, species = surroundings(atoms=5)
    centres = torch.tensor([1, 0, 0, 1, 1])
    geometry = functions.geometry(vectors, species, centres)
    G = functions.values(geometry)
    weights = torch.randn((2, *G.shape), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    gradient = functions.adjoint(geometry, weights)
    for element, one in enumerate(functions.descriptors):
        rows = torch.nonzero(centres == element).squeeze(1)
        own = one.geometry(vectors[rows], species[rows], centres[rows])
        torch.testing.assert_close(G[rows][:, : one.size], one.values(own))
        assert not G[rows][:, one.size :].any()
        torch.testing.assert_close(gradient[:, rows], one.adjoint(own, weights[:, rows, : one.size]))
        assert functions.names_of(ELEMENTS[element]) == one.names()
    displacement = torch.randn((2, *vectors.shape), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    change = functions.jvp(geometry, displacement)
    torch.testing.assert_close((change * weights).sum(), (gradient * displacement).sum(), rtol=1e-11, atol=1e-11)
    kept = functions.keep(vectors, species, centres)
    torch.testing.assert_close(functions.committee_jvp(kept, displacement.transpose(0, 1)), change.transpose(0, 1))
    assert len(functions.names()) == functions.size
    assert functions.names()[-1].startswith("H: type")
    assert " | O: type" in functions.names()[0]


def test_the_definitions_survive_json() -> None:
    functions = by_centre()
    assert descriptor.from_dict(json.loads(json.dumps(functions.to_dict()))) == functions


def test_a_selection_keeps_the_chosen_functions_alone() -> None:
    functions = BehlerFunctions(elements=ELEMENTS, functions=FAMILIES["3"])
    smaller, places = functions.narrowed((1, 4))
    assert smaller.functions == (FAMILIES["3"][1], FAMILIES["3"][4])
    assert places == (0, 1)


def test_lists_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one symmetry function"):
        BehlerFunctions(elements=("H",), functions=())
    with pytest.raises(ValueError, match="elements must be distinct"):
        BehlerFunctions(elements=("H", "H"), functions=(gaussian(2, ("H",)),))
    with pytest.raises(ValueError, match=r"type 2 O .* concerns O, which is not among H"):
        BehlerFunctions(elements=("H",), functions=(gaussian(2, ("O",)),))
    with pytest.raises(ValueError, match="2 centre elements need as many descriptors"):
        ByCentre(elements=ELEMENTS, descriptors=(BehlerFunctions(elements=ELEMENTS, functions=EVERY),))
    with pytest.raises(ValueError, match="must have the elements H, O"):
        ByCentre(elements=ELEMENTS, descriptors=(BehlerFunctions(elements=("H",), functions=(gaussian(12, ()),)),) * 2)


def potential(functions: descriptor.Descriptor, activations: tuple[str, ...]) -> Potential:
    generator = torch.Generator().manual_seed(0)
    shape = (2, functions.size)
    members = [
        Head([network.Network.random(functions.size, (4, 3), name, generator=generator) for _ in ELEMENTS])
        for name in activations
    ]
    scale = 0.3 + torch.rand(shape, generator=generator)
    return Potential(symmetry_functions=functions, shift=torch.zeros(shape), scale=scale, members=members)


def exported(one: Potential, dtype: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(export.to_onnx(one, export.describe(one, dtype)), options)


def assert_equal_to_torch(
    session: onnxruntime.InferenceSession, one: Potential, inputs: dict[str, np.ndarray], tolerance: float
) -> None:
    names = [item.name for item in session.get_outputs()]
    expected = one(*(torch.from_numpy(inputs[name]) for name in export.INPUTS))
    for name, value in zip(names, session.run(names, inputs), strict=True):
        size = max([1.0, *expected[name].abs().flatten().tolist()])
        np.testing.assert_allclose(value, expected[name].detach().numpy(), rtol=0, atol=tolerance * size, err_msg=name)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-12)])
def test_the_onnx_file_computes_what_torch_computes(dtype: str, tolerance: float) -> None:
    few = tuple(functions[i] for functions in FAMILIES.values() for i in (0, -1))
    lists = (few, few[::2])
    own = tuple(BehlerFunctions(elements=ELEMENTS, functions=functions) for functions in lists)
    one = potential(ByCentre(elements=ELEMENTS, descriptors=own), ("tanh",)).to(export.DTYPES[dtype])
    session = exported(one, dtype)
    assert_equal_to_torch(session, one, feeds(5, 7, dtype), tolerance)
    assert_equal_to_torch(session, one, feeds(1, 4, dtype, np.zeros(1, dtype=np.int64)), tolerance)
    assert_equal_to_torch(session, one, feeds(2, 0, dtype), tolerance)
    assert_equal_to_torch(session, one, feeds(0, 4, dtype), tolerance)
    alone = feeds(2, 3, dtype, np.ones(2, dtype=np.int64))
    alone["vectors"][:] = np.array([8.0, 0.0, 0.0], dtype=dtype)[None, :, None]
    assert_equal_to_torch(session, one, alone, tolerance)


def test_every_activation_can_be_exported() -> None:
    activations = ("tanh,logistic,linear", "softplus,relu,gaussian", "cos,exponential,harmonic", "reversed_logistic")
    one = potential(BehlerFunctions(elements=ELEMENTS, functions=FAMILIES["12"]), activations)
    assert_equal_to_torch(exported(one, "float32"), one, feeds(5, 7, "float32"), 1e-5)


def from_line(line: str, cutoff_type: int) -> Function:
    """A function from n2p2's line of settings, in Bohr."""
    _, _, number, *words = line.split()
    type, fields = int(number), {}
    count = 0 if type in (12, 13, 23, 24, 25) else 2 if type in (3, 9, 21, 22) else 1
    neighbours, words = tuple(words[:count]), words[count:]
    if type >= 20:
        fields = {"lower": float(words[0]) * BOHR, "cutoff": float(words[1]) * BOHR, "core": words[-1]}
        if type not in (20, 23):
            fields["angles"] = (float(words[2]), float(words[3]))
        return Function(type=type, neighbours=neighbours, **fields)
    keys = {2: ("eta", "shift", "cutoff"), 3: ("eta", "lambda_", "zeta", "cutoff", "shift")}[type]
    fields = dict(zip(keys, map(float, words), strict=True))
    fields["eta"] /= BOHR**2
    for key in {"shift", "cutoff"} & set(fields):
        fields[key] *= BOHR
    return Function(type=type, neighbours=neighbours, cutoff_function=cutoffs.CUTOFF_TYPES[cutoff_type], **fields)


@pytest.mark.parametrize(("name", "cutoff_type"), [("H2O_RPBE-D3", 2), ("DMABN_SCAN", 6)])
def test_values_and_gradients_are_those_of_n2p2(shared, name: str, cutoff_type: int) -> None:
    with gzip.open(shared / "reference" / "n2p2" / name / "reference.json.gz") as file:
        reference = json.load(file)
    elements = tuple(element["symbol"] for element in reference["elements"])
    lists = [
        BehlerFunctions(
            elements=elements, functions=tuple(from_line(s["line"], cutoff_type) for s in element["symfunc"])
        )
        for element in reference["elements"]
    ]
    functions = ByCentre(elements=elements, descriptors=tuple(lists))
    for structure in reference["structures"][4:7:2]:
        cell = np.zeros((3, 3)) if structure["lattice"] is None else np.array(structure["lattice"]) * BOHR
        numbers = np.array([atomic_numbers[symbol] for symbol in structure["symbols"]])
        positions = np.array(structure["positions"]) * BOHR
        atoms = Structure(numbers=numbers, positions=positions, cell=cell, pbc=np.full(3, cell.any()))
        table = neighbours.neighbour_table([atoms], functions.cutoff)
        species = torch.tensor([elements.index(symbol) for symbol in structure["symbols"]])
        rows = [atom["atom"] for atom in structure["symfunc_atoms"]]
        near = species[torch.from_numpy(table.neighbours[rows])]
        geometry = functions.geometry(torch.from_numpy(table.vectors[rows]), near, species[rows])
        G = functions.values(geometry)
        for found, atom in zip(G, structure["symfunc_atoms"], strict=True):
            raw = torch.tensor(atom["raw"], dtype=torch.float64)
            torch.testing.assert_close(found[: len(raw)], raw, rtol=1e-10, atol=1e-12)
        if "dGraw_drself" not in structure["symfunc_atoms"][0]:
            continue
        for column in range(0, functions.size, 7):
            gradient = functions.adjoint(geometry, torch.zeros_like(G).index_fill_(1, torch.tensor([column]), 1.0))
            for atom, own in zip(structure["symfunc_atoms"], -gradient.sum(2) * BOHR, strict=True):
                if column < len(atom["raw"]):
                    expected = torch.tensor(atom["dGraw_drself"][column], dtype=torch.float64)
                    torch.testing.assert_close(own, expected, rtol=1e-10, atol=1e-12)
