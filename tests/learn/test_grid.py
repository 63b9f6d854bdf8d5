"""The automatic grid follows the distances of the data, within the cutoff, for any number of elements."""

from typing import Any

import numpy as np
import pytest

from nnp.core import errors, neighbours, recipe
from nnp.core.function_recipe import PowerSpectrumGrid
from nnp.learn import cutoff, element_channels, grid, network
from nnp.learn.angular import PowerSpectrum, WideAngular
from nnp.learn.symmetry_functions import SymmetryFunctions
from tests.learn import toy_data


def _table(radius: float) -> neighbours.NeighbourTable:
    return neighbours.neighbour_table([f.structure for f in toy_data.frames()], radius)


def test_gaussians_crowd_where_distances_are_frequent() -> None:
    random = np.random.default_rng(0)
    found = np.sort(np.concatenate([random.normal(2.4, 0.05, 500), random.uniform(2.0, 6.0, 100)]))
    shifts = np.array([g.shift for g in grid.gaussians(8, found, 6.0)])
    assert np.all(np.diff(shifts) > 0.0)
    assert shifts[0] >= 1.9
    assert shifts[-1] < 6.0
    even = np.array([g.shift for g in grid.gaussians(8, found, 6.0, even=True)])
    assert np.mean(np.abs(shifts - 2.4) < 1.0) > np.mean(np.abs(even - 2.4) < 1.0)
    np.testing.assert_allclose(np.diff(even), np.diff(even)[0], atol=2e-6)


@pytest.mark.parametrize("elements", [("Cu",), ("Al", "Cu"), ("Al", "Cu", "Ni", "Pd")])
def test_default_grid_grows_slowly_with_the_elements(elements: tuple[str, ...]) -> None:
    functions = grid.symmetry_functions_for(recipe.Recipe(cutoff=5.0), elements, _table(5.0))
    assert isinstance(functions.angular, PowerSpectrum)
    assert functions.elements == elements
    assert functions.size <= 330


def test_wide_angular_and_explicit_functions() -> None:
    wanted = recipe.parse({"cutoff": 5.0, "symmetry_functions": {"kind": "wide_angular", "zetas": [4, 1]}})
    functions = grid.symmetry_functions_for(wanted, ("Cu",), _table(5.0))
    assert isinstance(functions.angular, WideAngular)
    assert functions.angular.zetas == (1, 4)
    explicit = recipe.parse(
        {"cutoff": 5.0, "symmetry_functions": {"kind": "explicit", "definition": functions.to_dict()}}
    )
    assert grid.symmetry_functions_for(explicit, ("Cu",), _table(5.0)) == functions
    with pytest.raises(errors.RecipeError, match="do not equal the data's elements Al"):
        grid.symmetry_functions_for(explicit, ("Al",), _table(5.0))
    broken = recipe.parse({"symmetry_functions": {"kind": "explicit", "definition": {"elements": ["Cu"]}}})
    with pytest.raises(errors.RecipeError, match="definition"):
        grid.symmetry_functions_for(broken, ("Cu",), _table(5.0))


def test_four_body_mixtures_are_chosen_by_number() -> None:
    fields = {"kind": "power_spectrum", "channels": 3, "l_max": 2, "four_body": {"l_max": 3, "mixtures": 8}}
    wanted = recipe.parse({"cutoff": 5.0, "symmetry_functions": fields})
    functions = grid.symmetry_functions_for(wanted, ("Al", "Cu"), _table(5.0))
    assert isinstance(functions, SymmetryFunctions)
    assert isinstance(functions.angular, PowerSpectrum)
    assert functions.angular.l_max == 3
    assert functions.angular.four_body is not None
    assert np.shape(functions.angular.four_body.mixtures) == (8, 6)
    assert sum(name.startswith("B ") for name in functions.names()) == 8 * 4
    assert functions == grid.symmetry_functions_for(wanted, ("Al", "Cu"), _table(5.0))
    plain = recipe.parse({"cutoff": 5.0, "symmetry_functions": {**fields, "four_body": {}}})
    names = grid.symmetry_functions_for(plain, ("Al", "Cu"), _table(5.0)).names()
    assert "B Cu[2] l=2,3,3" in names


def test_chebyshev_polynomials_cover_the_cutoff() -> None:
    wanted = recipe.parse({"cutoff": 5.0, "symmetry_functions": {"kind": "chebyshev", "radial": 4, "angular": 3}})
    functions = grid.symmetry_functions_for(wanted, ("Al", "Cu"), _table(5.0))
    assert functions.size == 2 * 4 + 3 * 3
    assert {name.split()[0] for name in functions.names()} == {"T", "T3"}


def test_element_channels_keep_the_number_of_inputs() -> None:
    fields = {"kind": "power_spectrum", "element_channels": {"count": 3, "kind": "weighted"}}
    wanted = recipe.parse({"cutoff": 5.0, "symmetry_functions": fields})
    sizes = [
        grid.symmetry_functions_for(wanted, elements, _table(5.0)).size
        for elements in (("Al", "Cu", "Ni"), ("Al", "Cu", "Ni", "Pd"), ("Al", "Cu", "Ni", "Pd", "Ag", "Au"))
    ]
    assert len(set(sizes)) == 1


def test_element_channels_are_automatic_from_four_elements_on() -> None:
    def channels(elements: tuple[str, ...], **fields: Any) -> Any:
        wanted = recipe.parse({"cutoff": 5.0, "symmetry_functions": {"kind": "power_spectrum", **fields}})
        functions = grid.symmetry_functions_for(wanted, elements, _table(5.0))
        assert isinstance(functions, SymmetryFunctions)
        return functions.element_channels

    three, four = ("Al", "Cu", "Ni"), ("Al", "Cu", "Ni", "Pd")
    assert channels(three) is None
    assert channels(four) == element_channels.weighted(four, 3)
    assert channels(four, element_channels=None) is None
    tuples = {"radial": [[a, b] for a in four for b in four]}
    chosen = recipe.parse({"symmetry_functions": {"kind": "power_spectrum", "element_tuples": tuples}})
    assert isinstance(chosen.symmetry_functions, PowerSpectrumGrid)
    assert chosen.symmetry_functions.channels_of(4) is None


def test_atoms_without_neighbours_are_refused() -> None:
    with pytest.raises(errors.InputError, match=r"within the cutoff of 0\.6 Å"):
        grid.symmetry_functions_for(recipe.Recipe(cutoff=0.6), ("Cu",), _table(0.6))


def test_the_recipe_offers_what_the_code_can_do() -> None:
    assert set(recipe.CUTOFF_FUNCTIONS) == set(cutoff.CUTOFF_FUNCTIONS)
    assert set(recipe.ACTIVATIONS) <= set(network.ACTIVATIONS)
