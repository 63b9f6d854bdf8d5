"""The torch operations that our functions use, each as nodes of the standard ONNX operator set.

A formula that needs another one gets one more entry in ``OPERATIONS``. Sizes may be zero: no reshape relies on -1 where
another size may be zero, dynamic sizes are read from the tensor that has them.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from onnx import numpy_helper

from nnp.learn.tracing import DATA_TYPES, Graph, Size, SymbolicTensor


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
    return _binary("Sub")(b, a)


def _reverse_divide(a: SymbolicTensor, b: Any) -> SymbolicTensor:
    return _binary("Div")(b, a)


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
    if sum(isinstance(size, str) for size in shape) == 1:
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
        known, size = math.prod(int(size) for size in sizes if size != -1), x.shape[axis]
        rest = size.removesuffix(f"*{known}") if isinstance(size, str) else size // known
        sizes = [rest if size == -1 else size for size in sizes]
    return _reshape(x, (*x.shape[:axis], *sizes, *x.shape[axis + 1 :]))


def _transpose(x: SymbolicTensor, dim0: int, dim1: int) -> SymbolicTensor:
    order = list(range(x.ndim))
    first, second = _axis(x, dim0), _axis(x, dim1)
    order[first], order[second] = order[second], order[first]
    return x.graph.emit("Transpose", [x], x.dtype, [x.shape[axis] for axis in order], perm=order)


def _index_select(x: Any, dim: int, index: Any) -> SymbolicTensor:
    axis = dim % len(x.shape)
    shape = (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])
    return _graph(x, index).emit("Gather", [x, index], x.dtype, shape, axis=axis)


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
    size = f"rows_of_{x.name}"  # not a count of nodes: an equal call adds none, and its size is the same
    return _transpose(x.graph.emit("NonZero", [x], torch.int64, (x.ndim, size)), 0, 1)


def _sort(x: SymbolicTensor, dim: int) -> tuple[SymbolicTensor, SymbolicTensor]:
    """Ascending values and their places, all of them."""
    axis = _axis(x, dim)
    count = SymbolicTensor(x.graph, x.graph.size_vector([x.shape[axis]]), torch.int64, (1,))
    values, places = x.graph.emit_several("TopK", [x, count], x.dtype, [x.shape] * 2, axis=axis, largest=0)
    places.dtype = torch.int64
    return values, places


def _gather(x: SymbolicTensor, dim: int, index: SymbolicTensor) -> SymbolicTensor:
    return x.graph.emit("GatherElements", [x, index], x.dtype, index.shape, axis=_axis(x, dim))


def _scatter_add(x: SymbolicTensor, dim: int, index: SymbolicTensor, source: SymbolicTensor) -> SymbolicTensor:
    axis = _axis(x, dim)
    return x.graph.emit("ScatterElements", [x, index, source], x.dtype, x.shape, axis=axis, reduction="add")


def _acos(x: SymbolicTensor) -> SymbolicTensor:
    """In float64, for which ONNX Runtime has no Acos on the CPU: the float32 angle t, and from sin(θ - t) the rest."""
    if x.dtype != torch.float64:
        return _unary("Acos")(x)
    rough = _to(_unary("Acos")(_to(x, torch.float32)), torch.float64)
    sine = _unary("Sqrt")((1.0 - x) * (1.0 + x))
    d = sine * _unary("Cos")(rough) - x * _unary("Sin")(rough)
    return rough + d + d * d * d * (1.0 / 6.0)


def _cumsum(x: SymbolicTensor, dim: int) -> SymbolicTensor:
    return x.graph.emit("CumSum", [x, torch.tensor(_axis(x, dim))], x.dtype, x.shape)


OPERATIONS: dict[str, Callable[..., Any]] = {
    **{
        name: _unary(name.capitalize())
        for name in ("exp", "log", "sqrt", "tanh", "sigmoid", "sin", "cos", "abs", "neg", "sign")
    },
    "acos": _acos,
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
    "lt": _binary("Less", torch.bool),
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
    "sort": _sort,
    "gather": _gather,
    "scatter_add": _scatter_add,
    "cumsum": _cumsum,
}
"""Name of a torch function or method -> the same on symbolic tensors."""
