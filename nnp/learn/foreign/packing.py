"""From an imported potential to the checkpoint's form, in which replicas and later trainings find it."""

from typing import Any

import numpy as np
import torch

from nnp.learn import reference_energies, scaling, stacks, weights
from nnp.learn.definition import Definition
from nnp.learn.network import Network
from nnp.learn.potential import Head, Potential


def to_weights(potential: Potential, warnings: tuple[str, ...] = ()) -> weights.Weights:
    """All numbers of a potential in float64; the energy unit of its networks is 1 eV.

    Args:
        potential: with one or more members; replicas and density are not taken over.
        warnings: sentences for the card.
    """
    heads = [head for head in potential.members if isinstance(head, Head)]
    return weights.Weights(
        definition=Definition(
            functions=potential.symmetry_functions,
            scaled=_scaling(potential),
            references=reference_energies.ReferenceEnergies(
                energies=dict(potential.reference_energies), free_directions=()
            ),
            unit=1.0,
            warnings=warnings,
        ),
        committee=tuple(_shape(head, potential.elements) for head in heads),
        members=tuple(_layers(head, len(potential.elements)) for head in heads),
        replicas=(),
        copies=(),
    )


def _scaling(potential: Potential) -> scaling.Scaling:
    scale = _array(potential.scale)
    unknown = np.full_like(scale, np.nan)
    return scaling.Scaling(
        shift=_array(potential.shift),
        scale=scale,
        lowest=unknown if potential.lower is None else _array(potential.lower),
        highest=unknown if potential.upper is None else _array(potential.upper),
        dropped=(),
    )


def _shape(head: Head, elements: tuple[str, ...]) -> weights.Shape:
    networks = {element: head.network(index) for index, element in enumerate(elements)}
    first = networks[elements[0]]
    return weights.Shape(
        hidden=first.hidden,
        hidden_by_element={e: one.hidden for e, one in networks.items() if one.hidden != first.hidden},
        activation=first.activation,
        activation_by_element={e: n.activation for e, n in networks.items() if n.activation != first.activation},
    )


def _layers(head: Head, elements: int) -> stacks.Weights:
    def one(network: Network) -> list[tuple[np.ndarray, np.ndarray]]:
        pairs = zip(network.weights, network.biases, strict=True)
        return [(np.ascontiguousarray(_array(weight).T), _array(bias)) for weight, bias in pairs]

    return [one(head.network(element)) for element in range(elements)]


def _array(tensor: Any) -> np.ndarray:
    assert isinstance(tensor, torch.Tensor)
    return tensor.detach().double().numpy().copy()
