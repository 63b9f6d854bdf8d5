"""The checkpoint of a finished training: definition and weights, from which a later training can start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nnp.core import errors, recipe
from nnp.learn import (
    baseline,
    checkpoint,
    densities,
    descriptor,
    network,
    reference_energies,
    repulsion,
    scaling,
    stacks,
)
from nnp.learn import definition as definitions
from nnp.learn import potential as potentials

KIND = "potential"
NESTED = "baseline."
"""Arrays with this prefix and a sha256 are checkpoints of other potentials."""
GUEST = ("centres", "without")
"""Elements that only guest and difference potentials name."""
SCALING_ARRAYS = ("shift", "scale", "lowest", "highest")


class Shape(recipe.Network):
    """Networks of any widths and activations, as imported potentials have them; no recipe can ask for them.

    Attributes:
        activation_by_element: where not ``activation``, as of ``network.activations``.
    """

    hidden: tuple[int, ...]
    hidden_by_element: dict[str, tuple[int, ...]]
    activation: str  # type: ignore[assignment]
    activation_by_element: dict[str, str]


def activations_of(shape: recipe.Network, elements: Sequence[str]) -> list[str]:
    """The activation of each element's network, as of ``network.activations``."""
    own = shape.activation_by_element if isinstance(shape, Shape) else {}
    return [own.get(element, shape.activation) for element in elements]


def members_of(found: "Weights") -> list[stacks.Stack]:
    """The committee of a finished potential as stacks."""
    elements = found.definition.functions.elements
    activations = [activations_of(shape, elements) for shape in found.committee]
    return stacks.from_weights(activations, found.members)


def suits(shape: recipe.Network, wanted: recipe.Network, elements: Sequence[str]) -> bool:
    """Whether a recipe asks for this network; of an imported one only the widths count, it keeps its activations."""
    if not isinstance(shape, Shape):
        return shape == wanted
    return all(shape.widths(element) == wanted.widths(element) for element in elements)


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """All numbers of a trained potential, in the units of the training.

    Attributes:
        definition: symmetry functions, scaling, reference energies, unit.
        committee: shapes of the members.
        members: their weights.
        replicas: shapes of the replicas, or none.
        copies: their weights.
    """

    definition: definitions.Definition
    committee: tuple[recipe.Network, ...]
    members: tuple[stacks.Weights, ...]
    replicas: tuple[recipe.Network, ...]
    copies: tuple[stacks.Weights, ...]


def pack(weights: Weights) -> bytes:
    """The bytes of the checkpoint."""
    definition = weights.definition
    header: dict[str, Any] = {
        "kind": KIND,
        "symmetry_functions": definition.functions.to_dict(),
        "reference_energies": definition.references.energies,
        "free_directions": list(definition.references.free_directions),
        "unit": definition.unit,
        "dropped": [list(pair) for pair in definition.scaled.dropped],
        "warnings": list(definition.warnings),
        "committee": [shape.model_dump(mode="json") for shape in weights.committee],
        "replicas": [shape.model_dump(mode="json") for shape in weights.replicas],
    }
    arrays = {f"scaling.{name}": getattr(definition.scaled, name) for name in SCALING_ARRAYS}
    for kind, heads in (("committee", weights.members), ("replicas", weights.copies)):
        for number, elements in enumerate(heads):
            for element, layers in enumerate(elements):
                for layer, (weight, bias) in enumerate(layers):
                    arrays[f"{kind}.{number}.{element}.{layer}.weight"] = weight
                    arrays[f"{kind}.{number}.{element}.{layer}.bias"] = bias
    header |= {name: list(told) for name in GUEST if (told := getattr(definition, name)) is not None}
    repelling, known = definition.repulsion, definition.baseline
    if repelling is not None:
        header["repulsion"] = repelling.to_dict()
    if known is not None:
        header["baseline"] = known.to_dict()
        arrays |= {f"{NESTED}{key}": np.frombuffer(data, dtype=np.uint8) for key, data in known.checkpoints().items()}
    return checkpoint.pack(header, arrays)


