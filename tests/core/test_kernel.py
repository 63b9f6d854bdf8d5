"""The compiled kernel against plain sums written down here, and its adjoint against finite differences."""

import math
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from ase.data import atomic_numbers

pytest.importorskip("numba", reason="the extra 'kernel' is not installed")

from nnp.core import behler_names
from nnp.core.kernel import compiled, definition

ELEMENTS = ("H", "O")
SMOOTH = [name for name in behler_names.CUTOFF_TYPES if name != "hard"]
CORES = [*behler_names.CORES, "p1a", "p2a", "p3a", "p4a"]
WINDOW = {"lower": 0.6, "cutoff": 3.6}
RADIAL = [{"type": 2, "neighbours": ["O"], "eta": 0.3, "cutoff_function": name} for name in SMOOTH]
RADIAL += [{"type": 2, "neighbours": ["H"], "eta": 0.8, "shift": 1.5, "cutoff_function": "cosine", "alpha": 0.3}]
RADIAL += [{"type": 2, "neighbours": ["H"], "cutoff_function": "hard"}, {"type": 12, "eta": 0.2}]
RADIAL += [{"type": 20, "neighbours": ["O"], **WINDOW, "core": core} for core in CORES]
RADIAL += [{"type": 23, "lower": -2.0, "cutoff": 3.0}]
ANGULAR = [
    {"type": kind, "neighbours": pair, "eta": 0.1, "zeta": zeta, "lambda_": sign, "cutoff_function": "polynomial7"}
    for kind in (3, 9)
    for pair in (["H", "H"], ["H", "O"])
    for zeta, sign in ((1.0, -1.0), (2.0, 1.0), (4.0, 1.0), (7.0, -1.0), (2.5, 1.0))
]
ANGULAR += [{"type": kind, "neighbours": ["O", "O"], "eta": 0.4, "shift": 1.2} for kind in (3, 9)]
ANGULAR += [{"type": 13, "eta": 0.1, "shift": 0.5, "zeta": 3.0}]
ANGULAR += [
    {"type": kind, "neighbours": ["H", "O"], **WINDOW, "core": core, "angles": [20.0, 150.0]}
    for kind in (21, 22)
    for core in ("p1", "p3a", "e")
]
ANGULAR += [{"type": kind, **WINDOW, "angles": [90.0, 270.0]} for kind in (24, 25)]
FUNCTIONS = [{"cutoff": 4.0, **function} for function in RADIAL + ANGULAR]
DEFINITION = {"kind": "behler", "elements": list(ELEMENTS), "functions": FUNCTIONS}


