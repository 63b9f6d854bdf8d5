"""Cutoff functions and compact cores: value and logarithmic slope of many arguments at once.

With t = (r - inner radius) · inverse for a cutoff function and t = |r - centre| · inverse for a core (asymmetric:
(2 - t) t), y = 1 - t: hard 1, cosine sin²(πy/2), tanh_cubed tanh³ y (normalised or not), exponential exp(1 - 1/(1-t²)),
polynomial3, polynomial, polynomial7 and polynomial9: yᵐ times a polynomial that does not vanish. Factored like this
they lose no digits near the end of the window, so that slope / value is finite wherever the value is not 0.
"""

import math
from typing import Any

from nnp.core.kernel.elementary import exp, helper, sine

TANH_NORM = math.tanh(1.0) ** -3
SMALLEST = 1.2e-3
POLYNOMIALS = ((2.0, 0.0, 0.0, 0.0), (3.0, 6.0, 0.0, 0.0), (4.0, 10.0, 20.0, 0.0), (5.0, 15.0, 35.0, 70.0))
FACTORS = (6.0, 30.0, 140.0, 630.0)
"""Of polynomial3, polynomial, polynomial7, polynomial9: coefficients of t to t⁴ after yᵐ, and of the slope."""


@helper
def fill(r: Any, n: int, shape: int, folded: int, centre: Any, inverse: Any, value: Any, slope: Any) -> None:
    """Write value = f(r) and slope = f'(r) / f(r) (0 where f is 0) of the first n of r.

    A distance must lie inside the window; an angle outside gives 0.

    Args:
        r: distances or angles.
        n: how many.
        shape: index into ``behler_names.CUTOFF_TYPES``.
        folded: see ``definition.COLUMNS``.
        centre: of the window, or the inner radius.
        inverse: 1 / half-width.
        value: (n,) result.
        slope: (n,) result.
    """
    real = r.dtype.type
    zero, one, two = real(0.0), real(1.0), real(2.0)
    if folded:
        for k in range(n):
            value[k] = min(abs((r[k] - centre) * inverse), one)
    else:
        for k in range(n):
            value[k] = max((r[k] - centre) * inverse, zero)
    if folded == 2:
        for k in range(n):
            value[k] = (two - value[k]) * value[k]
    _shape(value, n, shape, slope)
    for k in range(n):
        slope[k] = slope[k] * inverse if value[k] != zero else zero
    if folded == 2:
        for k in range(n):
            slope[k] *= (one - abs((r[k] - centre) * inverse)) * two
    if folded:
        for k in range(n):
            slope[k] = slope[k] if r[k] >= centre else -slope[k]


@helper
def _shape(t: Any, n: int, shape: int, slope: Any) -> None:
    """From t to f(t), in place, with slope = f'(t) / f(t)."""
    real = t.dtype.type
    one, two, three = real(1.0), real(2.0), real(3.0)
    if shape == 0:
        for k in range(n):
            t[k], slope[k] = one, real(0.0)
    elif shape == 1:
        half_pi, pi = real(math.pi / 2), real(math.pi)
        for k in range(n):
            s, c = sine((one - t[k]) * half_pi), sine(t[k] * half_pi)
            t[k], slope[k] = s * s, -pi * c / s
    elif shape in (2, 3):
        norm = real(TANH_NORM) if shape == 3 else one
        for k in range(n):
            e = exp((t[k] - one) * two)
            tanh = (one - e) / (one + e)
            t[k], slope[k] = tanh * tanh * tanh * norm, three * (tanh * tanh - one) / tanh
    elif shape == 4:
        smallest = real(SMALLEST)
        for k in range(n):
            inverse = one / max(one - t[k] * t[k], smallest)
            t[k], slope[k] = exp(one - inverse), -two * t[k] * inverse * inverse
    else:
        _polynomial(t, n, shape - 4, slope)


@helper
def _polynomial(t: Any, n: int, order: int, slope: Any) -> None:
    """Write f = y^(m+1) p(t) and f' / f, f' = -FACTORS (t y)^m, of order m = 1 to 4."""
    real = t.dtype.type
    one = real(1.0)
    a, b, c, d = POLYNOMIALS[order - 1]
    a, b, c, d = real(a), real(b), real(c), real(d)
    factor = real(FACTORS[order - 1])
    for k in range(n):
        x, y = t[k], one - t[k]
        p = (((d * x + c) * x + b) * x + a) * x + one
        xx, yy = x * x, y * y
        x_to = x if order == 1 else xx if order == 2 else xx * x if order == 3 else xx * xx
        y_to = y if order == 1 else yy if order == 2 else yy * y if order == 3 else yy * yy
        t[k], slope[k] = y_to * y * p, -factor * x_to / (y * p)
