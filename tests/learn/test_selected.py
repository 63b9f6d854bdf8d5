"""Selected functions are columns of the pool: values, adjoint, jvp, members, export, and their narrowed definitions."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nnp.learn import descriptor, export, network, selected
from nnp.learn.angular import PowerSpectrum, WideAngular
from nnp.learn.four_body import FourBody
from nnp.learn.potential import Head, Potential
from nnp.learn.radial import Radial
from nnp.learn.selected import Selected, narrowed
from nnp.learn.symmetry_functions import SymmetryFunctions
from tests.learn import random_potential, test_export

CHANNELS = (Radial(eta=0.4), Radial(eta=1.0, shift=1.5), Radial(eta=2.0, shift=2.5))
PARTS = {
    "spectrum": PowerSpectrum(channels=CHANNELS, l_max=3),
    "subtracted": PowerSpectrum(channels=CHANNELS, l_max=2, self_sums="subtract"),
    "equal": PowerSpectrum(channels=CHANNELS, l_max=2, cross=False, self_sums="none"),
    "wide": WideAngular(channels=CHANNELS, zetas=(1, 2, 4)),
    "none": None,
}


def pool(part: str = "spectrum") -> SymmetryFunctions:
    return SymmetryFunctions(elements=("O", "Ti"), cutoff=4.0, radial=CHANNELS, angular=PARTS[part])


@pytest.fixture
def neighbourhood() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    vectors = torch.randn((5, 3, 8), generator=generator, dtype=torch.float64) * 1.6
    kinds = torch.randint(0, 2, (5, 8), generator=generator)
    return vectors, kinds, torch.randint(0, 2, (5,), generator=generator)


def test_adjoint_and_jvp_are_those_of_the_columns(neighbourhood: tuple[torch.Tensor, ...]) -> None:
    functions = Selected(inner=pool(), columns=(1, 4, 30, 40))
    generator = torch.Generator().manual_seed(4)
    vectors = neighbourhood[0].requires_grad_()
    geometry = functions.geometry(vectors, *neighbourhood[1:])
    values = functions.values(geometry)
    seeds = torch.randn((3, 5, 4), generator=generator, dtype=torch.float64)
    moves = torch.randn((3, 5, 3, 8), generator=generator, dtype=torch.float64)
    by_autograd = torch.stack([torch.autograd.grad(values, vectors, seed, retain_graph=True)[0] for seed in seeds])
    torch.testing.assert_close(functions.adjoint(geometry, seeds), by_autograd)
    torch.testing.assert_close(
        (functions.jvp(geometry, moves) * seeds).sum(), (functions.adjoint(geometry, seeds) * moves).sum()
    )
    kept = functions.keep(vectors.detach(), *neighbourhood[1:])
    members = functions.committee_adjoint(kept, seeds.transpose(0, 1))
    torch.testing.assert_close(members.transpose(0, 1), by_autograd)
    torch.testing.assert_close(
        functions.committee_jvp(kept, moves.transpose(0, 1)).transpose(0, 1), functions.jvp(geometry, moves)
    )


@pytest.mark.parametrize("part", PARTS)
def test_narrowed_functions_are_the_columns_of_the_pool(part: str, neighbourhood: tuple[torch.Tensor, ...]) -> None:
    random = np.random.default_rng(5)
    whole = pool(part)
    every = whole.values(whole.geometry(*neighbourhood))
    for count in (1, 3, whole.size // 2, whole.size):
        columns = [int(c) for c in random.choice(whole.size, count, replace=False)]
        functions = narrowed(whole, columns)
        assert functions.size == count
        torch.testing.assert_close(functions.values(functions.geometry(*neighbourhood)), every[:, sorted(columns)])
        assert descriptor.from_dict(functions.to_dict()) == functions


def test_what_no_column_needs_is_left_out() -> None:
    whole = pool()
    names = whole.names()
    column = names.index("p O[1]-Ti[2] l=1")
    smaller = narrowed(whole, [column, 0])
    assert isinstance(smaller, Selected)
    assert isinstance(smaller.inner, SymmetryFunctions)
    assert isinstance(smaller.inner.angular, PowerSpectrum)
    assert (len(smaller.inner.radial), len(smaller.inner.angular.channels), smaller.inner.angular.l_max) == (1, 2, 1)
    assert smaller.inner.angular.self_sums == "none"
    assert narrowed(whole, range(whole.size)) == whole
    four = replace(whole, angular=replace(whole.angular, four_body=FourBody(l_max=2)))
    assert narrowed(four, [column, 0]) == smaller
    kept = narrowed(four, [0, four.size - 1])
    assert isinstance(kept, Selected)
    assert kept.inner == four
    assert narrowed(smaller, [0]) == narrowed(whole, [0])


def test_impossible_columns_are_refused() -> None:
    for columns in ((), (3, 1), (1, 1), (-1, 2), (0, pool().size)):
        with pytest.raises(ValueError, match="columns must be distinct, ascending, and from 0 to"):
            Selected(inner=pool(), columns=columns)


def test_the_file_computes_what_torch_computes() -> None:
    functions = selected.narrowed(pool(), [1, 7, 13, 40, 41])
    generator = torch.Generator().manual_seed(0)
    heads = [Head([network.Network.random(5, (6,), "silu", generator=generator) for _ in "ab"]) for _ in "xy"]
    potential = Potential(
        symmetry_functions=functions,
        shift=torch.rand((2, 5), generator=generator),
        scale=torch.rand((2, 5), generator=generator),
        members=heads,
        reference_energies={"O": -1.0, "Ti": -2.0},
    ).double()
    inputs = test_export.feeds(7, 6, "float64")
    found = test_export.run(random_potential.file(potential), inputs)
    expected = potential(*(torch.from_numpy(inputs[name]) for name in export.INPUTS))
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name].detach().numpy(), rtol=1e-12, atol=1e-12, err_msg=name)