def neighbourhood(atoms: int, slots: int, dtype: type, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Random vectors, some of them beyond the cutoff, no two neighbours at one place; and species."""
    random = np.random.default_rng(seed)
    directions = random.normal(size=(atoms, 3, slots))
    lengths = random.uniform(0.9, 4.6, size=(atoms, 1, slots))
    vectors = directions / np.linalg.norm(directions, axis=1, keepdims=True) * lengths
    return vectors.astype(dtype), random.integers(0, 2, (atoms, slots)), random.integers(0, 2, atoms)


def values(fields: dict, vectors: np.ndarray, neighbour_species: np.ndarray, species: np.ndarray) -> np.ndarray:
    G = np.zeros((len(vectors), definition.size(fields)), vectors.dtype)
    nothing = np.empty((0, *vectors.shape[1:]), vectors.dtype)
    compiled.evaluate("passes")(
        vectors, neighbour_species, species, definition.tables(fields, vectors.dtype), G, nothing
    )
    return G


def adjoint(
    fields: dict, vectors: np.ndarray, others: np.ndarray, species: np.ndarray, dE_dG: np.ndarray
) -> np.ndarray:
    g = np.zeros_like(vectors)
    compiled.evaluate("passes")(vectors, others, species, definition.tables(fields, vectors.dtype), dE_dG, g)
    return g


SHAPES: dict[str, Callable[[float], float]] = {
    "hard": lambda x: 1.0,
    "cosine": lambda x: 0.5 * (math.cos(math.pi * x) + 1.0),
    "tanh_cubed_unnormalised": lambda x: math.tanh(1.0 - x) ** 3,
    "tanh_cubed": lambda x: (math.tanh(1.0 - x) / math.tanh(1.0)) ** 3,
    "exponential": lambda x: math.exp(1.0 - 1.0 / (1.0 - x * x)),
    "polynomial3": lambda x: 1.0 + x**2 * (2.0 * x - 3.0),
    "polynomial": lambda x: 1.0 + x**3 * (-10.0 + x * (15.0 - 6.0 * x)),
    "polynomial7": lambda x: 1.0 + x**4 * (-35.0 + x * (84.0 + x * (-70.0 + 20.0 * x))),
    "polynomial9": lambda x: 1.0 + x**5 * (-126.0 + x * (420.0 + x * (-540.0 + x * (315.0 - 70.0 * x)))),
}


def core(name: str, x: float, low: float, high: float) -> float:
    if not low < x < high:
        return 0.0
    t = abs(x - (low + high) / 2.0) / ((high - low) / 2.0)
    return SHAPES[behler_names.CORES[name.removesuffix("a")]]((2.0 - t) * t if name.endswith("a") else t)


def radial_part(f: dict, r: float) -> float:
    if f["type"] >= 20:
        return core(f.get("core", "p2"), r, f.get("lower", 0.0), f["cutoff"])
    if r >= f["cutoff"]:
        return 0.0
    name = f.get("cutoff_function", "cosine")
    inner = 0.0 if name.startswith("tanh") else f.get("alpha", 0.0) * f["cutoff"]
    x = max((r - inner) / (f["cutoff"] - inner), 0.0)
    return math.exp(-f.get("eta", 0.0) * (r - f.get("shift", 0.0)) ** 2) * SHAPES[name](x)


def angular_part(f: dict, cosine: float) -> float:
    if f["type"] < 20:
        zeta = f.get("zeta", 1.0)
        return 2.0 ** (1.0 - zeta) * (1.0 + f.get("lambda_", 1.0) * cosine) ** zeta
    return core(f.get("core", "p2").removesuffix("a"), math.degrees(math.acos(cosine)), *f.get("angles", (0.0, 180.0)))


def plain(f: dict, vectors: np.ndarray, elements: list[str]) -> float:
    """One function of one atom, term by term, from the formulas of the literature."""
    weighted = f["type"] in (12, 13, 23, 24, 25)
    weights = [atomic_numbers[element] if weighted else 1.0 for element in elements]
    wanted = f.get("neighbours")
    r = np.linalg.norm(vectors, axis=0)
    if f["type"] in (2, 12, 20, 23):
        chosen = [k for k, element in enumerate(elements) if weighted or [element] == wanted]
        return sum(weights[k] * radial_part(f, r[k]) for k in chosen)
    total = 0.0
    for j, k in combinations(range(len(elements)), 2):
        if weighted or sorted((elements[j], elements[k])) == sorted(wanted):
            cosine = float(vectors[:, j] @ vectors[:, k] / (r[j] * r[k]))
            third = radial_part(f, np.linalg.norm(vectors[:, j] - vectors[:, k])) if f["type"] in (3, 13, 21, 24) else 1
            parts = radial_part(f, r[j]) * radial_part(f, r[k]) * third
            total += weights[j] * weights[k] * parts * angular_part(f, cosine)
    return total


def test_every_function_is_its_sum() -> None:
    vectors, others, species = neighbourhood(3, 12, np.float64)
    found = values(DEFINITION, vectors, others, species)
    for i, name in enumerate(species):
        del name
        elements = [ELEMENTS[e] for e in others[i]]
        expected = [plain(f, vectors[i], elements) for f in FUNCTIONS]
        np.testing.assert_allclose(found[i], expected, rtol=1e-12, atol=1e-13)
    assert (np.abs(found).max(axis=0) > 0).all()


def test_the_adjoint_is_the_derivative() -> None:
    """A hard cutoff jumps, but no distance lies within a step of it."""
    vectors, others, species = neighbourhood(2, 12, np.float64, seed=1)
    random = np.random.default_rng(2)
    step = 1e-5
    for column, f in enumerate(FUNCTIONS):
        fields = {**DEFINITION, "functions": [f]}
        dE_dG = random.normal(size=(2, 1))
        g = adjoint(fields, vectors, others, species, dE_dG)
        direction = random.normal(size=vectors.shape)
        up, down = (values(fields, vectors + s * step * direction, others, species) for s in (1, -1))
        expected = ((up - down) / (2 * step) * dE_dG).sum()
        assert (g * direction).sum() == pytest.approx(expected, rel=1e-6, abs=1e-8), (column, f)


def test_all_functions_at_once_have_the_sum_of_their_adjoints() -> None:
    vectors, others, species = neighbourhood(4, 40, np.float64, seed=3)
    dE_dG = np.random.default_rng(4).normal(size=(4, len(FUNCTIONS)))
    together = adjoint(DEFINITION, vectors, others, species, dE_dG)
    alone = [
        adjoint({**DEFINITION, "functions": [f]}, vectors, others, species, np.ascontiguousarray(dE_dG[:, [d]]))
        for d, f in enumerate(FUNCTIONS)
    ]
    np.testing.assert_allclose(together, np.sum(alone, axis=0), rtol=1e-10, atol=1e-11)


def test_slots_beyond_the_cutoff_change_nothing() -> None:
    vectors, others, species = neighbourhood(3, 8, np.float64)
    padding = np.zeros((3, 3, 4))
    padding[:, 0] = 8.0
    padded = np.concatenate([vectors, padding], axis=2)
    wider = np.concatenate([others, np.zeros((3, 4), int)], axis=1)
    np.testing.assert_array_equal(
        values(DEFINITION, padded, wider, species), values(DEFINITION, vectors, others, species)
    )
    dE_dG = np.ones((3, len(FUNCTIONS)))
    assert (adjoint(DEFINITION, padded, wider, species, dE_dG)[:, :, 8:] == 0).all()


def test_float32_agrees_with_float64() -> None:
    vectors, others, species = neighbourhood(3, 30, np.float32)
    exact = values(DEFINITION, vectors.astype(np.float64), others, species)
    np.testing.assert_allclose(values(DEFINITION, vectors, others, species), exact, rtol=3e-5, atol=1e-6)
    dE_dG = np.random.default_rng(5).normal(size=exact.shape).astype(np.float32)
    g = adjoint(DEFINITION, vectors, others, species, dE_dG)
    expected = adjoint(DEFINITION, vectors.astype(np.float64), others, species, dE_dG.astype(np.float64))
    assert np.abs(g - expected).max() < 1e-4 * expected.std()


def test_each_centre_has_its_own_functions() -> None:
    lists = {"H": FUNCTIONS[:5], "O": FUNCTIONS[20:40]}
    behler = {"kind": "behler", "elements": list(ELEMENTS)}
    fields = {
        "kind": "by_centre",
        "elements": list(ELEMENTS),
        "descriptors": {element: {**behler, "functions": lists[element]} for element in ELEMENTS},
    }
    vectors, others, species = neighbourhood(5, 12, np.float64)
    found = values(fields, vectors, others, species)
    assert found.shape == (5, 20)
    for e, element in enumerate(ELEMENTS):
        rows, n = species == e, len(lists[element])
        alone = values({**behler, "functions": lists[element]}, vectors[rows], others[rows], species[rows])
        np.testing.assert_array_equal(found[rows, :n], alone)
        assert (found[rows, n:] == 0).all()


def test_other_definitions_are_left_to_the_graph() -> None:
    assert definition.size({"kind": "moments", "elements": ["H"]}) == 0
    assert definition.size({"elements": ["H"], "cutoff": 5.0}) == 0
    unknown = {"kind": "behler", "elements": ["H"], "functions": [{"type": 99, "neighbours": ["H"], "cutoff": 4.0}]}
    assert definition.size(unknown) == 0
