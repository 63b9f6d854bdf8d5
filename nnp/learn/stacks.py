"""Networks of several members side by side, as training needs them: energies and dE/dG in a few large matrix products.

Members of one depth and activation form a stack: their weights are padded with zeros to common widths. A mask keeps the
padding zero, so a stack is exactly its members.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nnp.core import recipe
from nnp.learn import batches, network

OUTPUT_SPREAD = 0.3
"""The output layer starts with this fraction of the spread of the others: the first energies are small."""

Weights = list[list[tuple[np.ndarray, np.ndarray]]]
"""Of one member: for each element, for each layer, weight (in, out) and bias (out,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Stack:
    """m members of one depth and activation; L layers, E elements.

    Attributes:
        activation: name of the activation.
        shapes: hidden widths of each member.
        position: position of each member in the committee.
        weights: per element and layer (m, in, out), float32, the trainable parameters.
        biases: per element and layer (m, 1, out).
        masks: per layer (m, in, out), 1 where a weight belongs to the member.
    """

    activation: str
    shapes: tuple[tuple[int, ...], ...]
    position: tuple[int, ...]
    weights: list[list[torch.Tensor]]
    biases: list[list[torch.Tensor]]
    masks: list[torch.Tensor]

    def parameters(self) -> list[torch.Tensor]:
        """All trainable tensors in a fixed order."""
        return [t for per_element in (*self.weights, *self.biases) for t in per_element]

    def parameter_masks(self) -> list[torch.Tensor]:
        """For each of the parameters, 1 where it belongs to a member and 0 in the padding."""
        weights = [mask for _ in self.weights for mask in self.masks]
        biases = [(mask.sum(1, keepdim=True) > 0).to(mask.dtype) for _ in self.biases for mask in self.masks]
        return weights + biases

    def evaluate(self, element: int, inputs: torch.Tensor, slopes: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Atomic energies (m, n) of n atoms of an element from scaled inputs (n, D), and their slopes (m, n, D)."""
        weights, biases = self.weights[element], self.biases[element]
        activate = network.ACTIVATIONS[self.activation]
        hidden = inputs.expand(len(self.position), -1, -1)
        derivatives = []
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            hidden, derivative = activate(torch.baddbmm(bias, hidden, weight))
            derivatives.append(derivative)
        energies = torch.baddbmm(biases[-1], hidden, weights[-1]).squeeze(-1)
        if not slopes:
            return energies, None
        gradient = weights[-1].transpose(1, 2) * derivatives[-1]
        for weight, derivative in zip(weights[-2:0:-1], derivatives[-2::-1], strict=True):
            gradient = torch.bmm(gradient, weight.transpose(1, 2)) * derivative
        return energies, torch.bmm(gradient, weights[0].transpose(1, 2))


def initial(
    networks: Sequence[recipe.Network], inputs: int, elements: int, gain: float, random: np.random.Generator
) -> list[Stack]:
    """Stacks with random weights of standard deviation gain / sqrt(fan-in) and biases 0.

    Args:
        networks: shapes of the members.
        inputs: number D of symmetry functions.
        elements: number E of elements.
        gain: factor on the spread.
        random: source of the weights.
    """
    members: list[Weights] = []
    for wanted in networks:
        widths = (inputs, *wanted.hidden, 1)
        layers = list(itertools.pairwise(widths))
        spreads = [gain] * (len(layers) - 1) + [gain * OUTPUT_SPREAD]
        members.append(
            [
                [
                    (random.normal(size=shape) * spread / np.sqrt(shape[0]), np.zeros(shape[1]))
                    for shape, spread in zip(layers, spreads, strict=True)
                ]
                for _ in range(elements)
            ]
        )
    return from_weights(networks, members)


def from_weights(networks: Sequence[recipe.Network], members: Sequence[Weights]) -> list[Stack]:
    """Stacks of members with given weights; `networks` and `members` in the order of the committee."""
    kinds = sorted({(len(wanted.hidden), wanted.activation) for wanted in networks})
    return [_stack(kind, networks, members) for kind in kinds]


def _stack(kind: tuple[int, str], networks: Sequence[recipe.Network], members: Sequence[Weights]) -> Stack:
    depth, activation = kind
    own = [i for i, n in enumerate(networks) if (len(n.hidden), n.activation) == kind]
    inputs = members[own[0]][0][0][0].shape[0]
    widths = [inputs, *(max(networks[i].hidden[layer] for i in own) for layer in range(depth)), 1]
    weights: list[list[torch.Tensor]] = []
    biases: list[list[torch.Tensor]] = []
    masks = [torch.zeros((len(own), widths[layer], widths[layer + 1])) for layer in range(depth + 1)]
    for element in range(len(members[own[0]])):
        weights.append([torch.zeros_like(mask) for mask in masks])
        biases.append([torch.zeros((len(own), 1, width)) for width in widths[1:]])
        for row, i in enumerate(own):
            for layer, (weight, bias) in enumerate(members[i][element]):
                rows, columns = weight.shape
                weights[element][layer][row, :rows, :columns] = torch.from_numpy(weight.astype(np.float32))
                biases[element][layer][row, 0, :columns] = torch.from_numpy(bias.astype(np.float32))
                masks[layer][row, :rows, :columns] = 1.0
    for tensor in (t for layers in (*weights, *biases) for t in layers):
        tensor.requires_grad_()
    return Stack(
        activation=activation,
        shapes=tuple(networks[i].hidden for i in own),
        position=tuple(own),
        weights=weights,
        biases=biases,
        masks=masks,
    )


def to_weights(stacks: Sequence[Stack]) -> list[Weights]:
    """The members' weights, without padding, in the order of the committee; float32 arrays."""
    found: dict[int, Weights] = {}
    for stack in stacks:
        for row, (position, hidden) in enumerate(zip(stack.position, stack.shapes, strict=True)):
            inputs = stack.masks[0].shape[1]
            widths = (inputs, *hidden, 1)
            found[position] = [
                [
                    (
                        weight[row, : widths[layer], : widths[layer + 1]].detach().numpy().copy(),
                        bias[row, 0, : widths[layer + 1]].detach().numpy().copy(),
                    )
                    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True))
                ]
                for weights, biases in zip(stack.weights, stack.biases, strict=True)
            ]
    return [found[position] for position in sorted(found)]


