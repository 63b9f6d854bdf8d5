"""Networks: slopes and gradients against autograd, and merged networks against their parts."""

import pytest
import torch

from nnp.learn import network


@pytest.mark.parametrize("name", network.ACTIVATIONS)
def test_the_slope_of_an_activation_is_its_derivative(name: str) -> None:
    z = torch.linspace(-30.0, 30.0, 240, dtype=torch.float64, requires_grad=True)
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
        ("linear", lambda z: z),
        ("logistic", torch.sigmoid),
        ("reversed_logistic", lambda z: 1.0 - torch.sigmoid(z)),
        ("relu", torch.relu),
        ("selu", torch.selu),
        ("gaussian", lambda z: torch.exp(-z.square() / 2)),
        ("cos", torch.cos),
        ("exponential", lambda z: torch.exp(-z)),
        ("harmonic", torch.square),
    ],
)
def test_activations_are_those_of_torch(name: str, torchs) -> None:
    z = torch.linspace(-15.0, 15.0, 61, dtype=torch.float64)
    torch.testing.assert_close(network.ACTIVATIONS[name](z)[0], torchs(z), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("hidden", "activation"),
    [
        ((), "silu"),
        ((7,), "silu"),
        ((6, 5), "silu"),
        ((6, 5, 4), "silu"),
        ((6, 5), "tanh,logistic,harmonic"),
        ((6,), "cos,cos"),
        ((6, 5), "linear,tanh,linear"),
    ],
)
def test_the_gradient_is_that_of_autograd(hidden: tuple[int, ...], activation: str) -> None:
    generator = torch.Generator().manual_seed(3)
    one = network.Network.random(4, hidden, activation, generator=generator, dtype=torch.float64)
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


def test_every_layer_may_have_its_own_activation() -> None:
    weights = [torch.tensor([[2.0]]), torch.tensor([[3.0]]), torch.tensor([[0.5]])]
    biases = [torch.tensor([0.1]), torch.tensor([0.2]), torch.tensor([0.3])]
    one = network.Network(weights, biases, "tanh,gaussian,harmonic")
    values, _ = network.evaluate(one, torch.tensor([[0.4]]))
    inner = torch.exp(-((3.0 * torch.tanh(torch.tensor(0.9)) + 0.2) ** 2) / 2)
    torch.testing.assert_close(values, ((0.5 * inner + 0.3) ** 2).reshape(1, 1))


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        ("sine", r"unknown activation 'sine'; known: silu"),
        ("tanh,sine", r"unknown activation 'sine'"),
        ("tanh,tanh", r"2 activations \(tanh,tanh\) for 1 layers"),
    ],
)
def test_an_activation_that_cannot_work_is_refused(activation: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network.Network([torch.ones(1, 1)], [torch.zeros(1)], activation)
