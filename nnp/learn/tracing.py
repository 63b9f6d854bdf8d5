"""A stand-in for ``torch.Tensor`` that writes ONNX nodes: what is trained is what is exported.

``SymbolicTensor`` answers torch's function protocol, so plain torch code called with it appends nodes of the standard
operator set to a ``Graph`` (equal nodes once); real tensors that it meets become initializers. Only the operations
that our functions use are known; another one raises ``NotImplementedError`` with its name. Sizes are integers, or
names of dynamic sizes such as ``"atoms"``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

OPSET = 20
Size = int | str
DATA_TYPES = {
    torch.float32: onnx.TensorProto.FLOAT,
    torch.float64: onnx.TensorProto.DOUBLE,
    torch.int64: onnx.TensorProto.INT64,
    torch.bool: onnx.TensorProto.BOOL,
}


class Graph:
    """Nodes, initializers and inputs collected while functions run on symbolic tensors.

    Args:
        operations: name of a torch function or method -> the same on symbolic tensors.
        prefix: of all names that it makes.
    """

    def __init__(self, operations: Mapping[str, Callable[..., Any]], prefix: str = "") -> None:
        self.operations = operations
        self.prefix = prefix
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[Any, onnx.TensorProto] = {}
        self.inputs: list[SymbolicTensor] = []
        self.cuts: list[SymbolicTensor] = []
        self._known: dict[Any, str] = {}
        self._sizes: dict[str, str] = {}

    def input(self, name: str, dtype: torch.dtype, shape: Sequence[Size]) -> SymbolicTensor:
        """A graph input; its named sizes become known."""
        tensor = SymbolicTensor(self, name, dtype, tuple(shape))
        self.inputs.append(tensor)
        self._learn_sizes(tensor)
        return tensor

    def emit(
        self, op: str, inputs: Sequence[Any], dtype: torch.dtype, shape: Sequence[Size], **attributes: Any
    ) -> SymbolicTensor:
        """The output of a node, appended unless an equal one exists; numbers among the inputs become constants."""
        like = next((x.dtype for x in inputs if isinstance(x, SymbolicTensor)), dtype)
        names = [self.name_of(x, like) for x in inputs]
        output = self._known_output(op, names, attributes)
        tensor = SymbolicTensor(self, output, dtype, tuple(shape))
        self._learn_sizes(tensor)
        return tensor

    def emit_several(
        self, op: str, inputs: Sequence[Any], dtype: torch.dtype, shapes: Sequence[Sequence[Size]], **attributes: Any
    ) -> tuple[SymbolicTensor, ...]:
        """The outputs of a node that has several."""
        names = [f"{self.prefix}t{len(self.nodes)}_{i}" for i in range(len(shapes))]
        self.nodes.append(helper.make_node(op, [self.name_of(x, dtype) for x in inputs], names, **attributes))
        return tuple(SymbolicTensor(self, name, dtype, tuple(shape)) for name, shape in zip(names, shapes, strict=True))

    def named(self, tensor: SymbolicTensor, name: str) -> SymbolicTensor:
        """The same tensor under a name of its own, at which the graph can be cut (``onnx_graph.pruned``)."""
        self.nodes.append(helper.make_node("Identity", [tensor.name], [name]))
        result = SymbolicTensor(self, name, tensor.dtype, tensor.shape)
        self.cuts.append(result)
        return result

    def loop(
        self, times: SymbolicTensor, carried: Sequence[SymbolicTensor], body: Callable[..., Sequence[Any]]
    ) -> tuple[SymbolicTensor, ...]:
        """The carried tensors after ``body`` was run on them ``times`` times; it sees nothing else of this graph.

        Args:
            times: number of runs, a scalar int64; after 0 runs the tensors are what they were.
            carried: what the first run gets.
            body: from the carried tensors to their successors, of the same shapes.
        """
        prefix = f"{self.prefix}b{len(self.nodes)}_"
        inner = Graph(self.operations, prefix)
        given = [inner.input(f"{prefix}in{i}", tensor.dtype, tensor.shape) for i, tensor in enumerate(carried)]
        ends = [inner.name_of(tensor, start.dtype) for tensor, start in zip(body(*given), carried, strict=True)]
        names = [f"{prefix}out{i}" for i in range(len(carried))]
        inner.nodes += [helper.make_node("Identity", [end], [name]) for end, name in zip(ends, names, strict=True)]
        inner.nodes.append(helper.make_node("Identity", [f"{prefix}going"], [f"{prefix}on"]))
        scalars = [(f"{prefix}count", onnx.TensorProto.INT64), (f"{prefix}going", onnx.TensorProto.BOOL)]
        inputs = [helper.make_tensor_value_info(name, kind, []) for name, kind in scalars]
        inputs += [_info(tensor.name, tensor) for tensor in given]
        outputs = [helper.make_tensor_value_info(f"{prefix}on", onnx.TensorProto.BOOL, [])]
        outputs += [_info(name, tensor) for name, tensor in zip(names, carried, strict=True)]
        graph = helper.make_graph(inner.nodes, f"{prefix}body", inputs, outputs, list(inner.initializers.values()))
        results = [f"{self.prefix}t{len(self.nodes)}_{i}" for i in range(len(carried))]
        self.nodes.append(helper.make_node("Loop", [times.name, "", *(t.name for t in carried)], results, body=graph))
        return tuple(SymbolicTensor(self, name, t.dtype, t.shape) for name, t in zip(results, carried, strict=True))

    def name_of(self, value: Any, dtype: torch.dtype) -> str:
        """The name of a symbolic tensor, or of the initializer that holds a real tensor or a number."""
        if isinstance(value, SymbolicTensor):
            return value.name
        if isinstance(value, torch.Tensor):
            array = value.detach().cpu().numpy()
        else:
            array = np.asarray(value, dtype=np.dtype(str(dtype).removeprefix("torch.")))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.initializers:
            name = f"{self.prefix}c{len(self.initializers)}"
            self.initializers[key] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return self.initializers[key].name

    def size_vector(self, sizes: Sequence[Size]) -> str:
        """Name of an int64 vector with these sizes."""
        if all(isinstance(size, int) for size in sizes):
            return self.name_of(torch.tensor(sizes), torch.int64)
        return self._known_output("Concat", [self._size(size) for size in sizes], {"axis": 0})

    def _size(self, size: Size) -> str:
        """Name of an int64 vector with one size; a product such as ``"atoms*neighbours"`` may not be known yet."""
        if isinstance(size, int):
            return self.name_of(torch.tensor([size]), torch.int64)
        if size not in self._sizes:
            factors = [self._size(int(factor) if factor.isdigit() else factor) for factor in size.split("*")]
            self._sizes[size] = functools.reduce(lambda a, b: self._known_output("Mul", [a, b], {}), factors)
        return self._sizes[size]

    def _learn_sizes(self, tensor: SymbolicTensor) -> None:
        for axis, size in enumerate(tensor.shape):
            if isinstance(size, str) and size not in self._sizes:
                self._sizes[size] = self._known_output("Shape", [tensor.name], {"start": axis, "end": axis + 1})

    def _known_output(self, op: str, names: Sequence[str], attributes: dict[str, Any]) -> str:
        key = (op, tuple(names), tuple(sorted((k, str(v)) for k, v in attributes.items())))
        if key not in self._known:
            self._known[key] = f"{self.prefix}t{len(self.nodes)}"
            self.nodes.append(helper.make_node(op, list(names), [self._known[key]], **attributes))
        return self._known[key]


def named(tensor: torch.Tensor, name: str) -> torch.Tensor:
    """The tensor; in a graph under this name, see ``Graph.named``."""
    return tensor.graph.named(tensor, name) if isinstance(tensor, SymbolicTensor) else tensor


def _info(name: str, tensor: SymbolicTensor) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, DATA_TYPES[tensor.dtype], list(tensor.shape))


def where_needed(
    count: torch.Tensor, body: Callable[..., Sequence[torch.Tensor]], carried: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, ...]:
    """``body`` of the carried tensors where ``count`` is not zero, and these tensors as they are where it is.

    In a graph the body costs nothing where it is not needed. It must not use tensors that it is not given.

    Args:
        count: a scalar, int64.
        body: to tensors of the same shapes.
        carried: what it gets.
    """
    if isinstance(count, SymbolicTensor):
        given = [cast("SymbolicTensor", tensor) for tensor in carried]
        return cast("tuple[torch.Tensor, ...]", count.graph.loop(count, given, body))
    return tuple(body(*carried)) if bool(count) else tuple(carried)


class SymbolicTensor:
    """A value of a graph: name, dtype and shape, with the part of torch's tensor interface that our functions use."""

    def __init__(self, graph: Graph, name: str, dtype: torch.dtype, shape: tuple[Size, ...]) -> None:
        self.graph = graph
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.device = torch.device("cpu")

    @property
    def ndim(self) -> int:
        """Number of axes, as of a tensor."""
        return len(self.shape)

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        del types
        every = [item for value in args for item in (value if isinstance(value, list | tuple) else [value])]
        traced = next(item for item in every if isinstance(item, SymbolicTensor))
        return traced.call(function.__name__.strip("_"), *args, **(kwargs or {}))

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """The result of a torch function or method, by name."""
        if name not in self.graph.operations:
            raise NotImplementedError(f"torch operation {name!r} has no ONNX form in nnp.learn.onnx_operations")
        return self.graph.operations[name](*args, **kwargs)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__") or name not in self.graph.operations:
            raise AttributeError(name)
        return lambda *args, **kwargs: self.call(name, self, *args, **kwargs)

    def __getitem__(self, index: Any) -> SymbolicTensor:
        return self.call("getitem", self, index)

    def __add__(self, other: Any) -> SymbolicTensor:
        return self.call("add", self, other)

    def __radd__(self, other: Any) -> SymbolicTensor:
        return self.call("add", other, self)

    def __sub__(self, other: Any) -> SymbolicTensor:
        return self.call("sub", self, other)

    def __rsub__(self, other: Any) -> SymbolicTensor:
        return self.call("sub", other, self)

    def __mul__(self, other: Any) -> SymbolicTensor:
        return self.call("mul", self, other)

    def __rmul__(self, other: Any) -> SymbolicTensor:
        return self.call("mul", other, self)

    def __truediv__(self, other: Any) -> SymbolicTensor:
        return self.call("div", self, other)

    def __rtruediv__(self, other: Any) -> SymbolicTensor:
        return self.call("div", other, self)

    def __neg__(self) -> SymbolicTensor:
        return self.call("neg", self)

    def __eq__(self, other: object) -> SymbolicTensor:  # type: ignore[override]
        return self.call("eq", self, other)

    def __gt__(self, other: Any) -> SymbolicTensor:
        return self.call("gt", self, other)

    def __lt__(self, other: Any) -> SymbolicTensor:
        return self.call("lt", self, other)

    __hash__ = None  # type: ignore[assignment]