def unpack(data: bytes) -> Weights:
    """The inverse of `pack`.

    Raises:
        CheckpointError: not the checkpoint of a finished training, damaged, or of newer code.
    """
    header, arrays = checkpoint.unpack(data)
    if header.get("kind") != KIND:
        raise errors.CheckpointError("this is not the checkpoint of a finished training")
    committee, replicas = (tuple(_shape(fields) for fields in header[kind]) for kind in ("committee", "replicas"))
    functions = descriptor.from_dict(header["symmetry_functions"])
    nested = {name.removeprefix(NESTED): array.tobytes() for name, array in arrays.items() if name.startswith(NESTED)}
    kept: Mapping[str, Any] = {name: arrays[f"scaling.{name}"] for name in SCALING_ARRAYS}
    return Weights(
        definition=definitions.Definition(
            functions=functions,
            scaled=scaling.Scaling(**kept, dropped=tuple((e, f) for e, f in header["dropped"])),
            references=reference_energies.ReferenceEnergies(
                energies=header["reference_energies"], free_directions=tuple(header["free_directions"])
            ),
            unit=header["unit"],
            warnings=tuple(header["warnings"]),
            repulsion=repulsion.Repulsion.from_dict(fields) if (fields := header.get("repulsion")) else None,
            baseline=baseline.from_dict(fields, nested) if (fields := header.get("baseline")) else None,
            **{name: tuple(header[name]) for name in GUEST if name in header},
        ),
        committee=committee,
        members=_heads("committee", committee, functions.elements, arrays),
        replicas=replicas,
        copies=_heads("replicas", replicas, functions.elements, arrays),
    )


def to_potential(weights: Weights, density: densities.Density | None = None) -> potentials.Potential:
    """The potential in float64 and eV: the energy unit is multiplied into the last layers."""
    definition = weights.definition
    scaled = definition.scaled
    ranged = bool(np.isfinite(scaled.lowest).all())  # an imported potential may come without
    return potentials.Potential(
        symmetry_functions=definition.functions,
        shift=torch.from_numpy(scaled.shift),
        scale=torch.from_numpy(scaled.scale),
        members=_modules(weights.committee, weights.members, definition),
        replicas=_modules(weights.replicas, weights.copies, definition),
        reference_energies=definition.references.energies,
        lower=torch.from_numpy(scaled.lowest) if ranged else None,
        upper=torch.from_numpy(scaled.highest) if ranged else None,
        density=density,
        repulsion=definition.repulsion,
        baseline=definition.baseline,
    )


def _shape(fields: Mapping[str, Any]) -> recipe.Network:
    return (Shape if "activation_by_element" in fields else recipe.Network).model_validate(fields)


def _heads(
    kind: str, shapes: Sequence[recipe.Network], elements: Sequence[str], arrays: Mapping[str, np.ndarray]
) -> tuple[stacks.Weights, ...]:
    return tuple(
        [
            [
                tuple(arrays[f"{kind}.{number}.{element}.{layer}.{part}"] for part in ("weight", "bias"))  # type: ignore[misc]
                for layer in range(len(shape.widths(symbol)) + 1)
            ]
            for element, symbol in enumerate(elements)
        ]
        for number, shape in enumerate(shapes)
    )


def _modules(
    shapes: Sequence[recipe.Network], heads: Sequence[stacks.Weights], definition: definitions.Definition
) -> list[potentials.Head]:
    elements = definition.functions.elements
    return [
        potentials.Head(
            [
                _network(layers, activation, definition.unit)
                for layers, activation in zip(head, activations_of(shape, elements), strict=True)
            ]
        )
        for shape, head in zip(shapes, heads, strict=True)
    ]


def _network(layers: Sequence[tuple[np.ndarray, np.ndarray]], activation: str, unit: float) -> network.Network:
    """One element's network; torch wants (out, in) where training has (in, out)."""
    if not any(weight.any() or bias.any() for weight, bias in layers):  # the element is no centre
        inputs = len(layers[0][0])
        return network.Network([torch.zeros((1, inputs), dtype=torch.float64)], [torch.zeros(1).double()], activation)
    matrices = [torch.from_numpy(weight.T.astype(np.float64)) for weight, _ in layers]
    biases = [torch.from_numpy(bias.astype(np.float64)) for _, bias in layers]
    matrices[-1], biases[-1] = matrices[-1] * unit, biases[-1] * unit
    return network.Network([m.contiguous() for m in matrices], biases, activation)
