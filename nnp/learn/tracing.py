"""A stand-in for ``torch.Tensor`` that writes ONNX nodes: what is trained is what is exported.

``SymbolicTensor`` answers torch's function protocol, so plain torch code called with it appends nodes of the standard
operator set to a ``Graph`` (equal nodes once); real tensors that it meets become initializers. Only the operations
that our functions use are known; another one raises ``NotImplementedError`` with its name. Sizes are integers, or
names of dynamic sizes such as ``"atoms"``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

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
    """Nodes, initializers and inputs collected while functions run on symbolic tensors."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[Any, onnx.TensorProto] = {}
        self.inputs: list[SymbolicTensor] = []
        self._known: dict[Any, str] = {}
        self._sizes: dict[str, str] = {}
        self._kept: list[torch.Tensor] = []

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
        names = [f"t{len(self.nodes)}_{i}" for i in range(len(shapes))]
        self.nodes.append(helper.make_node(op, [self.name_of(x, dtype) for x in inputs], names, **attributes))
        return tuple(SymbolicTensor(self, name, dtype, tuple(shape)) for name, shape in zip(names, shapes, strict=True))

    def name_of(self, value: Any, dtype: torch.dtype) -> str:
        """The name of a symbolic tensor, or of the initializer that holds a real tensor or a number."""
        if isinstance(value, SymbolicTensor):
            return value.name
        if isinstance(value, torch.Tensor):
            self._kept.append(value)  # its id stays its own
            array = value.detach().cpu().numpy()
        else:
            array = np.asarray(value, dtype=np.dtype(str(dtype).removeprefix("torch.")))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.initializers:
            self.initializers[key] = numpy_helper.from_array(np.ascontiguousarray(array), f"c{len(self.initializers)}")
        return self.initializers[key].name

    def size_vector(self, sizes: Sequence[Size]) -> str:
        """Name of an int64 vector with these sizes."""
        if all(isinstance(size, int) for size in sizes):
            return self.name_of(torch.tensor(sizes), torch.int64)
        parts = [self._sizes[s] if isinstance(s, str) else self.name_of(torch.tensor([s]), torch.int64) for s in sizes]
        return self._known_output("Concat", parts, {"axis": 0})

    def _learn_sizes(self, tensor: SymbolicTensor) -> None:
        for axis, size in enumerate(tensor.shape):
            if isinstance(size, str) and size not in self._sizes:
                self._sizes[size] = self._known_output("Shape", [tensor.name], {"start": axis, "end": axis + 1})

    def _known_output(self, op: str, names: Sequence[str], attributes: dict[str, Any]) -> str:
        key = (op, tuple(names), tuple(sorted((k, str(v)) for k, v in attributes.items())))
        if key not in self._known:
            self._known[key] = f"t{len(self.nodes)}"
            self.nodes.append(helper.make_node(op, list(names), [self._known[key]], **attributes))
        return self._known[key]


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
        return len(self.shape)

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        del types
        return _call(function.__name__.strip("_"), *args, **(kwargs or {}))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__") or name not in OPERATIONS:
            raise AttributeError(name)
        return lambda *args, **kwargs: _call(name, self, *args, **kwargs)

    def __getitem__(self, index: Any) -> SymbolicTensor:
        return _call("getitem", self, index)

    def __add__(self, other: Any) -> SymbolicTensor:
        return _call("add", self, other)

    def __radd__(self, other: Any) -> SymbolicTensor:
        return _call("add", other, self)

    def __sub__(self, other: Any) -> SymbolicTensor:
        return _call("sub", self, other)

    def __rsub__(self, other: Any) -> SymbolicTensor:
        return _call("sub", other, self)

    def __mul__(self, other: Any) -> SymbolicTensor:
        return _call("mul", self, other)

    def __rmul__(self, other: Any) -> SymbolicTensor:
        return _call("mul", other, self)

    def __truediv__(self, other: Any) -> SymbolicTensor:
        return _call("div", self, other)

    def __rtruediv__(self, other: Any) -> SymbolicTensor:
        return _call("div", other, self)

    def __neg__(self) -> SymbolicTensor:
        return _call("neg", self)

    def __eq__(self, other: object) -> SymbolicTensor:  # type: ignore[override]
        return _call("eq", self, other)

    def __gt__(self, other: Any) -> SymbolicTensor:
        return _call("gt", self, other)

    __hash__ = None  # type: ignore[assignment]


def _call(name: str, *args: Any, **kwargs: Any) -> Any:
    if name not in OPERATIONS:
        raise NotImplementedError(f"torch operation {name!r} has no ONNX form in nnp.learn.tracing")
    return OPERATIONS[name](*args, **kwargs)


def _graph(*values: Any) -> Graph:
    return next(value.graph for value in values if isinstance(value, SymbolicTensor))


def _shape(value: Any) -> tuple[Size, ...]:
    return tuple(value.shape) if isinstance(value, SymbolicTensor | torch.Tensor) else ()


def _broadcast(*shapes: Sequence[Size]) -> tuple[Size, ...]:
    rank = max(len(shape) for shape in shapes)
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    return tuple(next((size for size in column if size != 1), 1) for column in zip(*padded, strict=True))


