"""Reading an ONNX file of a potential: its manifest, and the part of the graph that some outputs need.

ONNX Runtime computes the whole graph whatever outputs are asked for, so a session is made from a pruned graph.
"""

from collections.abc import Collection
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from nnp.core import errors
from nnp.core.manifest import METADATA_KEY, Manifest


def read(source: bytes | Path) -> tuple[onnx.ModelProto, Manifest]:
    """The graph and the manifest of a file.

    Raises:
        errors.ManifestError: not an ONNX file, without a manifest, or with one that this code cannot read.
    """
    content = source if isinstance(source, bytes) else Path(source).read_bytes()
    try:
        graph = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise errors.ManifestError("the file is not an ONNX file, or it is damaged") from error
    texts = [entry.value for entry in graph.metadata_props if entry.key == METADATA_KEY]
    if len(texts) != 1:
        raise errors.ManifestError("the ONNX file has no nnpd manifest: it is no potential of nnpd")
    return graph, Manifest.from_json(texts[0])


def pruned(file: onnx.ModelProto, outputs: Collection[str], cuts: Collection[str] = ()) -> onnx.ModelProto:
    """The same file with only these outputs and the nodes, initializers and inputs that they need.

    Args:
        file: of a potential.
        outputs: names of outputs or of cuts.
        cuts: names of ``nnp.core.cuts`` that become inputs, as far as the outputs depend on them.
    """
    graph = file.graph
    needed, nodes = set(outputs), []
    for node in reversed(graph.node):
        if needed.intersection(node.output).difference(cuts):
            needed.update(node.input)
            nodes.append(node)
    inside = {item.name: item for item in graph.value_info}
    fed = [inside[name] for name in sorted(needed.intersection(cuts).intersection(inside))]
    made = [inside[name] for name in sorted(inside.keys() & set(outputs))]
    result = onnx.ModelProto()
    result.CopyFrom(file)
    for name, kept in (
        ("node", reversed(nodes)),
        ("initializer", [item for item in graph.initializer if item.name in needed]),
        ("input", [*(item for item in graph.input if item.name in needed), *fed]),
        ("output", [*(item for item in graph.output if item.name in outputs), *made]),
        ("value_info", [item for item in graph.value_info if item.name in needed and item not in [*fed, *made]]),
    ):
        result.graph.ClearField(name)
        getattr(result.graph, name).extend(kept)
    return result
