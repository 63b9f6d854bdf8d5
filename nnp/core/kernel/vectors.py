"""Vectors of 32 bytes, eight float32 or four float64: what the compiled loops over moments work on at once.

The compiler's own vectoriser sees one loop at a time; sums of products that stay in registers need several. Operators
``+ - *`` work on two vectors; a product that is added to becomes one instruction where the processor has it.
"""

import operator
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, overload, register_model

BYTES = 32


class Vector(types.Type):
    """The type of a vector of ``lanes`` numbers."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        self.lanes = 8 * BYTES // dtype.bitwidth
        super().__init__(name=f"Vector({dtype})")


@register_model(Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: Vector) -> None:
        super().__init__(manager, vector, ir.VectorType(manager.lookup(vector.dtype).get_value_type(), vector.lanes))


@intrinsic
def lanes(_typing: Any, array: Any) -> Any:
    """How many numbers of the dtype of an array a vector holds."""
    number = Vector(array.dtype).lanes

    def generate(context: Any, _builder: Any, _signature: Any, _arguments: Any) -> Any:
        return context.get_constant(types.intp, number)

    return types.intp(array), generate


def _llvm(context: Any, vector: Vector) -> ir.VectorType:
    return context.get_value_type(vector)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index], inbounds=True)


@intrinsic
def load(_typing: Any, array: Any, index: Any) -> Any:
    """The vector of ``array[index : index + lanes]``; the array is flat and contiguous."""
    vector = Vector(array.dtype)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        index_value = context.cast(builder, arguments[1], signature.args[1], types.intp)
        pointer = _pointer(context, builder, signature.args[0], arguments[0], index_value)
        kind = _llvm(context, vector)
        return builder.load(builder.bitcast(pointer, kind.as_pointer()), align=array.dtype.bitwidth // 8, typ=kind)

    return vector(array, index), generate


@intrinsic
def store(_typing: Any, array: Any, index: Any, value: Any) -> Any:
    """Write ``array[index : index + lanes]``."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        index_value = context.cast(builder, arguments[1], signature.args[1], types.intp)
        pointer = _pointer(context, builder, signature.args[0], arguments[0], index_value)
        kind = _llvm(context, signature.args[2])
        builder.store(arguments[2], builder.bitcast(pointer, kind.as_pointer()), align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, index, value), generate


@intrinsic
def spread(_typing: Any, number: Any) -> Any:
    """A vector of one number, of its dtype."""
    vector = Vector(number)

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        kind = _llvm(context, vector)
        first = builder.insert_element(ir.Constant(kind, ir.Undefined), arguments[0], ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), vector.lanes), [0] * vector.lanes)
        return builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), mask)

    return vector(number), generate


@intrinsic
def total(_typing: Any, vector: Any) -> Any:
    """The sum of the numbers of a vector."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = _llvm(context, signature.args[0])
        name = f"llvm.vector.reduce.fadd.v{kind.count}f{8 * BYTES // kind.count}"
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kind.element, [kind.element, kind]), name
        )
        zero = ir.Constant(kind.element, -0.0)
        return builder.call(function, [zero, arguments[0]], fastmath=("reassoc",))

    return vector.dtype(vector), generate


def _operator(symbol: Any, instruction: str) -> None:
    """Make an operator work on two vectors."""

    @intrinsic
    def apply(_typing: Any, a: Any, b: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return getattr(builder, instruction)(*arguments, flags=("contract", "nsz"))

        return a(a, b), generate

    @overload(symbol)
    def implementation(a: Any, b: Any) -> Any:
        def of_vectors(a: Any, b: Any) -> Any:
            return apply(a, b)

        return of_vectors if isinstance(a, Vector) and a == b else None


_operator(operator.add, "fadd")
_operator(operator.sub, "fsub")
_operator(operator.mul, "fmul")
