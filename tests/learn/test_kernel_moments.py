"""Compiled moment functions against the same functions in torch, their adjoint against finite differences."""

import numpy as np
import pytest
import torch

pytest.importorskip("numba", reason="the extra 'kernel' is not installed")

from nnp.core.kernel import choice, functions
from nnp.learn.angular import ChebyshevAngular, PowerSpectrum, WideAngular
from nnp.learn.four_body import FourBody
from nnp.learn.radial import Chebyshev, Radial
from nnp.learn.symmetry_functions import SymmetryFunctions

THREE = ("H", "C", "O")
RADIAL = (Radial(), Radial(eta=0.1), Radial(eta=0.5, shift=1.5))
CHANNELS = (Radial(eta=0.05), Radial(eta=0.4, shift=1.0), Radial(eta=1.0, shift=2.0))
CUBIC = FourBody(l_max=3)
ROWS = ((1.0, 1.0, 1.0), (-0.7, 0.3, 1.5))
MIXTURES = FourBody(l_max=4, mixtures=((0.3, -1.0, 0.2, 0.5, 0.0, 1.1), (1.0, 0.4, -0.6, 0.1, 0.7, 0.2)))


def spectrum(l_max: int, **fields: object) -> PowerSpectrum:
    return PowerSpectrum(channels=CHANNELS, l_max=l_max, **fields)  # type: ignore[arg-type]


def made(elements: tuple[str, ...], angular: object, **fields: object) -> SymmetryFunctions:
    return SymmetryFunctions(elements=elements, cutoff=4.0, radial=RADIAL, angular=angular, **fields)  # type: ignore[arg-type]


DEFINITIONS = {
    "one element, four-body": made(("Si",), spectrum(5, four_body=CUBIC)),
    "three elements, four-body": made(THREE, spectrum(3, four_body=FourBody(l_max=2))),
    "subtracted self sums": made(("H", "O"), spectrum(4, self_sums="subtract", cross=False)),
    "no self sums": made(("H", "O"), spectrum(8, self_sums="none")),
    "lowest degree": made(("H", "O"), spectrum(0)),
    "element channels": made(THREE, spectrum(4, four_body=MIXTURES), element_channels=ROWS),
    "element channels, subtracted": made(THREE, spectrum(2, self_sums="subtract"), element_channels=ROWS),
    "wide": made(THREE, WideAngular(channels=CHANNELS, zetas=(1, 2, 4))),
    "wide, one sign": made(("Si",), WideAngular(channels=CHANNELS[:1], zetas=(3,), lambdas=(-1,))),
    "wide, element channels": made(THREE, WideAngular(channels=CHANNELS, zetas=(1, 4)), element_channels=ROWS),
    "radial alone": made(("H", "O"), None, radial_elements=("O",)),
    "angular alone": SymmetryFunctions(elements=("H",), cutoff=4.0, radial=(), angular=spectrum(3)),
    "polynomial7": made(("Si",), spectrum(3), cutoff_function="polynomial7"),
    "tanh_cubed": made(("Si",), spectrum(3), cutoff_function="tanh_cubed"),
}


def neighbourhood(of: SymmetryFunctions, atoms: int = 11, slots: int = 21) -> tuple[np.ndarray, ...]:
    """Vectors (N, 3, K) Å, some of them beyond the cutoff, with the elements of neighbours and atoms."""
    random = np.random.default_rng(0)
    directions = random.normal(size=(atoms, 3, slots))
    vectors = (
        directions / np.linalg.norm(directions, axis=1, keepdims=True) * random.uniform(0.9, 4.6, (atoms, 1, slots))
    )
    kinds = len(of.elements)
    return vectors, random.integers(0, kinds, (atoms, slots)), random.integers(0, kinds, atoms)


def in_torch(
    of: SymmetryFunctions, given: tuple[np.ndarray, ...], dE_dG: np.ndarray, dtype: str
) -> tuple[np.ndarray, ...]:
    vectors, others, species = given
    geometry = of.geometry(torch.tensor(vectors.astype(dtype)), torch.tensor(others), torch.tensor(species))
    seeds = torch.tensor(dE_dG.astype(dtype))
    return of.values(geometry).numpy(), of.adjoint(geometry, seeds).numpy()


