"""Atomic networks: E = W_n a(... a(W_1 x + b_1) ...) + b_n, their slopes, and dE/dx by one backward sweep.

a_l = a(z_l),  z_l = W_l a_{l-1} + b_l;     δ_n = seed · W_n,  δ_{l-1} = (δ_l ∘ a'(z_l)) W_l,   dE/dx = δ_0

Every activation is given with its slope and composed from operations that ONNX Runtime has in float64 on the CPU too
(no Erf, Softplus, Elu or Gelu kernels). All but ``relu`` and ``selu``, which are there for imported potentials, are
smooth: forces need a continuous slope, training needs a second one.
"""

import itertools
import math
from collections.abc import Callable, Sequence

import torch

Activation = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def _silu(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    s = torch.sigmoid(z)
    a = z * s
    return a, s + a * (1.0 - s)


def _tanh(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    a = torch.tanh(z)
    return a, 1.0 - a * a


def _softplus(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    # log(1 + e^z) = (z + |z|)/2 + log(1 + e^-|z|): no overflow, and autograd finds the slope 1/2 at z = 0
    size = torch.abs(z)
    return (z + size) * 0.5 + torch.log(torch.exp(-size) + 1.0), torch.sigmoid(z)


def _gelu(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    # the tanh form: ½ z (1 + t), t = tanh(c (z + 0.044715 z³)), c = √(2/π)
    c = math.sqrt(2.0 / math.pi)
    z2 = z * z
    t = torch.tanh(z * (z2 * (0.044715 * c) + c))
    half = t * 0.5 + 0.5
    return z * half, half + z * (1.0 - t * t) * (z2 * (1.5 * 0.044715 * c) + 0.5 * c)


def _linear(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return z, torch.ones_like(z)


def _logistic(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    a = torch.sigmoid(z)
    return a, a * (1.0 - a)


def _reversed_logistic(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    a = torch.sigmoid(-z)
    return a, a * (a - 1.0)


def _relu(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.clamp(z, min=0.0), (z > 0.0).to(z.dtype)


def _selu(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    # λ z above 0, λ α (e^z - 1) below: Klambauer et al., arXiv:1706.02515; without Elu, and e^0 = 1 where z > 0
    scale, depth = 1.0507009873554805, 1.0507009873554805 * 1.6732632423543772
    above, fall = (z > 0.0).to(z.dtype), torch.exp(torch.clamp(z, max=0.0)) * depth
    return torch.clamp(z, min=0.0) * scale + (fall - depth), above * scale + (1.0 - above) * fall


def _gaussian(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    a = torch.exp(z * z * -0.5)
    return a, -z * a


def _cos(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.cos(z), -torch.sin(z)


def _exponential(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    a = torch.exp(-z)
    return a, -a


def _harmonic(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return z * z, z + z  # not z * 2.0: ONNX Runtime 1.32 cannot fuse that with the product that follows


ACTIVATIONS: dict[str, Activation] = {
    "silu": _silu,
    "tanh": _tanh,
    "softplus": _softplus,
    "gelu": _gelu,
    "linear": _linear,
    "logistic": _logistic,
    "reversed_logistic": _reversed_logistic,
    "relu": _relu,
    "selu": _selu,
    "gaussian": _gaussian,
    "cos": _cos,
    "exponential": _exponential,
    "harmonic": _harmonic,
}
"""Name -> function of z that returns a(z) and a'(z)."""


def activations(name: str, layers: int) -> list[Activation]:
    """The activation of every layer.

    Args:
        name: one name, of every hidden layer, with a linear output layer; or the names of all layers, the output layer
            included, joined by commas.
        layers: number of layers, the output layer included.

    Raises:
        ValueError: a name is unknown, or there are too many or too few.
    """
    names = name.split(",") if "," in name else [name] * (layers - 1) + ["linear"]
    for one in (*names, name.split(",", maxsplit=1)[0]):
        if one not in ACTIVATIONS:
            raise ValueError(f"unknown activation {one!r}; known: {', '.join(ACTIVATIONS)}")
    if len(names) != layers:
        raise ValueError(f"{len(names)} activations ({name}) for {layers} layers")
    return [ACTIVATIONS[one] for one in names]


class Network(torch.nn.Module):
    """Parameters of one network: ``weights`` [(n_out, n_in), ...], ``biases`` [(n_out,), ...], and the activation.

    The activation is as of ``activations``: usually one name, and then a network without hidden layers is a linear map.
    """

    def __init__(self, weights: Sequence[torch.Tensor], biases: Sequence[torch.Tensor], activation: str) -> None:
        super().__init__()
        activations(activation, len(weights))
        self.weights = torch.nn.ParameterList(weights)
        self.biases = torch.nn.ParameterList(biases)
        self.activation = activation

    @classmethod
    def random(
        cls,
        inputs: int,
        hidden: Sequence[int],
        activation: str = "silu",
        *,
        generator: torch.Generator,
        dtype: torch.dtype = torch.float32,
    ) -> "Network":
        """One output; weights normal with variance 1/n_in, biases zero."""
        sizes = [inputs, *hidden, 1]
        weights = [
            torch.randn((after, before), generator=generator, dtype=dtype) * before**-0.5
            for before, after in itertools.pairwise(sizes)
        ]
        return cls(weights, [torch.zeros(size, dtype=dtype) for size in sizes[1:]], activation)

    @property
    def hidden(self) -> tuple[int, ...]:
        """Widths of the hidden layers."""
        return tuple(weight.shape[0] for weight in list(self.weights)[:-1])

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """As ``evaluate``."""
        return evaluate(self, x)


def evaluate(network: Network, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Outputs and the slopes that ``gradient`` needs.

    Args:
        network: parameters.
        x: scaled symmetry functions (N, D), dimensionless.

    Returns:
        Outputs (N, n_out), eV, and a'(z_l) (N, n_l) of every layer but a linear output layer.
    """
    slopes: list[torch.Tensor] = []
    every = activations(network.activation, len(network.weights))
    for weight, bias, activation in zip(network.weights, network.biases, every, strict=True):
        x = torch.nn.functional.linear(x, weight, bias)
        if activation is not _linear or len(slopes) < len(every) - 1:
            x, slope = activation(x)
            slopes.append(slope)
    return x, slopes


def gradient(network: Network, slopes: Sequence[torch.Tensor], seed: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """d(seed · outputs)/dx.

    Args:
        network: parameters.
        slopes: of ``evaluate``.
        seed: weight of each output (n_out,), dimensionless.
        like: x of ``evaluate`` (N, D); only its shape counts.

    Returns:
        (N, D), eV.
    """
    weights = list(network.weights)
    delta, hidden = seed.unsqueeze(0), list(slopes)  # (1, n)
    if len(slopes) == len(weights):
        delta = hidden.pop() * delta
    delta = torch.matmul(delta, weights[-1])
    for slope, weight in zip(reversed(hidden), reversed(weights[:-1]), strict=True):
        delta = torch.matmul(slope * delta, weight)
    return delta if slopes else torch.zeros_like(like) + delta


def merged(networks: Sequence[Network]) -> Network:
    """One network with one output per given network: first layers stacked, the others block-diagonal.

    All need the same inputs, number of layers and activation. Few wide products are faster than many narrow ones. For
    evaluation: the result has its own parameters, without gradients.
    """
    if len(networks) == 1:
        return networks[0]
    per_layer = list(zip(*(list(network.weights) for network in networks), strict=True))
    weights = [torch.cat(per_layer[0]).detach()]
    weights += [torch.block_diag(*blocks).detach() for blocks in per_layer[1:]]
    biases = [torch.cat(parts).detach() for parts in zip(*(list(network.biases) for network in networks), strict=True)]
    return Network(weights, biases, networks[0].activation).requires_grad_(False)
