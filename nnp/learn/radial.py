"""Radial channels, Gaussians or Chebyshev polynomials: the two-body part of every symmetry function.

G²_i = Σ_j exp(-η (r_ij - r_s)²) f_c(r_ij)          (paper eq. 2; Behler 2011 eq. 5; G¹ is η = 0, r_s = 0)

One ``Radial`` is one Gaussian g(r) = exp(-η (r - r_s)²). Its product with the cutoff function, R(r) = g(r) f_c(r), has
the slope

dR/dr = g (f_c' + f_c (-2η r + 2η r_s)) = g · (c₀ f_c' + c₁ r f_c + c₂ f_c),    c = (1, -2η, 2η r_s)

so a sum over channels of weights times slopes needs only three sums of weights times g: the coefficients c of
``slope_coefficients``. One ``Chebyshev`` is one polynomial over 0..R_c; its slope is a row of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

MAX_ORDER = 20
"""Largest order of a polynomial: beyond it float32 loses digits past the cutoff, where it must vanish."""


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

    def name(self, group: str) -> str:
        """Readable name of the radial function over a group of neighbours."""
        return f"G2 {group} eta={self.eta:.6g} shift={self.shift:.6g}" if self.eta else f"G1 {group}"

    def to_dict(self) -> dict[str, float]:
        """The parameters as JSON-like data: eta in 1/Å^2, shift in Å."""
        return {"eta": self.eta, "shift": self.shift}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Radial":
        """The function with the parameters of ``to_dict``; missing ones are 0."""
        return cls(eta=float(fields.get("eta", 0.0)), shift=float(fields.get("shift", 0.0)))


@dataclass(frozen=True, kw_only=True)
class Chebyshev:
    """T_order(2 r / R_c - 1), a Chebyshev polynomial over the range of the cutoff (Artrith et al. 2017).

    Attributes:
        order: degree of the polynomial, 0 to ``MAX_ORDER``.
    """

    order: int

    def __post_init__(self) -> None:
        if not 0 <= self.order <= MAX_ORDER:
            raise ValueError(f"the order of a Chebyshev polynomial must be from 0 to {MAX_ORDER}, not {self.order}")

    def name(self, group: str) -> str:
        """Readable name of the radial function over a group of neighbours."""
        return f"T {group} order={self.order}"

    def to_dict(self) -> dict[str, float]:
        """The parameters as JSON-like data."""
        return {"order": self.order}


Channel = Radial | Chebyshev


def channel_from_dict(fields: dict[str, Any]) -> Channel:
    """The channel that ``to_dict`` wrote."""
    return Chebyshev(order=int(fields["order"])) if "order" in fields else Radial.from_dict(fields)


def check_kind(channels: Sequence[Channel]) -> None:
    """Refuse a list of channels of different kinds.

    Raises:
        ValueError: naming the kinds.
    """
    if len({type(channel) for channel in channels}) > 1:
        raise ValueError("radial channels must be all Gaussians or all Chebyshev polynomials")


def profiles(channels: Sequence[Channel], r: torch.Tensor, cutoff: float) -> torch.Tensor:
    """Values g of every channel, without the cutoff function; of polynomials, their slopes dg/dr (1/Å) behind them.

    Args:
        channels: n channels of one kind.
        r: distances (N, 1, K), Å.
        cutoff: R_c, Å.

    Returns:
        (N, m, K), m = n for Gaussians and 2 n for polynomials.
    """
    gaussians_ = [channel for channel in channels if isinstance(channel, Radial)]
    if gaussians_:
        return gaussians(gaussians_, r)
    orders = [channel.order for channel in channels if isinstance(channel, Chebyshev)]
    x = r * (2.0 / cutoff) - 1.0
    rows = [torch.ones_like(x), x]
    while len(rows) <= max(orders):
        rows.append(x * rows[-1] * 2.0 - rows[-2])
    taken = _chebyshev_rows(orders, len(rows), cutoff)
    return torch.matmul(torch.tensor(taken, dtype=r.dtype, device=r.device), torch.cat(rows, 1))


def slope_coefficients(channels: Sequence[Channel]) -> np.ndarray:
    """(3, n, m) c with dR/dr = Σ_p profile_p (c₀ f_c' + c₁ r f_c + c₂ f_c), for the m rows of ``profiles``.

    Gaussians: c₀ = 1, c₁ = -2η (1/Å²), c₂ = 2η r_s (1/Å), of their own row. Polynomials: c₀ = 1 for the value, c₂ = 1
    for the slope.
    """
    n = len(channels)
    if all(isinstance(channel, Chebyshev) for channel in channels):
        zero, one = np.zeros((n, n)), np.eye(n)
        return np.array([np.hstack(pair) for pair in ((one, zero), (zero, zero), (zero, one))])
    found = [channel for channel in channels if isinstance(channel, Radial)]
    rows = [[1.0, -2.0 * channel.eta, 2.0 * channel.eta * channel.shift] for channel in found]
    return np.array([np.diag(row) for row in np.array(rows).T])


def _chebyshev_rows(orders: Sequence[int], count: int, cutoff: float) -> np.ndarray:
    """(2 n, count): T_order and dT_order/dr as sums of T_0 .. T_(count - 1)."""
    values = np.eye(count)[list(orders)]
    slopes = np.zeros_like(values)
    for row, order in enumerate(orders):
        found = np.polynomial.chebyshev.chebder(np.eye(count)[order])
        slopes[row, : len(found)] = found * 2.0 / cutoff
    return np.concatenate([values, slopes])


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
