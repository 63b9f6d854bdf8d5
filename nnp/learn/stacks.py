"""Networks of several members side by side, as training needs them: energies and dE/dG in a few large matrix products.

The networks of one element that have one depth and activation form a stack: their weights are padded with zeros to
common widths. A mask keeps the padding zero, so a stack is exactly its members.
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
    """Networks of one element that have the same depth and activation, of m members; L layers.

    Attributes:
        element: number of the element.
        activation: name of the activation.
        shapes: hidden widths of each member.
        position: position of each member in the committee.
        weights: of each layer (m, in, out), float32, the trainable parameters.
        biases: of each layer (m, 1, out).
        masks: of each layer (m, in, out), 1 where a weight belongs to the member.
    """

    element: int
    activation: str
    shapes: tuple[tuple[int, ...], ...]
    position: tuple[int, ...]
    weights: list[torch.Tensor]
    biases: list[torch.Tensor]
    masks: list[torch.Tensor]

    def parameters(self) -> list[torch.Tensor]:
        """All trainable tensors in a fixed order."""
        return [*self.weights, *self.biases]

    def parameter_masks(self, frozen: int = 0) -> list[torch.Tensor]:
        """For each of the parameters, 1 where it belongs to a member, 0 in the padding and in frozen first layers."""
        free = [torch.zeros_like(mask) if layer < frozen else mask for layer, mask in enumerate(self.masks)]
        return [*free, *((mask.sum(1, keepdim=True) > 0).to(mask.dtype) for mask in free)]

    def evaluate(self, inputs: torch.Tensor, slopes: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Atomic energies (m, n) of n atoms of the element from scaled inputs (n, D), and their slopes (m, n, D)."""
        hidden = inputs.expand(len(self.position), -1, -1)
        derivatives = []
        every = network.activations(self.activation, len(self.weights))
        for weight, bias, activate in zip(self.weights, self.biases, every, strict=True):
            hidden, derivative = activate(torch.baddbmm(bias, hidden, weight))
            derivatives.append(derivative)
        energies = hidden.squeeze(-1)
        if not slopes:
            return energies, None
        gradient = (derivatives.pop() * self.weights[-1].transpose(1, 2)) * derivatives[-1]
        for weight, derivative in zip(self.weights[-2:0:-1], derivatives[-2::-1], strict=True):
            gradient = torch.bmm(gradient, weight.transpose(1, 2)) * derivative
        return energies, torch.bmm(gradient, self.weights[0].transpose(1, 2))


def initial(
    networks: Sequence[recipe.Network],
    inputs: int,
    elements: Sequence[str],
    gain: float,
    random: np.random.Generator,
    *,
    centres: Sequence[str] | None = None,
) -> list[Stack]:
    """Stacks with random weights of standard deviation gain / sqrt(fan-in) and biases 0.

    Args:
        networks: shapes of the members.
        inputs: number D of symmetry functions.
        elements: chemical symbols.
        gain: factor on the spread.
        random: source of the weights.
        centres: elements that have networks; those of the others are zero and stay so. None = all.
    """

    def layers(wanted: recipe.Network, element: str) -> list[tuple[np.ndarray, np.ndarray]]:
        shapes = list(itertools.pairwise((inputs, *wanted.widths(element), 1)))
        if centres is not None and element not in centres:
            return [(np.zeros(shape), np.zeros(shape[1])) for shape in shapes]
        spreads = [gain] * (len(shapes) - 1) + [gain * OUTPUT_SPREAD]
        return [
            (random.normal(size=shape) * spread / np.sqrt(shape[0]), np.zeros(shape[1]))
            for shape, spread in zip(shapes, spreads, strict=True)
        ]

    members = [[layers(wanted, element) for element in elements] for wanted in networks]
    return from_weights([wanted.activation for wanted in networks], members)


