"""Networks: slopes and gradients against autograd, and merged networks against their parts."""

import pytest
import torch

from nnp.learn import network


@pytest.mark.parametrize("name", network.ACTIVATIONS)
def test_the_slope_of_an_activation_is_its_derivative(name: str) -> None:
    z = torch.linspace(-30.0, 30.0, 241, dtype=torch.float64, requires_grad=True)
    value, slope = network.ACTIVATIONS[name](z)
    (expected,) = torch.autograd.grad(value.sum(), z)
    assert value.isfinite().all()
    torch.testing.assert_close(slope, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("name", "torchs"),
    [
        ("silu", torch.nn.functional.silu),
        ("softplus", torch.nn.functional.softplus),
        ("gelu", lambda z: torch.nn.functional.gelu(z, approximate="tanh")),
    ],
)
def test_activations_are_those_of_torch(name: str, torchs) -> None:
    z = torch.linspace(-15.0, 15.0, 61, dtype=torch.float64)
    torch.testing.assert_close(network.ACTIVATIONS[name](z)[0], torchs(z), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("hidden", [(), (7,), (6, 5), (6, 5, 4)])
def test_the_gradient_is_that_of_autograd(hidden: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(3)
    one = network.Network.random(4, hidden, generator=generator, dtype=torch.float64)
    x = torch.randn((9, 4), generator=generator, dtype=torch.float64, requires_grad=True)
    values, slopes = network.evaluate(one, x)
    (expected,) = torch.autograd.grad(values.sum(), x, create_graph=True)
    found = network.gradient(one, slopes, torch.ones(1, dtype=torch.float64), x)
    torch.testing.assert_close(found, expected)
    # and so are the gradients of a loss on it, with respect to the weights
    parameters = list(one.weights)
    for ours, theirs in zip(
        torch.autograd.grad((found**2).sum(), parameters, retain_graph=True),
        torch.autograd.grad((expected**2).sum(), parameters),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_merged_networks_are_their_parts() -> None:
    generator = torch.Generator().manual_seed(3)
    parts = [network.Network.random(4, hidden, generator=generator) for hidden in ((5, 6), (3, 2), (4, 4))]
    x = torch.randn((9, 4), generator=generator)
    merged = network.merged(parts)
    together, slopes = network.evaluate(merged, x)
    torch.testing.assert_close(together, torch.cat([network.evaluate(part, x)[0] for part in parts], 1))
    one = torch.ones(1)
    mean = sum(network.gradient(part, network.evaluate(part, x)[1], one, x) for part in parts) / 3
    torch.testing.assert_close(network.gradient(merged, slopes, torch.full((3,), 1 / 3), x), mean)


def test_an_unknown_activation_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown activation 'relu'; known: silu"):
        network.Network([torch.ones(1, 1)], [torch.zeros(1)], "relu")
