"""Forces and virials of the committee against the potential they become, and their gradient against differences."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nnp.core import neighbours, recipe
from nnp.learn import batches, committee, definition, pair_forces, splits, stacks, weights
from tests.learn import toy_data

NETWORKS = (
    recipe.Network(hidden=(6, 5)),
    recipe.Network(hidden=(4,), activation="tanh"),
    recipe.Network(hidden=(7, 3), hidden_by_element={"Cu": (5,)}),
    recipe.Network(hidden=(5, 4), activation="softplus"),
)
RECIPE = recipe.parse({"cutoff": 4.0, "symmetry_functions": {"kind": "power_spectrum", "radial": 4, "channels": 2}})


@pytest.fixture(scope="module", params=[False, True], ids=["one element", "two elements"])
def prepared(request: pytest.FixtureRequest) -> tuple[definition.Definition, batches.Batch, list[stacks.Stack]]:
    frames = toy_data.frames(12, alloy=request.param)
    settled = definition.fit(RECIPE, frames, splits.split(frames, RECIPE))
    batch = definition.prepare(settled, frames[:3], [[0, 1, 2]], RECIPE, room=10**9)[0]
    sizes = settled.functions.size, settled.functions.elements
    return settled, batch, stacks.initial(NETWORKS, *sizes, 1.0, np.random.default_rng(1))


def test_stacked_members_are_the_potential(prepared: tuple) -> None:
    settled, batch, members = prepared
    predicted = committee.predict(members, batch)
    potential = weights.to_potential(
        weights.Weights(
            definition=settled,
            committee=NETWORKS,
            members=tuple(stacks.to_weights(members)),
            replicas=(),
            copies=(),
        )
    )
    structures = [frame.structure for frame in toy_data.frames(12, alloy=len(settled.functions.elements) > 1)[:3]]
    table = neighbours.neighbour_table(structures, settled.functions.cutoff)
    species = torch.from_numpy(
        batches.species_of(toy_data.frames(12, alloy=len(potential.elements) > 1)[:3], potential.elements)
    )
    outputs = potential(
        torch.from_numpy(table.vectors),
        torch.from_numpy(table.neighbour_species(species.numpy())),
        species,
        torch.from_numpy(table.reverse),
    )
    energies = outputs["member_atomic_energies"].T.reshape(4, 3, -1).mean(-1) / settled.unit
    torch.testing.assert_close(predicted.energies.double(), energies, rtol=1e-4, atol=1e-5)
    assert predicted.forces is not None
    assert predicted.virials is not None
    forces = predicted.forces.mean(0).double() * settled.unit
    torch.testing.assert_close(forces, outputs["forces"], rtol=1e-3, atol=1e-4)
    virials = -outputs["atomic_virials"].reshape(3, -1, 3, 3).mean(1) / settled.unit
    voigt = torch.stack([virials[:, a, b] for a, b in batches.VOIGT], -1)
    torch.testing.assert_close(predicted.virials.mean(0).double(), voigt, rtol=1e-3, atol=1e-4)


def test_gradient_is_the_transpose(prepared: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    _, batch, _ = prepared
    monkeypatch.setattr(batches, "BLOCK_ATOMS", 7)
    batch = replace(batch)
    generator = torch.Generator().manual_seed(0)
    seeds = torch.randn((2, len(batch.structure), batch.inputs.shape[1]), generator=generator, requires_grad=True)
    forces, virials = pair_forces.PairForces.apply(seeds, batch)
    d_forces, d_virials = (torch.randn(t.shape, generator=generator) for t in (forces, virials))
    (gradient,) = torch.autograd.grad((forces * d_forces).sum() + (virials * d_virials).sum(), seeds)
    forces, virials = forces.detach(), virials.detach()
    left = float((gradient.double() * seeds.detach().double()).sum())
    right = float((forces.double() * d_forces).sum() + (virials.double() * d_virials).sum())
    assert left == pytest.approx(right, rel=1e-4)


def test_forces_of_a_periodic_structure_sum_to_zero(prepared: tuple) -> None:
    _, batch, members = prepared
    forces = committee.predict(members, batch).forces
    assert forces is not None
    assert float(forces.detach().sum(1).abs().max()) < 1e-4


def test_batches_without_room_are_prepared_anew_and_the_same(prepared: tuple) -> None:
    settled, batch, members = prepared
    frames = toy_data.frames(12, alloy=len(settled.functions.elements) > 1)
    groups = [[0, 1, 2], [3, 4], [5]]
    anew = definition.prepare(settled, frames, groups, RECIPE, room=0)
    assert anew[0] is not anew[0]
    first, second = committee.predict(members, batch), committee.predict(members, anew[0])
    assert torch.equal(first.forces, second.forces)
    some = definition.prepare(settled, frames, groups, RECIPE, room=batch.bytes() + 1)
    assert some[0] is some[0]
    assert some[1] is not some[1]
    assert len(some) == 3
    assert some.atoms == 24
    assert [len(b.structure) for b in some] == [12, 8, 4]
    assert [len(b.structure) for b in some[1:]] == [8, 4]


def test_loss_is_paper_equation_3_with_stress(prepared: tuple) -> None:
    _, batch, members = prepared
    predicted = committee.predict(members, batch)
    assert predicted.forces is not None
    assert predicted.virials is not None
    found = committee.loss(
        committee.squares(predicted, batch, torch.tensor([1.0, 0.0, 2.0])),
        recipe.Loss(energy=0.3, force=0.7, stress=0.2),
    )
    weight = np.array([1.0, 0.0, 2.0])
    energy = np.mean(weight * (predicted.energies[0] - batch.energies).detach().numpy() ** 2)
    force = np.mean(np.repeat(weight, 4)[:, None] * (predicted.forces[0] - batch.forces).detach().numpy() ** 2)
    stress = np.mean(weight[:, None] * (predicted.virials[0] - batch.virials).detach().numpy() ** 2)
    assert float(found[0].detach()) == pytest.approx(0.3 * energy + 0.7 * force + 0.2 * stress, rel=1e-5)
