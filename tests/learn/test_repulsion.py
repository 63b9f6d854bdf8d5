"""Short-range repulsion: ZBL in its window, distances that the networks see, collisions of a random potential."""

import json

import numpy as np
import pytest
import torch
from ase import Atoms

from nnp.core.potential import Potential
from nnp.core.structure import Structure
from nnp.learn import contract, repulsion, zbl
from tests.learn import random_potential

ELEMENTS = ("H", "O")
WINDOW = repulsion.Repulsion(
    elements=ELEMENTS, inner=((0.5, 0.6), (0.6, 0.9)), outer=((0.7, 0.9), (0.9, 1.3)), repels=True
)


def pairs(r: np.ndarray, first: int = 1, second: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Atoms with one neighbour each at distance r along a tilted direction, and an empty slot of no element."""
    direction = np.array([1.0, 2.0, -2.0]) / 3.0
    vectors = torch.from_numpy(np.stack([r[:, None] * direction, np.tile([12.0, 0.0, 0.0], (len(r), 1))], -1))
    species = torch.full((len(r),), first)
    return vectors, torch.stack([torch.full((len(r),), second), torch.full((len(r),), 99)], 1), species


LAMMPS = {  # LAMMPS 22 Jul 2025, units metal, pair_style zbl 8 10, two atoms: distance, energy, repulsive force
    ("Si", "Si"): (
        (0.3, 1712.7105367542702, 13088.0649589558),
        (0.8, 112.16257260548277, 470.6073680659063),
        (1.3, 17.979177827208826, 58.51458682729189),
        (2.0, 2.4067665042107675, 6.137373474931887),
    ),
    ("H", "O"): (
        (0.3, 103.33309754092365, 694.8664216596159),
        (0.8, 9.429281805241907, 34.42216884891244),
        (1.3, 1.9643511904960158, 5.422641845975313),
        (2.0, 0.35217745253087546, 0.7778497759385852),
    ),
}


@pytest.mark.parametrize("symbols", list(LAMMPS))
def test_zbl_equals_lammps(symbols: tuple[str, str]) -> None:
    expected = torch.tensor(LAMMPS[symbols], dtype=torch.float64)
    table = tuple(dict.fromkeys(symbols))
    charge, inverse_length = zbl.charges(table)[0][-1], zbl.inverse_lengths(table)[0][-1]
    energy, slope = zbl.zbl(expected[:, :1].unsqueeze(1), charge, inverse_length)
    torch.testing.assert_close(energy.flatten(), expected[:, 1], rtol=1e-4, atol=0.0)
    torch.testing.assert_close(-slope.flatten(), expected[:, 2], rtol=1e-4, atol=0.0)


def test_above_the_window_nothing_changes_and_below_it_the_distance_is_constant() -> None:
    far, near = pairs(np.linspace(1.3, 3.0, 9)), pairs(np.linspace(0.2, 0.9, 9))
    both = tuple(torch.cat([a, b]) for a, b in zip(far, near, strict=True))
    alone, inside, mixed = (repulsion.soften(WINDOW, *some) for some in (far, near, both))
    assert (int(alone.close), int(inside.close)) == (0, 1)
    for beyond in (alone, repulsion.Softened(*(part[:9] for part in mixed[:3]), mixed.close)):
        assert torch.equal(beyond.vectors, far[0])
        assert not beyond.closeness.any()
        assert not beyond.energies.any()
        gradients = torch.randn(9, 3, 2, dtype=torch.float64)
        assert torch.equal(repulsion.harden(WINDOW, beyond, far, gradients), gradients)
    torch.testing.assert_close(inside.vectors[:, :, 0].norm(dim=1), torch.full((9,), 1.1, dtype=torch.float64))
    r = near[0][:, :, :1].norm(dim=1, keepdim=True)
    expected, _ = zbl.zbl(r, zbl.charges(("O",))[0][0], zbl.inverse_lengths(("O",))[0][0])
    torch.testing.assert_close(inside.energies, 0.5 * expected.flatten())


@pytest.mark.parametrize("species", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_gradients_are_derivatives(species: tuple[int, int]) -> None:
    vectors, neighbour_species, own = pairs(np.linspace(0.45, 1.35, 19), *species)
    vectors.requires_grad_()
    found = repulsion.soften(WINDOW, vectors, neighbour_species, own)
    seed = torch.randn_like(found.vectors)
    energy = found.energies.sum() + (found.vectors * seed).sum()
    (by_autograd,) = torch.autograd.grad(energy, vectors)
    hardened = repulsion.harden(WINDOW, found, (vectors, neighbour_species, own), seed)
    torch.testing.assert_close(hardened.detach(), by_autograd, rtol=1e-10, atol=1e-10)


def test_windows_end_below_the_shortest_distances_and_the_covalent_radii() -> None:
    inf = float("inf")
    found = repulsion.below(((2.0, 1.0), (1.0, inf)), ("H", "Si"), margin=0.9, steepness=0.8, repels=True)
    assert found.outer == ((0.62, 0.9), (0.9, 2.22))  # two hydrogens touch at 0.62 Å, two silicons at 2.22 Å
    assert found.inner == ((0.496, 0.72), (0.72, 1.776))
    assert repulsion.Repulsion.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_shortest_distances_are_those_between_the_elements() -> None:
    water = Atoms("OH2", [[0, 0, 0], [0.96, 0, 0], [0, 0, 1.1]], cell=[9, 9, 9], pbc=True)
    apart = Atoms("O2", [[0, 0, 0], [0, 0, 8.4]], cell=[9, 9, 9], pbc=True)  # 0.6 Å through the face of the cell
    found = repulsion.shortest_distances([Structure.from_atoms(water), Structure.from_atoms(apart)], ("H", "O"))
    np.testing.assert_allclose(found, [[np.hypot(0.96, 1.1), 0.96], [0.96, 0.6]])


def test_a_potential_with_repulsion_keeps_the_contract_and_flags_close_atoms() -> None:
    window = repulsion.below(((1.9, 1.7), (1.7, 2.6)), ("O", "Ti"), margin=0.95, steepness=0.8, repels=True)
    potential = random_potential.make(("O", "Ti"), angular=random_potential.SPECTRUM, repulsion=window)
    files = {dtype: random_potential.file(potential, dtype) for dtype in ("float32", "float64")}
    close = Structure.from_atoms(Atoms("TiO2", [[0, 0, 0], [1.5, 0, 0], [0, 2.1, 0.3]]))
    far = Structure.from_atoms(Atoms("TiO2", [[0, 0, 0], [1.9, 0, 0], [0, 2.1, 0.3]]))
    report = contract.check(
        potential, onnx_float32=files["float32"], onnx_float64=files["float64"], structures=[close, far]
    )
    assert report.passed, str(report)
    served = Potential.load(files["float64"])
    plain = Potential.load(random_potential.file(random_potential.make(("O", "Ti"), angular=random_potential.SPECTRUM)))
    inside, outside, without = (
        evaluated[index].domain.excess
        for evaluated, index in (
            (served.evaluate([close, far], ("domain",)), 0),
            (served.evaluate([close, far], ("domain",)), 1),
            (plain.evaluate([close, far], ("domain",)), 1),
        )
    )
    assert inside[:2].min() > 0.0
    np.testing.assert_array_equal(outside, without)


def test_a_pair_in_a_collision_is_never_attracted() -> None:
    window = repulsion.below(((1.9, 1.7), (1.7, 2.6)), ("O", "Ti"), margin=0.95, steepness=0.85, repels=True)
    potential = random_potential.make(("O", "Ti"), angular=random_potential.SPECTRUM, repulsion=window, seed=3)
    served = Potential.load(random_potential.file(potential))
    pairs = [("O", "O", 1.32), ("O", "Ti", 2.26), ("Ti", "Ti", 3.2)]
    dimers = [
        Structure.from_atoms(Atoms(first + second, [[0, 0, 0], [f * radii, 0, 0]]))
        for first, second, radii in pairs
        for f in np.linspace(0.2, 0.6, 9)
    ]
    for dimer, prediction in zip(dimers, served.evaluate(dimers, ("forces",)), strict=True):
        assert prediction.forces[1, 0] > 0.0, dimer.positions
