"""Elementary functions that LLVM turns into vector instructions, in float64 and float32.

The library's exp, sin and acos are calls, and a loop with a call in it is not vectorised. No ``reassoc`` here: it would
undo the two-step reduction of the argument. Every function is within 4 units in the last place where it is used.
"""

import math
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload

EXACT = {"contract", "nsz"}
"""Fused multiply-add is allowed, another order of operations is not."""
FAST = EXACT | {"reassoc"}
"""Sums may be done in any order; NaN and infinity keep their meaning."""
helper = njit(error_model="numpy", fastmath=FAST, no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""Decorator of functions that compiled functions call."""
_exactly = njit(error_model="numpy", fastmath=EXACT, no_cpython_wrapper=True, no_cfunc_wrapper=True)
LOG2_E = 1.4426950408889634
EXP32 = tuple(np.float32(1.0 / math.factorial(n)) for n in range(7, -1, -1))
EXP64 = tuple(1.0 / math.factorial(n) for n in range(13, -1, -1))
SIN64 = tuple((-1.0) ** n / math.factorial(2 * n + 1) for n in range(11, -1, -1))
ASIN64 = tuple(math.comb(2 * n, n) / 4.0**n / (2 * n + 1) for n in range(25, -1, -1))
"""Coefficients of Taylor series, highest power first: of r, r², z² (|r| <= ln 2 / 2, y² <= π²/4, z² <= 1/4)."""
SIN32 = tuple(np.float32(c) for c in SIN64[-6:])
ASIN32 = tuple(np.float32(c) for c in ASIN64[-12:])
ASIN64_HIGH, ASIN64_LOW = ASIN64[:13], ASIN64[13:]


def exp(x: Any) -> Any:
    """The exponential of a scalar x <= 88; below the range of normal numbers the smallest one takes the place of 0."""
    raise NotImplementedError("for compiled code only")


def sine(x: Any) -> Any:
    """The sine of a scalar |x| <= π/2."""
    raise NotImplementedError("for compiled code only")


def arccos(x: Any) -> Any:
    """The inverse cosine of a scalar; |x| > 1 counts as ±1."""
    raise NotImplementedError("for compiled code only")


@_exactly
def _series(x: Any, coefficients: Any) -> Any:
    """A polynomial; short enough for LLVM to unroll it."""
    p = coefficients[0]
    for c in coefficients[1:]:
        p = p * x + c
    return p


def _exp32(x: Any) -> Any:
    x = max(x, np.float32(-87.0))
    n = np.rint(x * np.float32(LOG2_E))
    r = x - n * np.float32(0.693359375)
    r = r - n * np.float32(-2.12194440e-4)
    return _series(r, EXP32) * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)


def _exp64(x: Any) -> Any:
    x = max(x, -708.0)
    n = np.rint(x * LOG2_E)
    r = x - n * 6.93145751953125e-1
    r = r - n * 1.42860682030941723212e-6
    return _series(r, EXP64) * np.int64((np.int64(np.int32(n)) + 1023) << 52).view(np.float64)


@overload(exp, jit_options={"fastmath": EXACT})
def _exp(x: Any) -> Any:
    return _exp32 if x == types.float32 else _exp64


@_exactly
def _odd(x: Any, coefficients: Any) -> Any:
    return _series(x * x, coefficients) * x


def _sine32(x: Any) -> Any:
    return _odd(x, SIN32)


def _sine64(x: Any) -> Any:
    return _odd(x, SIN64)


@overload(sine, jit_options={"fastmath": EXACT})
def _sine(x: Any) -> Any:
    return _sine32 if x == types.float32 else _sine64


@_exactly
def _reduced(size: Any, one: Any, half: Any) -> Any:
    return math.sqrt((one - size) * half) if size > half else size


def _arccos32(x: Any) -> Any:
    """π/2 - asin |x| up to ½, 2 asin √((1-|x|)/2) beyond; π minus that for x < 0."""
    one, half, right = np.float32(1.0), np.float32(0.5), np.float32(math.pi / 2)
    size = min(abs(x), one)
    asin = _odd(_reduced(size, one, half), ASIN32)
    angle = asin + asin if size > half else right - asin
    return angle if x >= np.float32(0.0) else right + right - angle


def _arccos64(x: Any) -> Any:
    """As ``_arccos32``."""
    size = min(abs(x), 1.0)
    x0 = _reduced(size, 1.0, 0.5)
    square = x0 * x0
    power4 = square * square * square * square
    high = _series(square, ASIN64_HIGH) * (power4 * power4 * power4 * square)
    asin = (high + _series(square, ASIN64_LOW)) * x0
    angle = asin + asin if size > 0.5 else math.pi / 2 - asin
    return angle if x >= 0.0 else math.pi - angle


@overload(arccos, jit_options={"fastmath": EXACT})
def _arccos(x: Any) -> Any:
    return _arccos32 if x == types.float32 else _arccos64
