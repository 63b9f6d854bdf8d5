"""Chosen pairs and triples of elements: the same numbers as all functions, without the columns that are left out."""

import numpy as np
import pytest
import torch

from nnp.core import errors
from nnp.core.function_recipe import ElementChannels, ElementTuples, PowerSpectrumGrid
from nnp.learn import descriptor, element_tuples
from nnp.learn.angular import PowerSpectrum, WideAngular
from nnp.learn.four_body import FourBody
from nnp.learn.radial import Radial
from nnp.learn.symmetry_functions import SymmetryFunctions

ELEMENTS = ("Li", "O", "P")
CHANNELS = (Radial(eta=0.4), Radial(eta=1.0, shift=1.5))
TUPLES = ElementTuples(
    radial=(("Li", "O"), ("Li", "Li"), ("O", "P"), ("P", "O")),
    angular=(("O", "Li", "O"), ("O", "P", "O"), ("Li", "P", "O")),
)


def functions(part: PowerSpectrum | WideAngular) -> SymmetryFunctions:
    return SymmetryFunctions(elements=ELEMENTS, cutoff=4.0, radial=CHANNELS, angular=part)


@pytest.mark.parametrize(
    "part",
    [
        PowerSpectrum(channels=CHANNELS, l_max=2),
        PowerSpectrum(channels=CHANNELS, l_max=2, self_sums="subtract", four_body=FourBody(l_max=2)),
        WideAngular(channels=CHANNELS, zetas=(1, 2)),
    ],
)
def test_the_rest_is_as_without_a_choice(part: PowerSpectrum | WideAngular) -> None:
    every, some = functions(part), element_tuples.chosen(functions(part), TUPLES)
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn((9, 3, 7), generator=generator, dtype=torch.float64) * 1.6
    kinds, species = torch.randint(0, 3, (9, 7), generator=generator), torch.arange(9) % 3
    full = every.values(every.geometry(vectors, kinds, species))
    geometry = some.geometry(vectors, kinds, species)
    values = some.values(geometry)
    columns = {name: column for column, name in enumerate(every.names())}
    for atom in range(9):
        names = some.names_of(ELEMENTS[species[atom]])
        expected = full[atom, [columns[name] for name in names]]
        torch.testing.assert_close(values[atom, : len(names)], expected, rtol=1e-12, atol=1e-13)
        assert not values[atom, len(names) :].any()
    assert some.size < every.size
    assert any(name.startswith("G2 Li") for name in some.names_of("Li"))
    assert not any(name.startswith("G2 P") for name in some.names_of("P"))
    assert not any(name.startswith(("p ", "G5 ")) for name in some.names_of("O"))

    seeds = torch.randn((2, *values.shape), generator=generator, dtype=torch.float64)
    moves = torch.randn((2, *vectors.shape), generator=generator, dtype=torch.float64)
    pairs, changes = some.adjoint(geometry, seeds), some.jvp(geometry, moves)
    torch.testing.assert_close((pairs * moves).sum(), (changes * seeds).sum())
    kept = some.keep(vectors, kinds, species)
    torch.testing.assert_close(some.committee_adjoint(kept, seeds.transpose(0, 1)).transpose(0, 1), pairs)
    torch.testing.assert_close(some.committee_jvp(kept, moves.transpose(0, 1)).transpose(0, 1), changes)
    moved = some.values(some.geometry(vectors + 1e-6 * moves[0], kinds, species))
    np.testing.assert_allclose((moved - values) / 1e-6, changes[0], atol=1e-4)
    assert descriptor.from_dict(some.to_dict()) == some


def test_impossible_choices_are_refused() -> None:
    every = functions(PowerSpectrum(channels=CHANNELS, l_max=1))
    with pytest.raises(errors.RecipeError, match="has no element S"):
        element_tuples.chosen(every, ElementTuples(radial=(("Li", "S"),)))
    with pytest.raises(errors.RecipeError, match="left for the centre O"):
        element_tuples.chosen(every, ElementTuples(radial=(("Li", "O"), ("P", "O")), angular=()))
    with pytest.raises(ValueError, match="unknown elements S"):
        SymmetryFunctions(elements=ELEMENTS, cutoff=4.0, radial=CHANNELS, radial_elements=("S",))
    with pytest.raises(ValueError, match="no neighbour is left"):
        SymmetryFunctions(elements=ELEMENTS, cutoff=4.0, radial=CHANNELS, radial_elements=())
    with pytest.raises(ValueError, match="element channels mix"):
        SymmetryFunctions(
            elements=("Si",), cutoff=4.0, radial=CHANNELS, element_channels=((1.0,),), radial_elements=("Si",)
        )
    with pytest.raises(ValueError, match="give one of them"):
        PowerSpectrumGrid(element_channels=ElementChannels(), element_tuples=TUPLES)
