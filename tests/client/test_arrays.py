"""Arrays in MessagePack: bit-exact there and back, and nothing a stranger sends does harm."""

import contextlib

import hypothesis
import hypothesis.extra.numpy as hypothesis_numpy
import hypothesis.strategies as st
import msgpack
import numpy as np
import pytest

from nnp_client.wire import arrays

DTYPES = st.sampled_from(sorted(arrays.DTYPES))


@hypothesis.given(
    DTYPES.flatmap(
        lambda name: hypothesis_numpy.arrays(
            np.dtype(name), hypothesis_numpy.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
        )
    )
)
@hypothesis.settings(max_examples=50, deadline=None)
def test_arrays_come_back_bit_by_bit(array: np.ndarray) -> None:
    found = arrays.unpack(arrays.pack({"a": [array]}))["a"][0]
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.tobytes() == np.ascontiguousarray(array).tobytes()


def test_any_byte_order_and_layout_is_sent_as_little_endian_rows() -> None:
    array = np.arange(6, dtype=">f8").reshape(2, 3).T
    found = arrays.unpack(arrays.pack(array))
    assert found.dtype == np.dtype("<f8")
    np.testing.assert_array_equal(found, array)


def test_the_layout_is_the_documented_one() -> None:
    packed = msgpack.unpackb(arrays.pack(np.array([[1.0, 2.0]])))
    assert packed == {"dtype": "<f8", "shape": [1, 2], "data": np.array([1.0, 2.0]).tobytes()}


@pytest.mark.parametrize(
    "value",
    [
        {"dtype": "<f8", "shape": [2], "data": b"1234567"},
        {"dtype": "<f8", "shape": [-1], "data": b""},
        {"dtype": "<f8", "shape": [2**50, 2**50], "data": b""},
        {"dtype": "<f8", "shape": [1] * 5, "data": b"12345678"},
        {"dtype": "|O", "shape": [1], "data": b"12345678"},
        {"dtype": 5, "shape": [1], "data": b"12345678"},
        {"dtype": "<f8", "shape": "1", "data": b"12345678"},
        {"dtype": "<f8", "shape": [True], "data": b"12345678"},
        {"dtype": "<f8", "shape": [1], "data": "12345678"},
    ],
)
def test_malformed_arrays_are_refused(value: object) -> None:
    with pytest.raises(arrays.ArrayError):
        arrays.unpack(msgpack.packb({"x": value}))


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x91" * 100_000, b"\xdd\xff\xff\xff\xff", arrays.pack(1) * 2])
def test_what_is_no_msgpack_is_refused(body: bytes) -> None:
    with pytest.raises(arrays.ArrayError):
        arrays.unpack(body)


@hypothesis.given(st.binary(max_size=200))
@hypothesis.settings(max_examples=200, deadline=None)
def test_any_bytes_decode_or_are_refused(body: bytes) -> None:
    with contextlib.suppress(arrays.ArrayError):
        arrays.unpack(body)


@pytest.mark.parametrize("value", [object(), np.array([object()]), np.array(["a"]), 1j])
def test_other_values_are_not_sent(value: object) -> None:
    with pytest.raises(arrays.ArrayError):
        arrays.pack([value])
