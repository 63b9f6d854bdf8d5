"""From what foreign files say, element by element, to a potential in float64, eV and Å."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from nnp.learn import network, potential
from nnp.learn.behler.by_centre import ByCentre
from nnp.learn.behler.function import Function
from nnp.learn.behler.functions import BehlerFunctions
from nnp.learn.foreign.weights_data import Layers


@dataclass(frozen=True, kw_only=True, eq=False)
class Element:
    """One element's part of a potential; n functions.

    Attributes:
        symbol: of the element.
        functions: symmetry functions in Å, in the order of the inputs.
        shift, scale: (n,) x = (G - shift) · scale.
        lower, upper: (n,) range of G in the training data; None where the files do not say.
        layers: weights (out, in) and biases (out,) of every layer.
        activations: names for all layers.
        reference_energy: eV.
    """

    symbol: str
    functions: tuple[Function, ...]
    shift: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    lower: npt.NDArray[np.float64] | None
    upper: npt.NDArray[np.float64] | None
    layers: Layers
    activations: tuple[str, ...]
    reference_energy: float


def to_potential(elements: Sequence[Element], energy_ev: float) -> potential.Potential:
    """The potential.

    Args:
        elements: by atomic number.
        energy_ev: what one unit of the networks' outputs is in eV.
    """
    symbols = tuple(element.symbol for element in elements)
    lists = [BehlerFunctions(elements=symbols, functions=element.functions) for element in elements]
    inputs = max(len(element.functions) for element in elements)
    ranges = [element.lower is not None and element.upper is not None for element in elements]
    return potential.Potential(
        symmetry_functions=ByCentre(elements=symbols, descriptors=tuple(lists)),
        shift=_padded([element.shift for element in elements]),
        scale=_padded([element.scale for element in elements]),
        members=[potential.Head([_network(element, energy_ev, inputs) for element in elements])],
        reference_energies={element.symbol: element.reference_energy for element in elements},
        lower=_padded([e.lower for e in elements if e.lower is not None]) if all(ranges) else None,
        upper=_padded([e.upper for e in elements if e.upper is not None]) if all(ranges) else None,
    )


def divided(layers: Layers) -> Layers:
    """What `normalize_nodes` means: every pre-activation over the number of neurons of the layer before."""
    return [(weight / weight.shape[1], bias / weight.shape[1]) for weight, bias in layers]


def without_linear(layers: Layers, activations: Sequence[str]) -> tuple[Layers, tuple[str, ...]]:
    """The same network with each linear layer multiplied into the one after it."""
    kept: Layers = []
    names: list[str] = []
    for (weight, bias), name in zip(layers, activations, strict=True):
        if names and names[-1] == "linear":
            before, offset = kept.pop()
            names.pop()
            kept.append((weight @ before, weight @ offset + bias))
        else:
            kept.append((weight, bias))
        names.append(name)
    return kept, tuple(names)


def _network(element: Element, energy_ev: float, inputs: int) -> network.Network:
    """The network with its output in eV and one input for each column of the padded functions."""
    layers, activations = without_linear(element.layers, element.activations)
    weight, bias = layers[0]
    layers[0] = (np.pad(weight, ((0, 0), (0, inputs - weight.shape[1]))), bias)
    if activations[-1] == "linear":
        weight, bias = layers[-1]
        layers[-1] = (weight * energy_ev, bias * energy_ev)
    else:
        layers.append((np.array([[energy_ev]]), np.zeros(1)))
        activations = (*activations, "linear")
    return network.Network(
        [torch.from_numpy(np.ascontiguousarray(weight)) for weight, _ in layers],
        [torch.from_numpy(np.ascontiguousarray(bias)) for _, bias in layers],
        simplified(activations),
    )


def simplified(activations: Sequence[str]) -> str:
    """One name where all hidden layers have it and the output is linear; otherwise all names joined by commas."""
    hidden = set(activations[:-1])
    return hidden.pop() if len(hidden) == 1 and activations[-1] == "linear" else ",".join(activations)


def layer_names(activation: str, layers: int) -> tuple[str, ...]:
    """The inverse of ``simplified``: the activations of all layers."""
    return tuple(activation.split(",")) if "," in activation else (*[activation] * (layers - 1), "linear")


def _padded(rows: Sequence[npt.NDArray[np.float64]]) -> torch.Tensor:
    """Rows of different lengths as one array (E, D), zero beyond each."""
    array = np.zeros((len(rows), max(len(row) for row in rows)))
    for number, row in enumerate(rows):
        array[number, : len(row)] = row
    return torch.from_numpy(array)
