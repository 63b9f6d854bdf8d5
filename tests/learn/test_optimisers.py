"""Optimisers: each step against its formula, and second order where curvatures differ."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from nnp.learn import optimisers


def _leaves(*shapes: tuple[int, ...], seed: int = 0) -> optimisers.Leaves:
    size = sum(torch.Size(shape).numel() for shape in shapes)
    flat = torch.from_numpy(np.random.default_rng(seed).normal(size=size).astype(np.float32))
    return optimisers.Leaves(flat=flat, mask=torch.ones(size), shapes=shapes)


def _descend(
    leaves: optimisers.Leaves,
    loss: Callable[[list[torch.Tensor]], torch.Tensor],
    name: str,
    steps: int,
    rate: float,
    decay: float = 0.0,
) -> list[float]:
    """Losses of some steps with a rate that falls linearly."""
    optimiser = optimisers.OPTIMISERS[name]
    arrays, losses = optimiser.start(leaves), []

    def evaluate() -> tuple[float, torch.Tensor]:
        flat = leaves.flat.clone().requires_grad_()
        value = loss(leaves.pieces(flat))
        (gradient,) = torch.autograd.grad(value, [flat])
        losses.append(float(value.detach()))
        return losses[-1], gradient * leaves.mask

    for number in range(steps):
        optimiser.step(leaves, arrays, evaluate, number=number, rate=rate * (1.0 - number / steps), decay=decay)
    evaluate()
    return losses


def test_the_first_step_of_adam_has_the_length_of_the_rate_in_every_parameter() -> None:
    leaves = _leaves((2, 3, 4))
    before = leaves.flat.clone()
    _descend(leaves, lambda pieces: (pieces[0] ** 3).sum(), "adam", 1, 0.01)
    np.testing.assert_allclose((before - leaves.flat).numpy(), np.full(24, 0.01), rtol=1e-3)


def test_adam_is_that_of_torch_with_decoupled_decay() -> None:
    leaves, random = _leaves((6, 1)), np.random.default_rng(1)
    other = leaves.flat.clone().requires_grad_()
    reference = torch.optim.AdamW([other], lr=0.02, weight_decay=0.3)
    ours = optimisers.Adam()
    arrays = ours.start(leaves)
    for number in range(20):
        gradient = torch.from_numpy(random.normal(size=6).astype(np.float32))
        other.grad = gradient.clone()
        reference.step()
        ours.step(leaves, arrays, lambda g=gradient: (0.0, g), number=number, rate=0.02, decay=0.3)
    np.testing.assert_allclose(leaves.flat.numpy(), other.detach().numpy(), atol=1e-6)


def test_the_first_step_of_soap_is_the_orthogonal_factor_of_the_gradient() -> None:
    leaves = _leaves((2, 5, 3))
    gradient = _leaves((2, 5, 3), seed=1).flat
    before, soap = leaves.flat.clone(), optimisers.SOAP()
    soap.step(leaves, soap.start(leaves), lambda: (0.0, gradient), number=0, rate=0.1, decay=0.0)
    step = ((before - leaves.flat) / 0.1).view(2, 5, 3)
    for found, slope in zip(step, gradient.view(2, 5, 3), strict=True):
        left, _, right = torch.linalg.svd(slope, full_matrices=False)
        # Adam's first step takes the sign of the singular values, and of the rest, which is rounding, what it finds
        singular = left.T @ found @ right.T
        np.testing.assert_allclose(torch.diagonal(singular).numpy(), np.ones(3), atol=1e-4)


@pytest.mark.parametrize(("name", "rate"), [("soap", 0.05), ("lbfgs", 1.0)])
def test_second_order_finds_the_bottom_of_a_narrow_valley(name: str, rate: float) -> None:
    random = np.random.default_rng(3)
    turn = torch.from_numpy(np.linalg.qr(random.normal(size=(8, 8)))[0].astype(np.float32))
    stiff = turn @ torch.diag(torch.logspace(-2, 0, 8)) @ turn.T

    def loss(pieces: list[torch.Tensor]) -> torch.Tensor:
        return ((stiff @ pieces[0]) ** 2).sum()

    plain = _descend(_leaves((8, 4)), loss, "adam", 100, 0.05)
    better = _descend(_leaves((8, 4)), loss, name, 100, rate)
    assert min(better) < 0.1 * min(plain)


@pytest.mark.parametrize("name", optimisers.OPTIMISERS)
def test_fixed_parameters_stay(name: str) -> None:
    leaves = _leaves((2, 4, 3), (2, 1, 3))
    leaves.mask[::5] = 0.0
    before = leaves.flat.clone()
    _descend(leaves, lambda pieces: sum((p**2).sum() for p in pieces), name, 12, 0.1, decay=0.1)
    np.testing.assert_array_equal(leaves.flat[::5].numpy(), before[::5].numpy())
    assert float(leaves.flat.square().sum()) < float(before.square().sum())


def test_soap_gives_no_thought_to_layers_that_are_fixed() -> None:
    leaves, soap = _leaves((2, 4, 3), (2, 3, 5)), optimisers.SOAP()
    leaves.mask[24:] = 0.0
    gradient = _leaves((2, 4, 3), (2, 3, 5), seed=1).flat * leaves.mask
    arrays, alone = soap.start(leaves), _leaves((2, 4, 3))
    alone.flat.copy_(leaves.flat[:24])
    soap.step(leaves, arrays, lambda: (0.0, gradient), number=0, rate=0.1, decay=0.0)
    soap.step(alone, soap.start(alone), lambda: (0.0, gradient[:24]), number=0, rate=0.1, decay=0.0)
    assert torch.equal(leaves.flat[:24], alone.flat)
    for name, start in soap.start(leaves).items():
        assert torch.equal(arrays[name], start) == name.startswith("1.")
