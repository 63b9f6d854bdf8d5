"""Symmetry functions against direct double sums, their adjoint against autograd, and their jvp as its transpose."""

import itertools

import numpy as np
import pytest
import torch
from numpy.polynomial import legendre

from nnp.learn import cutoff, symmetry_functions
from nnp.learn.angular import PowerSpectrum, WideAngular
from nnp.learn.radial import Radial
from nnp.learn.symmetry_functions import SymmetryFunctions

RADIAL = (Radial(), Radial(eta=0.1), Radial(eta=0.5, shift=1.5))
CHANNELS = (Radial(eta=0.05), Radial(eta=0.4, shift=1.0), Radial(eta=1.0, shift=2.0))
ANGULAR = {
    "none": None,
    "wide": WideAngular(channels=CHANNELS, zetas=(1, 2, 4, 8)),
    "wide, one sign": WideAngular(channels=CHANNELS[:1], zetas=(3,), lambdas=(-1,)),
    **{
        f"spectrum {l_max} {cross} {self_sums}": PowerSpectrum(
            channels=CHANNELS, l_max=l_max, cross=cross, self_sums=self_sums
        )
        for l_max, cross, self_sums in itertools.product((0, 3), (True, False), ("append", "subtract", "none"))
    },
}


def directly(functions: SymmetryFunctions, vectors: torch.Tensor, species: torch.Tensor) -> torch.Tensor:
    """G from the defining sums over neighbours and pairs of neighbours, j != k."""
    r = vectors.norm(dim=1)
    fc, _ = cutoff.cutoff(functions.cutoff_function, r, functions.cutoff)
    n_elements = len(functions.elements)

    def channel(g: Radial, element: int) -> torch.Tensor:
        return torch.exp(-g.eta * (r - g.shift) ** 2) * fc * (species == element)

    result = [channel(g, e).sum(1) for e in range(n_elements) for g in functions.radial]
    angular = functions.angular
    if angular is None:
        return torch.stack(result, 1)
    unit = vectors / r[:, None]
    cosine = torch.einsum("nxj,nxk->njk", unit, unit)
    different = 1.0 - torch.eye(vectors.shape[2])
    by_channel = [channel(g, e) for e in range(n_elements) for g in angular.channels]
    sums = []
    for a, b in angular.pairs(n_elements):
        same = a // len(angular.channels) == b // len(angular.channels)
        products = by_channel[a][:, :, None] * by_channel[b][:, None, :]
        if isinstance(angular, WideAngular):
            for zeta, sign in itertools.product(angular.zetas, angular.lambdas):
                terms = 2.0 ** (1 - zeta) * (1 + sign * cosine) ** zeta * products
                result.append((terms * different).sum((1, 2)) / 2 if same else terms.sum((1, 2)))
            continue
        for degree in range(angular.l_max + 1):
            powers = legendre.leg2poly([0.0] * degree + [1.0])
            terms = sum(factor * cosine**k for k, factor in enumerate(powers)) * products
            result.append((terms * different if same and angular.self_sums == "subtract" else terms).sum((1, 2)))
        if same:
            sums.append((by_channel[a] * by_channel[b]).sum(1))
    return torch.stack(result + (sums if angular.appends_self_sums else []), 1)


