"""Gaussian radial channels: the two-body part of every symmetry function.

G²_i = Σ_j exp(-η (r_ij - r_s)²) f_c(r_ij)          (paper eq. 2; Behler 2011 eq. 5; G¹ is η = 0, r_s = 0)

One ``Radial`` is one Gaussian g(r) = exp(-η (r - r_s)²). Its product with the cutoff function, R(r) = g(r) f_c(r), has
the slope

dR/dr = g (f_c' + f_c (-2η r + 2η r_s)) = g · (c₀ f_c' + c₁ r f_c + c₂ f_c),    c = (1, -2η, 2η r_s)

so a sum over channels of weights times slopes needs only three sums of weights times g: the coefficients c of
``slope_coefficients``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, kw_only=True)
class Radial:
    """One Gaussian exp(-eta (r - shift)²).

    Attributes:
        eta: inverse squared width, 1/Å²; 0 leaves the cutoff function alone (G¹).
        shift: centre r_s, Å.
    """

    eta: float = 0.0
    shift: float = 0.0

    def __post_init__(self) -> None:
        if not (self.eta >= 0.0 and self.shift >= 0.0):
            raise ValueError(f"a radial channel needs eta >= 0 and shift >= 0, not eta={self.eta}, shift={self.shift}")

    def to_dict(self) -> dict[str, float]:
        """The parameters as JSON-like data: eta in 1/Å^2, shift in Å."""
        return {"eta": self.eta, "shift": self.shift}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Radial":
        """The function with the parameters of ``to_dict``; missing ones are 0."""
        return cls(eta=float(fields.get("eta", 0.0)), shift=float(fields.get("shift", 0.0)))


def gaussians(channels: Sequence[Radial], r: torch.Tensor) -> torch.Tensor:
    """exp(-η (r - r_s)²) of every channel.

    Args:
        channels: n Gaussians.
        r: distances (N, 1, K), Å.

    Returns:
        (N, n, K), dimensionless, without the cutoff function.
    """
    eta = torch.tensor([[channel.eta] for channel in channels], dtype=r.dtype, device=r.device)
    if all(channel.shift == 0.0 for channel in channels):
        return torch.exp((r * r) * -eta)
    shift = torch.tensor([[channel.shift] for channel in channels], dtype=r.dtype, device=r.device)
    distance = r - shift
    return torch.exp(distance * distance * -eta)


def slope_coefficients(channels: Sequence[Radial]) -> list[list[float]]:
    """(3, n) rows c₀ = 1, c₁ = -2η (1/Å²), c₂ = 2η r_s (1/Å): dR/dr = g (c₀ f_c' + c₁ r f_c + c₂ f_c)."""
    return [
        [1.0 for _ in channels],
        [-2.0 * channel.eta for channel in channels],
        [2.0 * channel.eta * channel.shift for channel in channels],
    ]
