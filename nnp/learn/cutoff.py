"""Cutoff functions f_c(r) and their slopes, zero with at least two derivatives at the cutoff radius R_c.

With x = r / R_c clipped to 1:

- ``polynomial``:     f = 1 - 10 x³ + 15 x⁴ - 6 x⁵ = (1-x)³ (1 + 3x + 6x²)                      C² at R_c
- ``polynomial7``:    f = 1 - 35 x⁴ + 84 x⁵ - 70 x⁶ + 20 x⁷ = (1-x)⁴ (1 + 4x + 10x² + 20x³)     C³ at R_c
- ``tanh_cubed``:     f = tanh³(1 - x) / tanh³(1)      (Behler, J. Chem. Phys. 134, 074106 (2011), eq. 6)   C² at R_c
- ``cosine_squared``: f = ¼ (1 + cos πx)² = cos⁴(πx/2)                                         C³ at R_c

The factored forms are exactly zero at and beyond R_c, so that padded neighbours contribute nothing, bit for bit.
"""

import math
from collections.abc import Callable

import torch

Cutoff = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def _polynomial(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    y = 1.0 - x
    y2 = y * y
    xy = x * y
    return y2 * y * ((6.0 * x + 3.0) * x + 1.0), xy * xy * -30.0


def _polynomial7(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    y = 1.0 - x
    y2 = y * y
    xy = x * y
    return y2 * y2 * (((20.0 * x + 10.0) * x + 4.0) * x + 1.0), xy * xy * xy * -140.0


def _tanh_cubed(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    t = torch.tanh(1.0 - x)
    t2 = t * t
    norm = math.tanh(1.0) ** -3
    return t2 * t * norm, t2 * (1.0 - t2) * (-3.0 * norm)


def _cosine_squared(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    # cos(πx/2) = sin(π(1-x)/2) is exactly zero at x = 1.
    angle = (1.0 - x) * (0.5 * math.pi)
    c = torch.sin(angle)
    c2 = c * c
    return c2 * c2, c2 * c * torch.cos(angle) * (-2.0 * math.pi)


CUTOFF_FUNCTIONS: dict[str, Cutoff] = {
    "polynomial": _polynomial,
    "polynomial7": _polynomial7,
    "tanh_cubed": _tanh_cubed,
    "cosine_squared": _cosine_squared,
}
"""Name -> function of x = min(r / R_c, 1) that returns f and df/dx."""


def cutoff(name: str, r: torch.Tensor, radius: float) -> tuple[torch.Tensor, torch.Tensor]:
    """f_c(r) and df_c/dr.

    Args:
        name: a key of ``CUTOFF_FUNCTIONS``.
        r: distances (any shape), Å.
        radius: the cutoff radius R_c, Å.

    Returns:
        f_c (shape of r, dimensionless) and its slope (shape of r, 1/Å); both exactly 0 where r >= R_c.
    """
    x = torch.clamp(r * (1.0 / radius), max=1.0)
    value, slope = CUTOFF_FUNCTIONS[name](x)
    return value, slope * (1.0 / radius)
