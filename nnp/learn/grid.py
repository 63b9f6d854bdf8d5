"""Automatic parameters of the symmetry functions from the distances and angles of the data set (paper, section 3.1)."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from nnp.core import errors, neighbours, recipe
from nnp.core.function_recipe import (
    Automatic,
    ChebyshevGrid,
    ExplicitFunctions,
    FourBody,
    PowerSpectrumGrid,
    WideAngularGrid,
)
from nnp.learn import (
    angular,
    cutoff,
    descriptor,
    element_channels,
    element_tuples,
    exponents,
    four_body,
    radial,
    symmetry_functions,
)

FREQUENT = 0.5
"""Share of the placement that follows the frequency of distances; the rest is even, so that no range is left blind."""
LAST_SHIFT = 0.92
"""The outermost function sits at this fraction of the cutoff: beyond it the cutoff function leaves little to see."""
CHANNELS = {1: 5, 2: 4, 3: 3}
"""Radial channels of the power spectrum by number of elements (2 for more): the inputs grow with their square."""
DEGREES = {1: 5, 2: 4}
"""Highest angular momentum of the power spectrum by number of elements (3 for more)."""


def symmetry_functions_for(
    wanted: recipe.Recipe, elements: Sequence[str], table: neighbours.NeighbourTable
) -> descriptor.Descriptor:
    """The symmetry functions that a recipe means on a data set.

    Args:
        wanted: the recipe.
        elements: chemical symbols of the data set, in the order of the species numbers.
        table: neighbours of the training structures within the recipe's cutoff.

    Raises:
        RecipeError: explicit functions are malformed, or for other elements or another cutoff than the data and recipe.
        InputError: no two atoms of the data are within the cutoff.
    """
    grid = wanted.symmetry_functions
    if isinstance(grid, ExplicitFunctions):
        return _explicit(grid, wanted, elements)
    found = distances(table)
    if len(found) == 0:
        raise errors.InputError(f"no two atoms of the data are within the cutoff of {wanted.cutoff} Å")
    wanted_channels = grid.channels_of(len(elements))
    weights = None if wanted_channels is None else element_channels.weighted(elements, wanted_channels.count)
    groups = len(elements) if weights is None else len(weights)
    gaussian, part = _parts(grid, wanted, table, found, groups)
    functions = symmetry_functions.SymmetryFunctions(
        elements=tuple(elements),
        cutoff=wanted.cutoff,
        cutoff_function=wanted.cutoff_function,
        radial=gaussian,
        angular=part,
        element_channels=weights,
    )
    tuples = grid.element_tuples
    return functions if tuples is None else element_tuples.chosen(functions, tuples, wanted.centres)


def _parts(
    grid: Automatic,
    wanted: recipe.Recipe,
    table: neighbours.NeighbourTable,
    found: npt.NDArray[np.float64],
    groups: int,
) -> tuple[tuple[radial.Channel, ...], angular.Angular]:
    """Radial and angular functions of an automatic choice."""
    if isinstance(grid, ChebyshevGrid):
        orders = [radial.Chebyshev(order=order) for order in range(max(grid.radial, grid.channels))]
        channels: tuple[radial.Channel, ...] = tuple(orders[: grid.channels])
        part = angular.ChebyshevAngular(channels=channels, order=grid.angular - 1)
        return tuple(orders[: grid.radial]), part
    assert isinstance(grid, PowerSpectrumGrid | WideAngularGrid)
    even = grid.placement == "uniform"
    gaussian = gaussians(grid.radial, found, wanted.cutoff, even=even)
    if isinstance(grid, WideAngularGrid):
        zetas, lambdas = grid.zetas, tuple(sorted(set(grid.lambdas)))
        return gaussian, angular.WideAngular(
            channels=gaussians(grid.channels, found, wanted.cutoff, even=even),
            zetas=exponents.exponents(table, wanted, zetas, lambdas)
            if isinstance(zetas, int)
            else tuple(sorted(set(zetas))),
            lambdas=lambdas,
        )
    count = grid.channels if grid.channels is not None else CHANNELS.get(groups, 2)
    degree = grid.l_max if grid.l_max is not None else DEGREES.get(groups, 3)
    placed, triples = gaussians(count, found, wanted.cutoff, even=even), None
    if grid.four_body is not None:
        triples = _four_body(grid.four_body, placed, groups, found, wanted)
        degree = max(degree, grid.four_body.l_max)
    return gaussian, angular.PowerSpectrum(channels=placed, l_max=degree, self_sums=grid.self_sums, four_body=triples)


def distances(table: neighbours.NeighbourTable) -> npt.NDArray[np.float64]:
    """All distances of a neighbour table, Å, in ascending order; each pair counts from both sides."""
    lengths = np.linalg.norm(table.vectors.astype(np.float64), axis=1)
    return np.sort(lengths[table.valid])


def gaussians(
    count: int, found: npt.NDArray[np.float64], cutoff: float, *, even: bool = False
) -> tuple[radial.Radial, ...]:
    """Place Gaussians between the shortest distance and the cutoff, densely where distances are frequent.

    Positions are the mean of quantiles of the radial distribution (distances weighted by 1/r², the shell's area) and
    of an even grid; each width is the spacing to the neighbouring positions.

    Args:
        count: number of Gaussians.
        found: distances in ascending order, Å.
        cutoff: Å.
        even: leave the distribution aside.
    """
    grid = np.linspace(found[0], LAST_SHIFT * cutoff, count)
    if count == 1:
        return (radial.Radial(eta=float(2.0 / cutoff**2), shift=0.0),)
    if not even:
        weight = np.cumsum(found**-2.0)
        quantiles = np.interp((np.arange(count) + 0.5) / count, weight / weight[-1], found)
        grid = FREQUENT * quantiles + (1.0 - FREQUENT) * grid
    widths = np.gradient(grid)
    return tuple(
        radial.Radial(eta=round(float(0.5 / width**2), 6), shift=round(float(shift), 6))
        for shift, width in zip(grid, widths, strict=True)
    )


def _four_body(
    grid: FourBody,
    channels: Sequence[radial.Radial],
    groups: int,
    found: npt.NDArray[np.float64],
    wanted: recipe.Recipe,
) -> four_body.FourBody:
    """Mixtures in which every channel has about the same share: orthogonal random rows over the channels' sizes."""
    if grid.mixtures is None:
        return four_body.FourBody(l_max=grid.l_max)
    r = torch.from_numpy(found)
    fc, _ = cutoff.cutoff(wanted.cutoff_function, r, wanted.cutoff)
    values = radial.gaussians(channels, r[None, None, :])[0] * fc
    size = np.tile(torch.sqrt((values * values).mean(1)).numpy(), groups)
    random, rows = np.random.default_rng(0), np.zeros((0, len(size)))
    while len(rows) < grid.mixtures:
        rows = np.concatenate([rows, np.linalg.qr(random.normal(size=(len(size), len(size))))[0]])
    weights = rows[: grid.mixtures] / size * size.mean()
    return four_body.FourBody(l_max=grid.l_max, mixtures=tuple(tuple(row) for row in weights.round(6).tolist()))


def _explicit(given: ExplicitFunctions, wanted: recipe.Recipe, elements: Sequence[str]) -> descriptor.Descriptor:
    field = "symmetry_functions.definition"
    try:
        functions = descriptor.from_dict(given.definition)
    except (KeyError, TypeError, ValueError) as error:
        raise errors.RecipeError(field=field, reason=f"not a definition of symmetry functions: {error}") from error
    if functions.elements != tuple(elements):
        raise errors.RecipeError(
            field=f"{field}.elements",
            reason=f"{', '.join(functions.elements)} do not equal the data's elements {', '.join(elements)}",
        )
    if functions.cutoff != wanted.cutoff:
        raise errors.RecipeError(
            field=f"{field}.cutoff", reason=f"{functions.cutoff} Å differs from the recipe's {wanted.cutoff} Å"
        )
    return functions
