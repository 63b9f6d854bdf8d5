"""A potential as an ONNX file: standard operators, dynamic sizes, the manifest in its metadata.

The graph is ``potential.outputs`` run once on symbolic tensors (``tracing``): the formulas exist once. docs/onnx.md is
the contract.
"""

import copy
from collections.abc import Sequence
from importlib import metadata
from typing import Any, cast

import onnx
import torch
from onnx import helper

from nnp.core import onnx_graph
from nnp.core.manifest import METADATA_KEY, Manifest
from nnp.learn import onnx_operations, tracing
from nnp.learn import potential as potentials

IR_VERSION = 10
DTYPES = {"float32": torch.float32, "float64": torch.float64}
INPUTS: dict[str, tuple[str, list[int | str]]] = {
    "vectors": ("float", ["atoms", 3, "neighbours"]),
    "neighbour_species": ("int64", ["atoms", "neighbours"]),
    "species": ("int64", ["atoms"]),
    "reverse": ("int64", ["atoms", "neighbours"]),
}
"""Name -> kind and shape of every input."""


def describe(
    potential: potentials.Potential,
    dtype: str,
    *,
    name: str | None = None,
    calibration: dict[str, Any] | None = None,
    training: dict[str, Any] | None = None,
) -> Manifest:
    """The manifest of a potential.

    Args:
        potential: parameters.
        dtype: ``float32`` or ``float64``, of the file to be written.
        name: of the potential.
        calibration: as ``Manifest.calibration``.
        training: provenance.
    """
    _, outputs = _traced(potential, dtype)
    return Manifest(
        name=name,
        elements=potential.elements,
        cutoff=potential.cutoff,
        dtype=dtype,
        inputs={key: shape for key, (_, shape) in INPUTS.items()},
        outputs={key: list(tensor.shape) for key, tensor in outputs.items()},
        reference_energies=dict(potential.reference_energies),
        n_members=len(potential.members),
        n_replicas=len(potential.replicas),
        symmetry_functions=potential.symmetry_functions.to_dict(),
        repulsion=None if potential.repulsion is None else potential.repulsion.to_dict(),
        baseline=None if potential.baseline is None else potential.baseline.to_dict(),
        density=_lowest_densities(potential),
        networks={
            "members": _topologies(potential.members, potential.elements),
            "replicas": _topologies(potential.replicas, potential.elements),
        },
        calibration=calibration,
        training=training or {},
        code_version=metadata.version("nnpd"),
    )


def to_onnx(potential: potentials.Potential, manifest: Manifest, dtype: str | None = None) -> bytes:
    """The ONNX file of a potential.

    Args:
        potential: parameters.
        manifest: of ``describe``; its dtype counts unless ``dtype`` is given, which then replaces it.
        dtype: ``float32`` or ``float64``.

    Returns:
        The bytes of a checked file; equal for equal arguments.
    """
    if dtype is not None and dtype != manifest.dtype:
        fields = {**manifest.__dict__, "dtype": dtype}
        manifest = Manifest(**fields)
    graph, outputs = _traced(potential, manifest.dtype)
    for key, tensor in outputs.items():
        graph.nodes.append(helper.make_node("Identity", [tensor.name], [key]))
    infos = [_info(key, tensor) for key, tensor in outputs.items()]
    inputs = [_info(tensor.name, tensor) for tensor in graph.inputs]
    body = helper.make_graph(
        graph.nodes,
        "potential",
        inputs,
        infos,
        initializer=list(graph.initializers.values()),
        value_info=[_info(tensor.name, tensor) for tensor in graph.cuts],
    )
    file = helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", tracing.OPSET)],
        ir_version=IR_VERSION,
        producer_name="nnpd",
        producer_version=manifest.code_version,
    )
    file = onnx_graph.pruned(file, list(outputs))
    known = {item.name for item in file.graph.input}
    file.graph.input.extend(item for item in inputs if item.name not in known)
    helper.set_model_props(file, {METADATA_KEY: manifest.to_json()})
    onnx.checker.check_model(file)
    return file.SerializeToString(deterministic=True)


def _traced(potential: potentials.Potential, dtype: str) -> tuple[tracing.Graph, dict[str, tracing.SymbolicTensor]]:
    cast_potential = copy.deepcopy(potential).to(DTYPES[dtype]).requires_grad_(False)
    graph = tracing.Graph(onnx_operations.OPERATIONS)
    tensors = {
        key: graph.input(key, DTYPES[dtype] if kind == "float" else torch.int64, shape)
        for key, (kind, shape) in INPUTS.items()
    }
    outputs = potentials.outputs(cast_potential, **cast("dict[str, torch.Tensor]", tensors))
    return graph, cast("dict[str, tracing.SymbolicTensor]", outputs)


def _lowest_densities(potential: potentials.Potential) -> dict[str, Any] | None:
    if potential.lowest_densities is None:
        return None
    return {"lowest": dict(zip(potential.elements, map(float, potential.lowest_densities), strict=True))}


def _info(name: str, tensor: tracing.SymbolicTensor) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, tracing.DATA_TYPES[tensor.dtype], list(tensor.shape))


def _topologies(heads: torch.nn.ModuleList, elements: Sequence[str]) -> list[dict[str, Any]]:
    """Activation and hidden widths of every head, by element where they differ."""
    topologies = []
    for head in heads:
        networks = [cast("potentials.Head", head).network(element) for element in range(len(elements))]
        hidden = _common([list(network.hidden) for network in networks], elements)
        topologies.append({"hidden": hidden, "activation": _common([n.activation for n in networks], elements)})
    return topologies


def _common(values: Sequence[Any], elements: Sequence[str]) -> Any:
    """One value where all elements have the same, or one by element."""
    return values[0] if all(other == values[0] for other in values) else dict(zip(elements, values, strict=True))
