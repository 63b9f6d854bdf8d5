"""Automatic exponents follow the angles of the data, weighted as the functions see them."""

import itertools

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from nnp.core import errors, neighbours, recipe
from nnp.core.structure import Structure
from nnp.learn import exponents, grid
from nnp.learn.angular import WideAngular
from nnp.learn.symmetry_functions import SymmetryFunctions
from tests.learn import toy_data

WANTED = recipe.parse({"cutoff": 5.0, "symmetry_functions": {"kind": "wide_angular", "zetas": 3}})


def table(*atoms: Atoms, cutoff: float = 5.0) -> neighbours.NeighbourTable:
    return neighbours.neighbour_table([Structure.from_atoms(one) for one in atoms], cutoff)


def test_angles_are_those_of_a_water_molecule() -> None:
    apart, half = 0.96, np.radians(104.5 / 2)
    ends = [(apart * np.sin(half), apart * np.cos(half), 0.0), (-apart * np.sin(half), apart * np.cos(half), 0.0)]
    angles = exponents.weighted_angles(table(Atoms("OHH", [(0.0, 0.0, 0.0), *ends])), WANTED)
    occupied = np.flatnonzero(angles)
    assert list(occupied) == [37, 104]  # at H twice (180 - 104.5) / 2 = 37.75 degrees, at O 104.5
    r_oh, r_hh = apart, 2 * apart * np.sin(half)
    fc = lambda r: 1 - 10 * (r / 5) ** 3 + 15 * (r / 5) ** 4 - 6 * (r / 5) ** 5  # noqa: E731
    expected = 2 * fc(r_oh) * fc(r_hh) / (r_oh * r_hh) ** 2 / (fc(r_oh) ** 2 / r_oh**4)
    assert angles[37] / angles[104] == pytest.approx(expected, rel=1e-6)


def test_chosen_exponents_tell_angles_apart_better_than_their_neighbours() -> None:
    """Measured another way: the worst of the chosen functions is least explained by the others."""
    chosen = exponents.exponents(table(*(bulk("Cu") * 2, bulk("Cu") * 3)), WANTED, 3, (-1, 1))
    assert len(set(chosen)) == 3
    assert list(chosen) == sorted(chosen)
    angles = exponents.weighted_angles(table(*(bulk("Cu") * 2, bulk("Cu") * 3)), WANTED)
    x, weight = np.cos((np.arange(180) + 0.5) * np.pi / 180), np.sqrt(angles / angles.sum())

    def volume(zetas: tuple[int, ...]) -> float:
        rows = np.array([((1 + sign * x) / 2) ** zeta for zeta in zetas for sign in (-1, 1)])
        rows = (rows - (rows * weight**2).sum(axis=1, keepdims=True)) * weight
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return float(np.prod(np.linalg.svd(rows, compute_uv=False) ** 2 + exponents.NOISE))

    volumes: dict[tuple[int, ...], float] = {z: volume(z) for z in itertools.combinations(range(1, 9), 3)}
    assert volumes[chosen] == pytest.approx(max(volumes.values()))
    assert volumes[chosen] > 10.0 * volumes[1, 2, 3]


def test_a_recipe_may_give_their_number() -> None:
    own = neighbours.neighbour_table([frame.structure for frame in toy_data.frames()], 5.0)
    functions = grid.symmetry_functions_for(WANTED, ("Cu",), own)
    assert isinstance(functions, SymmetryFunctions)
    assert isinstance(functions.angular, WideAngular)
    assert functions.angular.zetas == exponents.exponents(own, WANTED, 3, (-1, 1))


def test_without_angles_the_exponents_must_be_given() -> None:
    with pytest.raises(errors.InputError, match="no atom has two neighbours within 5"):
        grid.symmetry_functions_for(WANTED, ("H",), table(Atoms("H2", [(0.0, 0.0, 0.0), (0.0, 0.0, 0.74)])))