def from_weights(activations: Sequence[str | Sequence[str]], members: Sequence[Weights]) -> list[Stack]:
    """Stacks of members with given weights; activations and weights in the order of the committee.

    A network of zeros stays zero: its element is no centre.

    Args:
        activations: of each member, one for all of its elements or one for each.
        members: weights of each.
    """
    stacks = []
    for element in range(len(members[0])):
        names = [name if isinstance(name, str) else name[element] for name in activations]
        kinds = [(len(weights[element]), name) for weights, name in zip(members, names, strict=True)]
        for kind in sorted(set(kinds)):
            own = [i for i, found in enumerate(kinds) if found == kind]
            stacks.append(_stack(element, kind[1], own, [members[i][element] for i in own]))
    return stacks


def _stack(
    element: int, activation: str, own: Sequence[int], members: Sequence[Sequence[tuple[np.ndarray, np.ndarray]]]
) -> Stack:
    sizes = [[layer[0].shape for layer in layers] for layers in members]
    widest = [tuple(max(pair) for pair in zip(*shapes, strict=True)) for shapes in zip(*sizes, strict=True)]
    masks = [torch.zeros((len(own), *shape)) for shape in widest]
    weights = [torch.zeros_like(mask) for mask in masks]
    biases = [torch.zeros((len(own), 1, shape[1])) for shape in widest]
    for row, layers in enumerate(members):
        trains = float(any(weight.any() or bias.any() for weight, bias in layers))
        for layer, (weight, bias) in enumerate(layers):
            rows, columns = weight.shape
            weights[layer][row, :rows, :columns] = torch.from_numpy(weight.astype(np.float32))
            biases[layer][row, 0, :columns] = torch.from_numpy(bias.astype(np.float32))
            masks[layer][row, :rows, :columns] = trains
    for tensor in (*weights, *biases):
        tensor.requires_grad_()
    return Stack(
        element=element,
        activation=activation,
        shapes=tuple(tuple(shape[1] for shape in shapes[:-1]) for shapes in sizes),
        position=tuple(own),
        weights=weights,
        biases=biases,
        masks=masks,
    )


def to_weights(stacks: Sequence[Stack]) -> list[Weights]:
    """The members' weights, without padding, in the order of the committee; float32 arrays."""
    found: dict[int, dict[int, list[tuple[np.ndarray, np.ndarray]]]] = {}
    for stack in stacks:
        for row, (position, hidden) in enumerate(zip(stack.position, stack.shapes, strict=True)):
            widths = (stack.masks[0].shape[1], *hidden, 1)
            found.setdefault(position, {})[stack.element] = [
                (
                    weight[row, : widths[layer], : widths[layer + 1]].detach().numpy().copy(),
                    bias[row, 0, : widths[layer + 1]].detach().numpy().copy(),
                )
                for layer, (weight, bias) in enumerate(zip(stack.weights, stack.biases, strict=True))
            ]
    return [[found[position][element] for element in sorted(found[position])] for position in sorted(found)]


def evaluate(
    stacks: Sequence[Stack], batch: batches.Batch, *, slopes: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Atomic energies (M, N) of a batch and, if `slopes`, dE/dG (M, N, D) of the unscaled functions."""
    energies, gradients = [], []
    for element, own in enumerate(batch.members):
        stacked = [stack for stack in stacks if stack.element == element]
        inputs = batch.inputs if len(batch.members) == 1 else batch.inputs[own]
        parts = [stack.evaluate(inputs, slopes) for stack in stacked]
        order = [position for stack in stacked for position in stack.position]
        energies.append(_ordered([energy for energy, _ in parts], order))
        if slopes:
            gradients.append(_ordered([slope for _, slope in parts if slope is not None], order))
    atomic = _gathered(energies, batch)
    return atomic, _gathered(gradients, batch) * batch.scale if slopes else None


def _gathered(parts: list[torch.Tensor], batch: batches.Batch) -> torch.Tensor:
    """Atoms by element back into their order."""
    if len(parts) == 1:
        return parts[0]
    back = torch.argsort(torch.cat(batch.members))
    return torch.cat(parts, dim=1).index_select(1, back)


def _ordered(parts: list[torch.Tensor], order: list[int]) -> torch.Tensor:
    """Members of all stacks of an element in the order of the committee."""
    joined = parts[0] if len(parts) == 1 else torch.cat(parts)
    if order == sorted(order):
        return joined
    return joined[torch.argsort(torch.tensor(order))]
