"""MessagePack with raw arrays: a numpy array is the map {"dtype": "<f8", "shape": [N, 3], "data": bytes}.

`data` holds the elements in row-major order, little-endian. Allowed dtypes: <f8, <f4, <i8, <i4, |u1, |b1. docs/api.md
is the description for other languages.
"""

import math
from typing import Any

import msgpack
import numpy as np

CONTENT_TYPE = "application/msgpack"
DTYPES = {name: np.dtype(name) for name in ("<f8", "<f4", "<i8", "<i4", "|u1", "|b1")}
MAX_DIMENSIONS = 4
_KEYS = {"dtype", "shape", "data"}


class ArrayError(ValueError):
    """A MessagePack body that cannot be read, or an array in it whose dtype, shape and bytes do not agree."""


def pack(value: Any) -> bytes:
    """Encode maps, lists, numbers, strings and numpy arrays.

    Args:
        value: Nested dict and list of MessagePack types and of numpy arrays with a dtype in `DTYPES`.

    Returns:
        The MessagePack bytes.

    Raises:
        ArrayError: An array has another dtype, or a value is of no MessagePack type.
    """
    return msgpack.packb(value, default=_encode)


def unpack(body: bytes) -> Any:
    """Decode what `pack` made; arrays are read-only views of `body`.

    Args:
        body: MessagePack bytes, possibly from a stranger.

    Returns:
        The value; maps of dtype, shape and data have become numpy arrays.

    Raises:
        ArrayError: The bytes are no MessagePack, or an array is malformed.
    """
    try:
        return msgpack.unpackb(body, object_hook=_decode)
    except ArrayError:
        raise
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        raise ArrayError(f"the body is not readable as MessagePack: {error or type(error).__name__}") from error


def _encode(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        name = value.dtype.newbyteorder("<").str if value.dtype.itemsize > 1 else value.dtype.str
        if name not in DTYPES:
            raise ArrayError(f"arrays of {value.dtype} are not sent; use one of {', '.join(DTYPES)}")
        contiguous = np.ascontiguousarray(value, dtype=DTYPES[name])
        return {"dtype": name, "shape": list(value.shape), "data": contiguous.tobytes()}
    if isinstance(value, np.generic):
        return value.item()
    raise ArrayError(f"a {type(value).__name__} cannot be sent")


def _decode(value: dict[str, Any]) -> Any:
    if value.keys() != _KEYS:
        return value
    shape, data = value["shape"], value["data"]
    dtype = DTYPES.get(value["dtype"]) if isinstance(value["dtype"], str) else None
    if dtype is None:
        raise ArrayError(f"unknown array dtype {value['dtype']!r}; allowed are {', '.join(DTYPES)}")
    if (
        not isinstance(shape, list)
        or len(shape) > MAX_DIMENSIONS
        or not all(type(n) is int and 0 <= n < 2**40 for n in shape)
    ):
        raise ArrayError(f"an array shape is a list of at most {MAX_DIMENSIONS} sizes, not {str(shape)[:80]}")
    if not isinstance(data, bytes) or math.prod(shape) * dtype.itemsize != len(data):
        raise ArrayError(f"an array of dtype {dtype.str} and shape {shape} does not fit its data")
    return np.frombuffer(data, dtype=dtype).reshape(shape)