def neighbours(n_elements: int, atoms: int = 4, slots: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    vectors = torch.randn((atoms, 3, slots), generator=generator, dtype=torch.float64) * 1.8
    vectors[:, :, -1] = torch.tensor([8.0, 0.0, 0.0])  # a padded slot
    return vectors, torch.randint(0, n_elements, (atoms, slots), generator=generator)


@pytest.mark.parametrize("elements", [("Si",), ("Ti", "O"), ("H", "C", "N")], ids=len)
@pytest.mark.parametrize("name", ANGULAR)
def test_values_are_the_defining_sums_and_the_adjoint_is_their_gradient(name: str, elements: tuple[str, ...]) -> None:
    functions = SymmetryFunctions(elements=elements, cutoff=4.0, radial=RADIAL, angular=ANGULAR[name])
    vectors, species = neighbours(len(elements))
    vectors.requires_grad_()
    expected = directly(functions, vectors, species)
    geometry = symmetry_functions.geometry(functions, vectors, species)
    values = symmetry_functions.values(functions, geometry)
    assert values.shape == (4, functions.size)
    torch.testing.assert_close(values, expected, rtol=1e-12, atol=1e-12)

    weights = torch.randn((2, *values.shape), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    gradient = symmetry_functions.adjoint(functions, geometry, weights)
    for weight, found in zip(weights, gradient, strict=True):
        (by_autograd,) = torch.autograd.grad((expected * weight).sum(), vectors, retain_graph=True)
        torch.testing.assert_close(found, by_autograd, rtol=1e-11, atol=1e-11)
        assert torch.equal(found[:, :, -1], torch.zeros(4, 3, dtype=torch.float64))

    displacement = torch.randn((2, 4, 3, 9), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    change = symmetry_functions.jvp(functions, geometry, displacement)
    torch.testing.assert_close((change * weights).sum(), (gradient * displacement).sum(), rtol=1e-11, atol=1e-11)
    one = symmetry_functions.jvp(functions, geometry, displacement[0])
    torch.testing.assert_close(one, change[0], rtol=1e-12, atol=1e-12)


def test_the_subtracted_power_spectrum_spans_every_wide_function() -> None:
    vectors, species = neighbours(2, atoms=60)
    wide = SymmetryFunctions(
        elements=("Ti", "O"), cutoff=4.0, radial=(), angular=WideAngular(channels=CHANNELS, zetas=(1, 2, 3, 4))
    )
    spectrum = SymmetryFunctions(
        elements=("Ti", "O"),
        cutoff=4.0,
        radial=(),
        angular=PowerSpectrum(channels=CHANNELS, l_max=4, cross=False, self_sums="subtract"),
    )
    target, inputs = (
        symmetry_functions.values(f, symmetry_functions.geometry(f, vectors, species)).numpy() for f in (wide, spectrum)
    )
    solution = np.linalg.lstsq(inputs, target, rcond=None)[0]
    np.testing.assert_allclose(inputs @ solution, target, atol=1e-10)


def test_self_sums_are_what_a_plain_power_spectrum_lacks() -> None:
    vectors, species = neighbours(1, atoms=60)
    found = {}
    for self_sums in ("append", "none"):
        part = PowerSpectrum(channels=CHANNELS[:1], l_max=4, self_sums=self_sums)
        functions = SymmetryFunctions(elements=("Si",), cutoff=4.0, radial=(), angular=part)
        geometry = symmetry_functions.geometry(functions, vectors, species)
        found[self_sums] = symmetry_functions.values(functions, geometry).numpy()
    functions = SymmetryFunctions(
        elements=("Si",), cutoff=4.0, radial=(), angular=WideAngular(channels=CHANNELS[:1], zetas=(2,), lambdas=(1,))
    )
    target = symmetry_functions.values(functions, symmetry_functions.geometry(functions, vectors, species)).numpy()
    residual = {
        key: np.abs(inputs @ np.linalg.lstsq(inputs, target, rcond=None)[0] - target).max() / target.std()
        for key, inputs in found.items()
    }
    assert residual["append"] < 1e-10
    assert residual["none"] > 1e-3


def test_float32_agrees_with_float64() -> None:
    functions = SymmetryFunctions(elements=("Ti", "O"), cutoff=4.0, radial=RADIAL, angular=ANGULAR["wide"])
    vectors, species = neighbours(2)
    double, single = (
        symmetry_functions.values(functions, symmetry_functions.geometry(functions, v, species))
        for v in (vectors, vectors.float())
    )
    torch.testing.assert_close(single.double(), double, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", ANGULAR)
def test_the_definition_survives_json(name: str) -> None:
    functions = SymmetryFunctions(elements=("Ti", "O"), cutoff=4.0, radial=RADIAL, angular=ANGULAR[name])
    assert SymmetryFunctions.from_dict(functions.to_dict()) == functions
    assert len(set(functions.names())) == functions.size


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"elements": ()}, "elements"),
        ({"elements": ("Si", "Si")}, "elements"),
        ({"cutoff": 0.0}, "cutoff must be positive"),
        ({"cutoff_function": "step"}, "unknown cutoff function 'step'"),
        ({"radial": ()}, "at least one"),
    ],
)
def test_a_definition_that_cannot_work_is_refused(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SymmetryFunctions(**{"elements": ("Si",), "cutoff": 4.0, "radial": RADIAL, **fields})


def test_angular_parameters_are_checked() -> None:
    with pytest.raises(ValueError, match="zeta must be an integer"):
        WideAngular(channels=CHANNELS, zetas=(9,))
    with pytest.raises(ValueError, match="lambda must be"):
        WideAngular(channels=CHANNELS, lambdas=(0,))
    with pytest.raises(ValueError, match="l_max"):
        PowerSpectrum(channels=CHANNELS, l_max=-1)
    with pytest.raises(ValueError, match="self_sums"):
        PowerSpectrum(channels=CHANNELS, self_sums="some")
    with pytest.raises(ValueError, match="eta >= 0"):
        Radial(eta=-1.0)