def _axis(x: SymbolicTensor, axis: int) -> int:
    return axis % x.ndim


def _unary(op: str) -> Callable[[SymbolicTensor], SymbolicTensor]:
    return lambda x: x.graph.emit(op, [x], x.dtype, x.shape)


def _binary(op: str, dtype: torch.dtype | None = None) -> Callable[[Any, Any], SymbolicTensor]:
    def apply(a: Any, b: Any) -> SymbolicTensor:
        like = a if isinstance(a, SymbolicTensor) else b
        return like.graph.emit(op, [a, b], dtype or like.dtype, _broadcast(_shape(a), _shape(b)))

    return apply


def _reverse_subtract(a: SymbolicTensor, b: Any) -> SymbolicTensor:
    return _call("sub", b, a)


def _reverse_divide(a: SymbolicTensor, b: Any) -> SymbolicTensor:
    return _call("div", b, a)


def _matmul(a: Any, b: Any) -> SymbolicTensor:
    first, second = _shape(a), _shape(b)
    shape = (*_broadcast(first[:-2], second[:-2]), first[-2], second[-1])
    return _graph(a, b).emit("MatMul", [a, b], a.dtype, shape)


def _linear(x: SymbolicTensor, weight: torch.Tensor, bias: torch.Tensor) -> SymbolicTensor:
    return x.graph.emit("Gemm", [x, weight.detach().T.contiguous(), bias], x.dtype, (x.shape[0], weight.shape[0]))


def _clamp(x: SymbolicTensor, min: float | None = None, max: float | None = None) -> SymbolicTensor:
    if min is not None:
        x = x.graph.emit("Max", [x, min], x.dtype, x.shape)
    if max is not None:
        x = x.graph.emit("Min", [x, max], x.dtype, x.shape)
    return x


def _cat(tensors: Sequence[Any], dim: int = 0) -> SymbolicTensor:
    if len(tensors) == 1:
        return tensors[0]
    first = next(tensor for tensor in tensors if isinstance(tensor, SymbolicTensor))
    axis = _axis(first, dim)
    sizes = [_shape(tensor)[axis] for tensor in tensors]
    total: Size = sum(int(s) for s in sizes) if all(isinstance(s, int) for s in sizes) else "+".join(map(str, sizes))
    shape = (*first.shape[:axis], total, *first.shape[axis + 1 :])
    return first.graph.emit("Concat", list(tensors), first.dtype, shape, axis=axis)


def _stack(tensors: Sequence[SymbolicTensor], dim: int = 0) -> SymbolicTensor:
    return _cat([_unsqueeze(tensor, dim) for tensor in tensors], dim)


def _reduce(op: str) -> Callable[..., SymbolicTensor]:
    def apply(x: SymbolicTensor, dim: int, keepdim: bool = False) -> SymbolicTensor:
        axis = _axis(x, dim)
        kept = (1,) if keepdim else ()
        shape = (*x.shape[:axis], *kept, *x.shape[axis + 1 :])
        return x.graph.emit(op, [x, torch.tensor([axis])], x.dtype, shape, keepdims=int(keepdim))

    return apply


def _unsqueeze(x: SymbolicTensor, dim: int) -> SymbolicTensor:
    axis = dim % (x.ndim + 1)
    shape = (*x.shape[:axis], 1, *x.shape[axis:])
    return x.graph.emit("Unsqueeze", [x, torch.tensor([axis])], x.dtype, shape)


def _squeeze(x: SymbolicTensor, dim: int) -> SymbolicTensor:
    axis = _axis(x, dim)
    return x.graph.emit("Squeeze", [x, torch.tensor([axis])], x.dtype, (*x.shape[:axis], *x.shape[axis + 1 :]))


def _reshape(x: SymbolicTensor, shape: Sequence[Size]) -> SymbolicTensor:
    """Without -1 wherever a size may be zero: named sizes are read from the tensor that has them."""
    graph = x.graph
    products = [size for size in shape if isinstance(size, str) and "*" in size]
    if products or sum(isinstance(size, str) for size in shape) == 1:
        target = graph.size_vector([-1 if isinstance(size, str) else size for size in shape])
    else:
        target = graph.size_vector(shape)
    return graph.emit("Reshape", [x, SymbolicTensor(graph, target, torch.int64, ())], x.dtype, shape, allowzero=1)


def _flatten(x: SymbolicTensor, start_dim: int = 0, end_dim: int = -1) -> SymbolicTensor:
    first, last = _axis(x, start_dim), _axis(x, end_dim)
    sizes = x.shape[first : last + 1]
    total: Size = (
        math.prod(int(s) for s in sizes) if all(isinstance(s, int) for s in sizes) else "*".join(map(str, sizes))
    )
    return _reshape(x, (*x.shape[:first], total, *x.shape[last + 1 :]))


def _unflatten(x: SymbolicTensor, dim: int, sizes: Sequence[Size]) -> SymbolicTensor:
    axis = _axis(x, dim)
    if -1 in sizes:
        rest = int(x.shape[axis]) // math.prod(int(size) for size in sizes if size != -1)
        sizes = [rest if size == -1 else size for size in sizes]
    return _reshape(x, (*x.shape[:axis], *sizes, *x.shape[axis + 1 :]))


