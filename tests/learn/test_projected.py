"""Principal components inside a descriptor: values, gradients, the choice of their number, and whole trainings."""

import numpy as np
import pytest
import torch

from nnp.learn import descriptor, export, projected
from nnp.learn.angular import PowerSpectrum
from nnp.learn.potential import Potential
from nnp.learn.radial import Radial
from nnp.learn.symmetry_functions import SymmetryFunctions
from tests.learn import random_potential
from tests.learn.test_export import feeds, run

CHANNELS = (Radial(eta=0.4), Radial(eta=1.0, shift=1.5))


def components(elements: tuple[str, ...], count: int) -> projected.Projected:
    inner = SymmetryFunctions(
        elements=elements, cutoff=4.0, radial=CHANNELS, angular=PowerSpectrum(channels=CHANNELS, l_max=2)
    )
    random = np.random.default_rng(1)
    values = random.normal(size=(60, inner.size)) @ random.normal(size=(inner.size, inner.size))
    species = np.arange(60) % len(elements)
    return projected.fit(inner, values, species, components=count, variance=None, floor=0.1)


@pytest.fixture
def neighbourhood() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    vectors = torch.randn((5, 3, 8), generator=generator, dtype=torch.float64) * 1.6
    kinds = torch.randint(0, 2, (5, 8), generator=generator)
    return vectors, kinds, torch.randint(0, 2, (5,), generator=generator)


@pytest.mark.parametrize("elements", [("Si",), ("O", "Ti")])
def test_gradients_are_exact(elements: tuple[str, ...], neighbourhood: tuple[torch.Tensor, ...]) -> None:
    functions = components(elements, 4)
    vectors, kinds, species = neighbourhood
    if len(elements) == 1:
        kinds, species = torch.zeros_like(kinds), torch.zeros_like(species)
    vectors.requires_grad_()
    geometry = functions.geometry(vectors, kinds, species)
    values = functions.values(geometry)
    inner = functions.inner.values(functions.inner.geometry(vectors, kinds, species))
    for atom, kind in enumerate(species.tolist()):
        origin, matrix = torch.tensor(functions.origins[kind]), torch.tensor(functions.matrices[kind])
        expected = (inner[atom] - origin.double()) @ matrix.double()
        torch.testing.assert_close(values[atom], expected, rtol=1e-6, atol=1e-6)
    seeds = torch.randn((2, 5, 4), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (by_autograd,) = torch.autograd.grad((values * seeds[0]).sum(), vectors)
    vectors = vectors.detach()
    geometry, kept = functions.geometry(vectors, kinds, species), functions.keep(vectors, kinds, species)
    pairs = functions.adjoint(geometry, seeds)
    torch.testing.assert_close(pairs[0], by_autograd, rtol=1e-10, atol=1e-10)
    moves = torch.randn((2, *vectors.shape), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    changes = functions.jvp(geometry, moves)
    torch.testing.assert_close((changes * seeds).sum(), (pairs * moves).sum())
    torch.testing.assert_close(functions.committee_adjoint(kept, seeds.transpose(0, 1)).transpose(0, 1), pairs)
    torch.testing.assert_close(functions.committee_jvp(kept, moves.transpose(0, 1)).transpose(0, 1), changes)


def test_the_variance_decides_the_number_and_components_are_uncorrelated() -> None:
    random = np.random.default_rng(0)
    inner = SymmetryFunctions(elements=("Si",), cutoff=4.0, radial=tuple(Radial(eta=0.1 * i) for i in range(6)))
    values = random.normal(size=(400, 2)) @ random.normal(size=(2, 6)) + 1e-3 * random.normal(size=(400, 6))
    species = np.zeros(400, dtype=int)
    found = projected.fit(inner, values, species, components=None, variance=0.999, floor=0.01)
    assert found.size == 2
    assert found.names() == ["PC 1", "PC 2"]
    x = (values - np.array(found.origins[0])) @ np.array(found.matrices[0])
    assert abs(np.corrcoef(x.T)[0, 1]) < 1e-10
    every = projected.fit(inner, values, species, components=None, variance=1.0, floor=0.01)
    assert every.size == 6
    assert descriptor.from_dict(found.to_dict()) == found
    assert hash(descriptor.from_dict(found.to_dict())) == hash(found)
    with pytest.raises(ValueError, match="6 rows"):
        projected.Projected(inner=inner, origins=found.origins, matrices=(found.matrices[0][:3],))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_file_computes_what_torch_computes(dtype: str) -> None:
    functions = components(("Si", "O"), 5)
    made = random_potential.make(("Si", "O"), angular=None, replicas=())
    generator = torch.Generator().manual_seed(0)
    heads = [random_potential.head(functions, (6,), "silu", generator) for _ in made.members]
    shape = (2, functions.size)
    potential = Potential(
        symmetry_functions=functions, shift=torch.zeros(shape), scale=torch.ones(shape), members=heads
    )
    inputs = feeds(7, 6, dtype)
    found = run(random_potential.file(potential, dtype), inputs)
    expected = potential.to(export.DTYPES[dtype])(*(torch.from_numpy(inputs[name]) for name in export.INPUTS))
    tolerance = {"float32": 1e-4, "float64": 1e-11}[dtype]
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name].detach().numpy(), rtol=tolerance, atol=tolerance, err_msg=name)
