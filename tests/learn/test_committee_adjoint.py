"""The members' adjoint equals that of `symmetry_functions`, for every kind of function and several elements."""

import numpy as np
import pytest
import torch

from nnp.core import neighbours
from nnp.core.structure import Structure
from nnp.learn import committee_adjoint, symmetry_functions
from nnp.learn.angular import Angular, ChebyshevAngular, PowerSpectrum, WideAngular
from nnp.learn.four_body import FourBody
from nnp.learn.radial import Chebyshev, Radial

CHANNELS = (Radial(eta=0.5, shift=1.0), Radial(eta=0.3, shift=2.5))
ELEMENTS = ("O", "Si", "Ti")


@pytest.mark.parametrize(
    ("elements", "weights"), [(ELEMENTS, None), (("Si",), None), (ELEMENTS, ((1.0, 1.0, 1.0), (2.0, -0.5, 0.3)))]
)
@pytest.mark.parametrize(
    "part",
    [
        None,
        PowerSpectrum(channels=CHANNELS, l_max=3, self_sums="append"),
        PowerSpectrum(channels=CHANNELS, l_max=3, self_sums="subtract", cross=False),
        PowerSpectrum(channels=CHANNELS[:1], l_max=0, self_sums="none"),
        PowerSpectrum(channels=CHANNELS, l_max=4, four_body=FourBody(l_max=3)),
        ChebyshevAngular(channels=(Chebyshev(order=0), Chebyshev(order=3)), order=2),
        WideAngular(channels=CHANNELS, zetas=(1, 2, 4), lambdas=(-1, 1)),
    ],
)
def test_equal_to_the_plain_adjoint_and_its_transpose(
    elements: tuple[str, ...], weights: tuple[tuple[float, ...], ...] | None, part: Angular | None
) -> None:
    random = np.random.default_rng(3)
    symbols = tuple(random.choice(elements, size=7))
    structures = [Structure.from_symbols(symbols, random.uniform(0, 5, (7, 3)), np.eye(3) * 5, True) for _ in range(2)]
    functions = symmetry_functions.SymmetryFunctions(
        elements=elements,
        cutoff=4.0,
        radial=(Radial(eta=1.0, shift=2.0), Radial()),
        angular=part,
        element_channels=weights,
    )
    table = neighbours.neighbour_table(structures, 4.0)
    species = np.array([elements.index(s) for s in symbols] * 2)
    geometry = symmetry_functions.geometry(
        functions, torch.from_numpy(table.vectors), torch.from_numpy(table.neighbour_species(species))
    )
    kept = committee_adjoint.keep(functions, geometry)
    seeds = torch.from_numpy(random.normal(size=(3, len(table), functions.size)))
    moves = torch.from_numpy(random.normal(size=(3, *table.vectors.shape)))
    pairs = committee_adjoint.adjoint(functions, kept, seeds.transpose(0, 1).contiguous())
    changes = committee_adjoint.jvp(functions, kept, moves.transpose(0, 1).contiguous())
    expected = symmetry_functions.adjoint(functions, geometry, seeds)
    torch.testing.assert_close(pairs.transpose(0, 1), expected, rtol=1e-11, atol=1e-11)
    expected = symmetry_functions.jvp(functions, geometry, moves)
    torch.testing.assert_close(changes.transpose(0, 1), expected, rtol=1e-11, atol=1e-11)
