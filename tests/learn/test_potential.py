"""The torch potential: its outputs against autograd and against its own definition, atom by atom."""

import numpy as np
import pytest
import torch
from ase.build import bulk

from nnp.core import neighbours
from nnp.core.structure import Structure
from nnp.learn import network, symmetry_functions
from tests.learn import random_potential


def inputs(structure: Structure, elements: tuple[str, ...], cutoff: float) -> tuple[torch.Tensor, ...]:
    table = neighbours.neighbour_table([structure], cutoff)
    species = np.array([elements.index(symbol) for symbol in structure.symbols])
    arrays = (table.vectors, table.neighbour_species(species), species, table.reverse)
    return tuple(torch.from_numpy(array) for array in arrays)


@pytest.fixture(scope="module")
def salt() -> Structure:
    atoms = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    atoms.rattle(0.2, seed=1)
    return Structure.from_atoms(atoms)


@pytest.mark.parametrize("angular", [None, random_potential.WIDE, random_potential.SPECTRUM], ids=["none", "wide", "p"])
def test_outputs_follow_from_the_energies(salt: Structure, angular) -> None:
    elements = ("Cl", "Na")
    potential = random_potential.make(elements, angular=angular).double()
    vectors, neighbour_species, species, reverse = inputs(salt, elements, 5.0)
    vectors.requires_grad_()
    found = potential(vectors, neighbour_species, species, reverse)

    functions = potential.symmetry_functions
    geometry = symmetry_functions.geometry(functions, vectors, neighbour_species)
    G = symmetry_functions.values(functions, geometry)
    x = (G - potential.shift[species]) * potential.scale[species]
    by_head = [
        torch.stack([network.evaluate(head.networks[e], x[i : i + 1])[0][0, 0] for i, e in enumerate(species.tolist())])
        for head in [*potential.members, *potential.replicas]
    ]
    members, replicas = torch.stack(by_head[:3], 1), torch.stack(by_head[3:], 1)
    torch.testing.assert_close(found["member_atomic_energies"], members)
    torch.testing.assert_close(found["atomic_energies"], members.mean(1))
    torch.testing.assert_close(found["energy_novelties"], replicas.std(1, unbiased=False))

    (pairs,) = torch.autograd.grad(members.mean(1).sum(), vectors, retain_graph=True)
    torch.testing.assert_close(found["pair_gradients"], pairs)
    by_member = torch.stack([torch.autograd.grad(m.sum(), vectors, retain_graph=True)[0] for m in members.T])
    torch.testing.assert_close(found["member_pair_gradients"], by_member)
    reversed_pairs = pairs.transpose(1, 2).flatten(0, 1)[reverse.flatten()].reshape(*reverse.shape, 3)
    torch.testing.assert_close(found["forces"], (pairs.transpose(1, 2) - reversed_pairs).sum(1))
    torch.testing.assert_close(found["atomic_virials"], -torch.einsum("nak,nbk->nab", vectors, pairs))
    outside = (G > 1.5).double() if angular is None else ((G > 1.5) | (G < 0)).double()
    assert (found["range_violations"] <= outside.sum(1) + 1e-9).all()


def test_functions_that_never_varied_in_training_are_outside_where_they_do() -> None:
    """Such as those of two elements which never met: dropped from the networks, so that only the range can tell."""
    elements = ("Cl", "Na")
    potential = random_potential.make(elements).double()
    dropped = torch.tensor(["Cl" in name for name in potential.symmetry_functions.names_of("Na")])
    potential.scale[1][dropped] = 0.0
    potential.upper[:] = 1e3
    potential.upper[1][dropped] = 0.0
    alone, mixed = bulk("Na", a=4.2, cubic=True), bulk("NaCl", "rocksalt", a=5.6)
    known, new = (potential(*inputs(Structure.from_atoms(atoms), elements, 5.0)) for atoms in (alone, mixed))
    assert not known["range_violations"].any()
    assert not known["range_excess"].any()
    is_sodium = torch.tensor(mixed.symbols == "Na")
    assert (new["range_violations"][is_sodium] > 0).all()
    assert (new["range_excess"][is_sodium] > 0.0).all()
    assert not new["range_violations"][~is_sodium].any()


def test_parameters_are_reachable_and_reload() -> None:
    first, second = random_potential.make(seed=1), random_potential.make(seed=2)
    second.load_state_dict(first.state_dict())
    assert len(list(first.parameters())) == sum(
        2 * (len(h[0]) + 1) for h in (*random_potential.DEFAULT_MEMBERS, *random_potential.DEFAULT_REPLICAS)
    )
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_a_potential_needs_a_member() -> None:
    with pytest.raises(ValueError, match="at least one committee member"):
        random_potential.make(members=())
