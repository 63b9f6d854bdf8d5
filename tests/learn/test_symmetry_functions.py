"""Symmetry functions against direct double sums, their adjoint against autograd, and their jvp as its transpose."""

import itertools

import numpy as np
import pytest
import torch
from numpy.polynomial import chebyshev, legendre

from nnp.core import harmonics
from nnp.learn import cutoff, symmetry_functions
from nnp.learn.angular import ChebyshevAngular, PowerSpectrum, WideAngular
from nnp.learn.four_body import FourBody
from nnp.learn.radial import Chebyshev, Radial
from nnp.learn.symmetry_functions import SymmetryFunctions

RADIAL = (Radial(), Radial(eta=0.1), Radial(eta=0.5, shift=1.5))
POLYNOMIALS = tuple(Chebyshev(order=order) for order in (0, 1, 2, 5))
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
    "chebyshev": ChebyshevAngular(order=5),
    "chebyshev, own groups": ChebyshevAngular(channels=POLYNOMIALS[:2], order=3, cross=False),
    "spectrum of polynomials": PowerSpectrum(channels=POLYNOMIALS, l_max=2),
    "four-body": PowerSpectrum(channels=CHANNELS, l_max=4, cross=False, four_body=FourBody(l_max=3)),
}


def polynomial(powers: np.ndarray, x: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(sum(float(factor) * x**k for k, factor in enumerate(powers)))


def radial_part(functions: SymmetryFunctions, g: Radial | Chebyshev, r: torch.Tensor) -> torch.Tensor:
    fc, _ = cutoff.cutoff(functions.cutoff_function, r, functions.cutoff)
    if isinstance(g, Radial):
        return torch.exp(-g.eta * (r - g.shift) ** 2) * fc
    return polynomial(chebyshev.cheb2poly([0.0] * g.order + [1.0]), 2 * r / functions.cutoff - 1) * fc


def angle_functions(
    angular: WideAngular | PowerSpectrum | ChebyshevAngular, cosine: torch.Tensor
) -> list[torch.Tensor]:
    """The functions of the angle, each with the factor that it has in a sum over ordered pairs of one group."""
    if isinstance(angular, ChebyshevAngular):
        return [polynomial(chebyshev.cheb2poly([0.0] * n + [1.0]), cosine) / 2 for n in range(angular.order + 1)]
    if isinstance(angular, WideAngular):
        grid = itertools.product(angular.zetas, angular.lambdas)
        return [2.0 ** (1 - zeta) * (1 + sign * cosine) ** zeta / 2 for zeta, sign in grid]
    return [polynomial(legendre.leg2poly([0.0] * degree + [1.0]), cosine) for degree in range(angular.l_max + 1)]


def directly(functions: SymmetryFunctions, vectors: torch.Tensor, species: torch.Tensor) -> torch.Tensor:
    """G from the defining sums over neighbours and pairs of neighbours, j != k."""
    r = vectors.norm(dim=1)
    weights = torch.tensor(functions.element_channels or np.eye(len(functions.elements)), dtype=torch.float64)[
        :, species
    ]
    result = [(radial_part(functions, g, r) * weight).sum(1) for weight in weights for g in functions.radial]
    angular = functions.angular
    if angular is None:
        return torch.stack(result, 1)
    unit = vectors / r[:, None]
    cosine = torch.einsum("nxj,nxk->njk", unit, unit)
    others = 1.0 - torch.eye(vectors.shape[2])
    channels = [radial_part(functions, g, r) * weight for weight in weights for g in angular.channels]
    sums = []
    for a, b in angular.pairs(len(weights)):
        same = a // len(angular.channels) == b // len(angular.channels)
        products = channels[a][:, :, None] * channels[b][:, None, :]
        spectrum = isinstance(angular, PowerSpectrum)
        without_self = not spectrum or angular.self_sums == "subtract"
        apart = others if without_self and (same or functions.element_channels is not None) else 1.0
        factor = 1.0 if same or spectrum else 2.0
        result += [(f * factor * products * apart).sum((1, 2)) for f in angle_functions(angular, cosine)]
        if same:
            sums.append((channels[a] * channels[b]).sum(1))
    result += sums if angular.appends_self_sums else []
    if isinstance(angular, PowerSpectrum) and angular.four_body is not None:
        result += triple_sums(angular.four_body, torch.stack(channels, 1), unit)
    return torch.stack(result, 1)


def triple_sums(part: FourBody, channels: torch.Tensor, unit: torch.Tensor) -> list[torch.Tensor]:
    """Σ R R' R'' F(u, u', u'') over all triples of neighbours, F = <P_l1(n·u) P_l2(n·u') P_l3(n·u'')>.

    The mean over directions n is a product rule on the sphere. F is divided by its value at u = u' = u''.
    """
    z, weights = np.polynomial.legendre.leggauss(10)
    phi = 2 * np.pi * np.arange(20) / 20
    plane = np.sqrt(1 - z**2)
    n = torch.tensor(np.stack([np.outer(plane, np.cos(phi)), np.outer(plane, np.sin(phi)), np.outer(z, phi * 0 + 1)]))
    weights = torch.tensor(np.repeat(weights / 40, 20))
    cosine = torch.einsum("xd,nxj->ndj", n.flatten(1), unit)
    rows = channels if part.mixtures is None else torch.tensor(part.mixtures, dtype=torch.float64) @ channels
    result = []
    for k in range(rows.shape[1]):
        for degrees in harmonics.triples(part.l_max):
            powers = [legendre.leg2poly([0.0] * degree + [1.0]) for degree in degrees]
            sums = [(polynomial(p, cosine) * rows[:, k : k + 1]).sum(-1) for p in powers]
            whole = np.polynomial.Polynomial(powers[0]) * np.polynomial.Polynomial(powers[1])
            integral = (whole * np.polynomial.Polynomial(powers[2])).integ()
            result.append((sums[0] * sums[1] * sums[2] * weights).sum(-1) / (0.5 * (integral(1) - integral(-1))))
    return result


def neighbours(n_elements: int, atoms: int = 4, slots: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    vectors = torch.randn((atoms, 3, slots), generator=generator, dtype=torch.float64) * 1.8
    vectors[:, :, -1] = torch.tensor([8.0, 0.0, 0.0])  # a padded slot
    return vectors, torch.randint(0, n_elements, (atoms, slots), generator=generator)


WEIGHTS = ((1.0, 1.0, 1.0), (-1.0, 0.3, 2.0))


@pytest.mark.parametrize(
    ("elements", "weights"),
    [(("Si",), None), (("Ti", "O"), None), (("H", "C", "N"), None), (("H", "C", "N"), WEIGHTS)],
    ids=["1", "2", "3", "weighted"],
)
@pytest.mark.parametrize("name", ANGULAR)
def test_values_are_the_defining_sums_and_the_adjoint_is_their_gradient(
    name: str, elements: tuple[str, ...], weights: tuple[tuple[float, ...], ...] | None
) -> None:
    gaussians = "polynomials" not in name
    functions = SymmetryFunctions(
        elements=elements,
        cutoff=4.0,
        radial=RADIAL if gaussians else POLYNOMIALS,
        angular=ANGULAR[name],
        element_channels=weights,
    )
    vectors, species = neighbours(len(elements))
    assert SymmetryFunctions.from_dict(functions.to_dict()) == functions
    assert len(set(functions.names())) == functions.size
    vectors.requires_grad_()
    expected = directly(functions, vectors, species)
    geometry = symmetry_functions.geometry(functions, vectors, species)
    values = symmetry_functions.values(functions, geometry)
    assert values.shape == (4, functions.size)
    torch.testing.assert_close(values, expected, rtol=1e-12, atol=1e-12)

    seeds = torch.randn((2, *values.shape), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    gradient = symmetry_functions.adjoint(functions, geometry, seeds)
    for seed, found in zip(seeds, gradient, strict=True):
        (by_autograd,) = torch.autograd.grad((expected * seed).sum(), vectors, retain_graph=True)
        torch.testing.assert_close(found, by_autograd, rtol=1e-11, atol=1e-11)
        assert torch.equal(found[:, :, -1], torch.zeros(4, 3, dtype=torch.float64))

    displacement = torch.randn((2, 4, 3, 9), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    change = symmetry_functions.jvp(functions, geometry, displacement)
    torch.testing.assert_close((change * seeds).sum(), (gradient * displacement).sum(), rtol=1e-11, atol=1e-11)
    one = symmetry_functions.jvp(functions, geometry, displacement[0])
    torch.testing.assert_close(one, change[0], rtol=1e-12, atol=1e-12)


def mixed(n_channels: int) -> FourBody:
    random = np.random.default_rng(5)
    return FourBody(l_max=4, mixtures=tuple(tuple(row) for row in random.normal(size=(4, n_channels)).tolist()))


def test_mixtures_of_channels_and_elements() -> None:
    part = PowerSpectrum(channels=CHANNELS, l_max=4, four_body=mixed(6))
    functions = SymmetryFunctions(elements=("Ti", "O"), cutoff=4.0, radial=RADIAL, angular=part)
    vectors, species = neighbours(2)
    vectors.requires_grad_()
    expected = directly(functions, vectors, species)
    geometry = symmetry_functions.geometry(functions, vectors, species)
    torch.testing.assert_close(symmetry_functions.values(functions, geometry), expected, rtol=1e-12, atol=1e-12)
    weights = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (by_autograd,) = torch.autograd.grad((expected * weights).sum(), vectors)
    found = symmetry_functions.adjoint(functions, geometry, weights)
    torch.testing.assert_close(found, by_autograd, rtol=1e-11, atol=1e-11)
    assert SymmetryFunctions.from_dict(functions.to_dict()) == functions
    assert len(set(functions.names())) == functions.size == expected.shape[1]


@pytest.mark.parametrize("l_max", [2, 3, 4])
def test_the_simplest_coupling_is_the_known_one(l_max: int) -> None:
    """F_112(u, v, w) = (3 (u·w)(v·w) - u·v) / 2."""
    assert harmonics.triples(l_max)[0] == (1, 1, 2)
    u, v, w = (x / np.linalg.norm(x) for x in np.random.default_rng(l_max).normal(size=(3, 3)))
    harmonic = [np.prod(x ** np.array(harmonics.exponents(2)), axis=1) @ harmonics.harmonics(2) for x in (u, v, w)]
    found = np.einsum("ijk,i,j,k", harmonics.coupling(1, 1, 2), harmonic[0][1:4], harmonic[1][1:4], harmonic[2][4:])
    assert found == pytest.approx((3 * (u @ w) * (v @ w) - u @ v) / 2, abs=1e-14)


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


def test_the_number_of_functions_with_channels_does_not_depend_on_the_elements() -> None:
    part, sizes = PowerSpectrum(channels=CHANNELS, l_max=4), set()
    for elements in (("H", "C"), ("H", "C", "N", "O", "F")):
        weights = ((1.0,) * len(elements), tuple(range(len(elements))))
        functions = SymmetryFunctions(
            elements=elements, cutoff=4.0, radial=RADIAL, angular=part, element_channels=weights
        )
        sizes.add(functions.size)
    assert len(sizes) == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"elements": ()}, "elements"),
        ({"elements": ("Si", "Si")}, "elements"),
        ({"cutoff": 0.0}, "cutoff must be positive"),
        ({"cutoff_function": "step"}, "unknown cutoff function 'step'"),
        ({"radial": ()}, "at least one"),
        ({"radial": (Radial(), Chebyshev(order=1))}, "all Gaussians or all Chebyshev"),
        ({"element_channels": ((1.0, 2.0),)}, "rows of 1 weights"),
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
    with pytest.raises(ValueError, match="from 2 to 4"):
        FourBody(l_max=1)
    with pytest.raises(ValueError, match="above 2"):
        PowerSpectrum(channels=CHANNELS, l_max=2, four_body=FourBody(l_max=3))
    part = PowerSpectrum(channels=CHANNELS, four_body=mixed(6))
    with pytest.raises(ValueError, match="weigh 6 channels, there are 3"):
        SymmetryFunctions(elements=("Si",), cutoff=4.0, radial=(), angular=part)
    with pytest.raises(ValueError, match="order must be from 0 to 8"):
        ChebyshevAngular(order=9)
    with pytest.raises(ValueError, match="from 0 to 20"):
        Chebyshev(order=21)
    with pytest.raises(ValueError, match="eta >= 0"):
        Radial(eta=-1.0)
