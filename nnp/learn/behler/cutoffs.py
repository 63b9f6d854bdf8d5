"""Cutoff functions with an inner radius, and the core functions of compact symmetry functions; all with slopes.

f_c(r) = 1 for r < α R_c,  f(x) with x = (r - α R_c) / (R_c - α R_c) up to R_c,  0 beyond. With y = 1 - x:

- ``hard``:                     f = 1
- ``cosine``:                   f = ½ (cos πx + 1) = sin²(πy/2)                              C¹ at R_c
- ``tanh_cubed_unnormalised``:  f = tanh³(1 - r / R_c), whatever α; f(0) = tanh³(1)          C² at R_c
- ``tanh_cubed``:               the same divided by tanh³(1)                                 C² at R_c
- ``exponential``:              f = exp(1 - 1 / (1 - x²))                                    C^∞
- ``polynomial3``:              f = 1 - 3 x² + 2 x³ = y² (1 + 2x)                            C¹
- ``polynomial``, ``polynomial7``: as in ``nnp.learn.cutoff``                                C², C³
- ``polynomial9``:              f = y⁵ (1 + 5x + 15x² + 35x³ + 70x⁴)                         C⁴

Their order is that of n2p2's ``cutoff_type`` 0 to 8 (Singraber, Behler, Dellago, JCTC 15, 1827 (2019)); names shared
with ``nnp.learn.cutoff`` are the same functions. Everything is exactly zero at and beyond R_c.
"""

import math
from collections.abc import Callable

import torch

from nnp.core.behler_names import CORES, CUTOFF_TYPES, WITHOUT_INNER_RADIUS
from nnp.learn import cutoff

__all__ = ["CORES", "CUTOFF_TYPES", "SUBTYPES", "WITHOUT_INNER_RADIUS"]

Shape = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]

SUBTYPES = (*CORES, *(f"{name}a" for name in CORES if name != "e"))
"""Core functions, and with a trailing ``a`` their asymmetric radial forms."""
SMALLEST = 1.2e-3
"""1 - x² of the exponential shape is held above this: exp(1 - 1/1.2e-3) is 0 in float64."""


def _cosine(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    angle = (1.0 - x) * (0.5 * math.pi)
    s = torch.sin(angle)
    return s * s, s * torch.cos(angle) * -math.pi


def _tanh_cubed_unnormalised(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    t = torch.tanh(1.0 - x)
    t2 = t * t
    return t2 * t, t2 * (t2 - 1.0) * 3.0


def _exponential(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    inverse = torch.reciprocal(torch.clamp(1.0 - x * x, min=SMALLEST))
    value = torch.exp(1.0 - inverse)
    return value, value * inverse * inverse * x * -2.0


def _polynomial3(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    y = 1.0 - x
    return y * y * (2.0 * x + 1.0), x * y * -6.0


def _polynomial9(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    y = 1.0 - x
    y2 = y * y
    xy = x * y
    xy2 = xy * xy
    return y2 * y2 * y * ((((70.0 * x + 35.0) * x + 15.0) * x + 5.0) * x + 1.0), xy2 * xy2 * -630.0


SHAPES: dict[str, Shape] = {
    "cosine": _cosine,
    "tanh_cubed_unnormalised": _tanh_cubed_unnormalised,
    "tanh_cubed": cutoff.CUTOFF_FUNCTIONS["tanh_cubed"],
    "exponential": _exponential,
    "polynomial3": _polynomial3,
    "polynomial": cutoff.CUTOFF_FUNCTIONS["polynomial"],
    "polynomial7": cutoff.CUTOFF_FUNCTIONS["polynomial7"],
    "polynomial9": _polynomial9,
}
"""Name -> function of x in [0, 1] that returns f and df/dx; f(0) = 1 but for the unnormalised tanh, f(1) = 0."""


def inner_cutoff(name: str, r: torch.Tensor, radius: float, alpha: float) -> tuple[torch.Tensor, torch.Tensor]:
    """f_c(r) and df_c/dr.

    Args:
        name: one of ``CUTOFF_TYPES``.
        r: distances (any shape), Å.
        radius: the cutoff radius R_c, Å.
        alpha: the inner radius as a fraction of R_c, 0 <= alpha < 1.

    Returns:
        f_c (shape of r, dimensionless) and its slope (shape of r, 1/Å); both exactly 0 where r >= R_c.
    """
    if name == "hard":
        inside = (r < radius).to(r.dtype)
        return inside, inside * 0.0
    inner = 0.0 if name in WITHOUT_INNER_RADIUS else alpha * radius
    inverse = 1.0 / (radius - inner)
    x = torch.clamp((r - inner) * inverse, min=0.0, max=1.0) if inner else torch.clamp(r * inverse, max=1.0)
    value, slope = SHAPES[name](x)
    return value, slope * inverse


def window(
    core: str, x: torch.Tensor, centre: torch.Tensor, inverse: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """C(x) = core(min(|x - centre| · inverse, 1)) and dC/dx; zero, with slope, beyond the half-width.

    Args:
        core: one of ``SUBTYPES``; with ``a`` the argument t of the core becomes (2 - t) t.
        x: distances (Å) or angles (radian).
        centre: of the windows, in the unit of x; broadcasts against x.
        inverse: 1 / half-width, likewise.
    """
    scaled = (x - centre) * inverse
    t = torch.clamp(torch.abs(scaled), max=1.0)
    sign = torch.sign(scaled) * inverse
    if core.endswith("a"):
        value, slope = SHAPES[CORES[core[:-1]]]((2.0 - t) * t)
        return value, slope * (2.0 - 2.0 * t) * sign
    value, slope = SHAPES[CORES[core]](t)
    return value, slope * sign