def compiled(
    of: SymmetryFunctions, given: tuple[np.ndarray, ...], dE_dG: np.ndarray, dtype: str
) -> tuple[np.ndarray, ...]:
    vectors, others, species = given
    ready = functions.of(of.to_dict(), dtype)
    values, kept = ready.values(vectors.astype(dtype), others, species)
    return values, ready.adjoint(vectors.astype(dtype), others, species, kept, dE_dG.astype(dtype))


@pytest.mark.parametrize("name", DEFINITIONS)
def test_both_ways_agree(name: str) -> None:
    of = DEFINITIONS[name]
    given = neighbourhood(of)
    dE_dG = np.random.default_rng(1).normal(size=(len(given[0]), of.size))
    expected = in_torch(of, given, dE_dG, "float64")
    for found, exact in zip(compiled(of, given, dE_dG, "float64"), expected, strict=True):
        assert np.abs(found - exact).max() < 1e-12 * np.abs(exact).max()


@pytest.mark.parametrize("name", ["one element, four-body", "three elements, four-body", "element channels", "wide"])
def test_single_precision_is_as_exact_as_the_graph(name: str) -> None:
    of = DEFINITIONS[name]
    given = neighbourhood(of, atoms=64)
    given = (given[0].astype(np.float32), *given[1:])
    dE_dG = np.random.default_rng(1).normal(size=(len(given[0]), of.size)).astype(np.float32)
    exact = in_torch(of, given, dE_dG, "float64")

    def errors(found: tuple[np.ndarray, ...]) -> list[float]:
        return [float(np.sqrt(((one - other) ** 2).mean())) for one, other in zip(found, exact, strict=True)]

    ours, theirs = (errors(way(of, given, dE_dG, "float32")) for way in (compiled, in_torch))
    assert ours[0] < 1.1 * theirs[0]
    assert ours[1] < 1.1 * theirs[1]


@pytest.mark.parametrize("name", ["three elements, four-body", "element channels", "wide"])
def test_the_adjoint_is_the_derivative(name: str) -> None:
    of = DEFINITIONS[name]
    vectors, others, species = neighbourhood(of, atoms=3)
    random = np.random.default_rng(2)
    dE_dG, direction, step = random.normal(size=(3, of.size)), random.normal(size=vectors.shape), 1e-6
    ready = functions.of(of.to_dict(), "float64")
    up, down = (ready.values(vectors + s * step * direction, others, species)[0] for s in (1.0, -1.0))
    _, kept = ready.values(vectors, others, species)
    g = ready.adjoint(vectors, others, species, kept, dE_dG)
    assert (g * direction).sum() == pytest.approx(((up - down) * dE_dG).sum() / (2.0 * step), rel=1e-6)


def test_padding_changes_nothing() -> None:
    of = DEFINITIONS["three elements, four-body"]
    given = neighbourhood(of)
    vectors, others, species = given
    far = np.zeros((len(vectors), 3, 5))
    far[:, 0] = 8.0
    padded = np.concatenate([vectors, far], 2), np.concatenate([others, np.full((len(others), 5), 2)], 1), species
    dE_dG = np.random.default_rng(1).normal(size=(len(vectors), of.size))
    one, other = (compiled(of, each, dE_dG, "float64") for each in (given, padded))
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1][:, :, :-5])
    assert (other[1][:, :, -5:] == 0.0).all()


def test_an_atom_does_not_depend_on_those_beside_it() -> None:
    of = DEFINITIONS["one element, four-body"]
    vectors, others, species = neighbourhood(of)
    dE_dG = np.random.default_rng(1).normal(size=(len(vectors), of.size))
    together = compiled(of, (vectors, others, species), dE_dG, "float64")
    rows = slice(3, 8)
    alone = compiled(of, (vectors[rows], others[rows], species[rows]), dE_dG[rows], "float64")
    for found, expected in zip(alone, together, strict=True):
        np.testing.assert_array_equal(found, expected[rows])


def test_what_has_no_compiled_form_is_left_to_the_graph() -> None:
    polynomials = tuple(Chebyshev(order=order) for order in range(3))
    chebyshev = SymmetryFunctions(elements=("H",), cutoff=4.0, radial=polynomials)
    angular = made(("H",), ChebyshevAngular(channels=CHANNELS))
    pairs = made(("H", "O"), spectrum(2), angular_pairs=(("H", "O"),))
    other = made(("H",), spectrum(2), cutoff_function="cosine_squared")
    assert not any(choice.known(of.to_dict()) for of in (chebyshev, angular, pairs, other))
    assert choice.known(DEFINITIONS["wide"].to_dict())