def _transpose(x: SymbolicTensor, dim0: int, dim1: int) -> SymbolicTensor:
    order = list(range(x.ndim))
    first, second = _axis(x, dim0), _axis(x, dim1)
    order[first], order[second] = order[second], order[first]
    return x.graph.emit("Transpose", [x], x.dtype, [x.shape[axis] for axis in order], perm=order)


def _index_select(x: SymbolicTensor, dim: int, index: Any) -> SymbolicTensor:
    axis = _axis(x, dim)
    return x.graph.emit("Gather", [x, index], x.dtype, (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]), axis=axis)


def _repeat_interleave(x: SymbolicTensor, repeats: int, dim: int) -> SymbolicTensor:
    size = int(x.shape[_axis(x, dim)])
    return _index_select(x, dim, torch.arange(size).repeat_interleave(repeats))


def _getitem(x: SymbolicTensor, index: Any) -> SymbolicTensor:
    """Slices with static bounds along static axes, and a leading Ellipsis."""
    parts = list(index) if isinstance(index, tuple) else [index]
    if parts[0] is Ellipsis:
        parts = [slice(None)] * (x.ndim - len(parts) + 1) + parts[1:]
    shape, cuts = list(x.shape), []
    for axis, part in enumerate(parts):
        if part != slice(None):
            start, stop, _ = part.indices(int(x.shape[axis]))
            shape[axis] = stop - start
            cuts.append((start, stop, axis))
    if tuple(shape) == x.shape:
        return x
    starts, stops, axes = (torch.tensor(column) for column in zip(*cuts, strict=True))
    return x.graph.emit("Slice", [x, starts, stops, axes], x.dtype, shape)


def _split(x: SymbolicTensor, split_size: int, dim: int = 0) -> tuple[SymbolicTensor, ...]:
    """Equal parts along a static axis, by one node."""
    axis = _axis(x, dim)
    count = int(x.shape[axis]) // split_size
    shape = (*x.shape[:axis], split_size, *x.shape[axis + 1 :])
    return x.graph.emit_several("Split", [x], x.dtype, [shape] * count, axis=axis, num_outputs=count)


def _like(value: float) -> Callable[[SymbolicTensor], SymbolicTensor]:
    def apply(x: SymbolicTensor) -> SymbolicTensor:
        target = SymbolicTensor(x.graph, x.graph.size_vector(x.shape), torch.int64, (x.ndim,))
        filled = numpy_helper.from_array(np.full(1, value, dtype=str(x.dtype).removeprefix("torch.")))
        return x.graph.emit("ConstantOfShape", [target], x.dtype, x.shape, value=filled)

    return apply


def _to(x: SymbolicTensor, dtype: torch.dtype) -> SymbolicTensor:
    return x if dtype == x.dtype else x.graph.emit("Cast", [x], dtype, x.shape, to=DATA_TYPES[dtype])


def _nonzero(x: SymbolicTensor) -> SymbolicTensor:
    size = f"rows_{len(x.graph.nodes)}"
    return _transpose(x.graph.emit("NonZero", [x], torch.int64, (x.ndim, size)), 0, 1)


def _cumsum(x: SymbolicTensor, dim: int) -> SymbolicTensor:
    return x.graph.emit("CumSum", [x, torch.tensor(_axis(x, dim))], x.dtype, x.shape)


OPERATIONS: dict[str, Callable[..., Any]] = {
    **{
        name: _unary(name.capitalize())
        for name in ("exp", "log", "sqrt", "tanh", "sigmoid", "sin", "cos", "abs", "neg")
    },
    "reciprocal": _unary("Reciprocal"),
    **{name: _binary(name.capitalize()) for name in ("add", "sub", "mul", "div")},
    "truediv": _binary("Div"),
    "rtruediv": _reverse_divide,
    "rdiv": _reverse_divide,
    "rsub": _reverse_subtract,
    "radd": _binary("Add"),
    "rmul": _binary("Mul"),
    "maximum": _binary("Max"),
    "eq": _binary("Equal", torch.bool),
    "gt": _binary("Greater", torch.bool),
    "matmul": _matmul,
    "linear": _linear,
    "clamp": _clamp,
    "cat": _cat,
    "stack": _stack,
    "sum": _reduce("ReduceSum"),
    "mean": _reduce("ReduceMean"),
    "amax": _reduce("ReduceMax"),
    "unsqueeze": _unsqueeze,
    "squeeze": _squeeze,
    "flatten": _flatten,
    "unflatten": _unflatten,
    "transpose": _transpose,
    "index_select": _index_select,
    "repeat_interleave": _repeat_interleave,
    "getitem": _getitem,
    "split": _split,
    "ones_like": _like(1.0),
    "zeros_like": _like(0.0),
    "to": _to,
    "nonzero": _nonzero,
    "cumsum": _cumsum,
}
"""Name of a torch function or method -> the same on symbolic tensors."""