def evaluate(
    stacks: Sequence[Stack], batch: batches.Batch, *, slopes: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Atomic energies (M, N) of a batch and, if `slopes`, dE/dG (M, N, D) of the unscaled functions."""
    columns, gradients = [], []
    for stack in stacks:
        parts = [
            stack.evaluate(element, batch.inputs if len(batch.members) == 1 else batch.inputs[own], slopes)
            for element, own in enumerate(batch.members)
        ]
        columns.append(_gathered([energy for energy, _ in parts], batch))
        if slopes:
            gradients.append(_gathered([slope for _, slope in parts if slope is not None], batch))
    order = [position for stack in stacks for position in stack.position]
    energies = _ordered(columns, order)
    return energies, _ordered(gradients, order) * batch.scale if slopes else None


def _gathered(parts: list[torch.Tensor], batch: batches.Batch) -> torch.Tensor:
    """Rows by element back into the order of the atoms."""
    if len(parts) == 1:
        return parts[0]
    back = torch.argsort(torch.cat(batch.members))
    return torch.cat(parts, dim=1).index_select(1, back)


def _ordered(parts: list[torch.Tensor], order: list[int]) -> torch.Tensor:
    """Members of all stacks in the order of the committee."""
    joined = parts[0] if len(parts) == 1 else torch.cat(parts)
    if order == sorted(order):
        return joined
    return joined[torch.argsort(torch.tensor(order))]
