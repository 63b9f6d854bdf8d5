"""Functions of the angle θ between two neighbours, given with their slope with respect to cos θ.

``Power``        2^(1-ζ) (1 + λ cos θ)^ζ = 2 p^ζ,  p = (1 + λ cos θ) / 2,  0 where p <= 0
``AngleWindow``  core(|θ - (lo+hi)/2| / ((hi-lo)/2)), 0 outside of (lo, hi)

Arrays over all pairs of neighbours are what costs, so constants are kept out of them: Q = p^ζ alone, whose factor 2
belongs to the symmetry function (``factor``), and slopes p^(ζ-1) that are combined afterwards (``Angles.rates``).
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from nnp.learn.behler import cutoffs
from nnp.learn.behler.function import Function

SMALLEST_BASE = 1e-30
"""p of a power that is no integer is held above this: its logarithm stays finite."""


@dataclass(frozen=True, order=True)
class Power:
    """2^(1-zeta) (1 + lambda_ cos θ)^zeta."""

    lambda_: float
    zeta: float


@dataclass(frozen=True, order=True)
class AngleWindow:
    """A compact function of θ: its core, and both ends (degrees)."""

    core: str
    left: float
    right: float


AngularPart = Power | AngleWindow


def angular_part(function: Function) -> AngularPart:
    """The angular part of a symmetry function; asymmetry concerns its radial part alone."""
    if function.compact:
        return AngleWindow(function.core.removesuffix("a"), *function.angles)
    return Power(function.lambda_, function.zeta)


def ordered(parts: set[AngularPart]) -> tuple[AngularPart, ...]:
    """Parts in an order that lets ``evaluate`` share what they have in common."""
    return tuple(sorted(parts, key=lambda part: (_family(part), part)))


class Angles(NamedTuple):
    """n angular parts of J x K pairs and their slopes dQ_q/d(cos θ) = Σ_s rates_qs slopes_s + rates_q,last."""

    values: torch.Tensor  # (N, n, J, K) Q
    slopes: torch.Tensor | None  # (N, s, J, K); None where all slopes are constant
    rates: torch.Tensor  # (n, s + 1)

    def turned(self, by_slope: torch.Tensor | None, constant: torch.Tensor) -> torch.Tensor:
        """dE/d(cos θ) (N, J, K) from Σ_q dE/dQ_q rates_qs (N, s, J, K) and its last column (N, J, K)."""
        if self.slopes is None or by_slope is None:
            return constant
        return (self.slopes * by_slope).sum(1) + constant

    def changed(self, dcosine: torch.Tensor) -> torch.Tensor:
        """Changes dQ (N, n, P) of the P = J·K pairs from d(cos θ) (N, J, K)."""
        constant = dcosine.unsqueeze(1)
        parts = constant if self.slopes is None else torch.cat([self.slopes * constant, constant], 1)
        return torch.matmul(self.rates, parts.flatten(2, 3))


def factor(function: Function) -> float:
    """A symmetry function over the sum of its terms with Q: 2 for powers, 1 for windows and radial functions."""
    return 2.0 if function.angular and not function.compact else 1.0


def evaluate(parts: Sequence[AngularPart], cosine: torch.Tensor) -> Angles:
    """All parts, best as ``ordered``, at cos θ (N, J, K)."""
    values: list[torch.Tensor] = []
    slopes: list[torch.Tensor] = []
    rates: list[tuple[int | None, float]] = []  # of each part: number of its slope (None: 1) and factor of it
    for (core, lambda_), group in itertools.groupby(parts, _family):
        own = list(group)
        if core:
            value, slope = _windows([part for part in own if isinstance(part, AngleWindow)], cosine)
            start = sum(one.shape[1] for one in slopes)
            rates += [(start + number, 1.0) for number in range(len(own))]
            values.append(value)
            slopes.append(slope)
            continue
        base = _base(lambda_, [part.zeta for part in own if isinstance(part, Power)], cosine)
        known = {1: base}
        for zeta in (part.zeta for part in own if isinstance(part, Power)):
            value, lower = _power(known, zeta)
            rates.append((None if lower is None else sum(one.shape[1] for one in slopes), 0.5 * zeta * lambda_))
            values.append(value)
            slopes += [] if lower is None else [lower]
    table = torch.zeros((len(rates), sum(one.shape[1] for one in slopes) + 1), dtype=cosine.dtype, device=cosine.device)
    for row, (column, rate) in enumerate(rates):
        table[row, -1 if column is None else column] = rate
    return Angles(torch.cat(values, 1), torch.cat(slopes, 1) if slopes else None, table)


def _family(part: AngularPart) -> tuple[str, float]:
    return ("", part.lambda_) if isinstance(part, Power) else (part.core, 0.0)


def _base(lambda_: float, zetas: Sequence[float], cosine: torch.Tensor) -> torch.Tensor:
    """p; negative values, where rounding alone makes none that matter, become 0."""
    base = cosine.unsqueeze(1) * (0.5 * lambda_) + 0.5
    if abs(lambda_) > 1.0 or any(zeta != int(zeta) for zeta in zetas):
        return torch.clamp(base, min=0.0)
    return base


def _power(known: dict[int, torch.Tensor], zeta: float) -> tuple[torch.Tensor, torch.Tensor | None]:
    """p^ζ and p^(ζ-1), None where that is 1; ``known`` collects integer powers of p."""
    if zeta == 1.0:
        return known[1], None
    if zeta == int(zeta):
        return _integer_power(known, int(zeta)), _integer_power(known, int(zeta) - 1)
    lower = torch.exp(torch.log(torch.clamp(known[1], min=SMALLEST_BASE)) * (zeta - 1.0))
    return lower * known[1], lower


def _integer_power(known: dict[int, torch.Tensor], exponent: int) -> torch.Tensor:
    """By as few products as halving gives."""
    if exponent not in known:
        half = exponent // 2
        known[exponent] = _integer_power(known, half) * _integer_power(known, exponent - half)
    return known[exponent]


def _windows(windows: Sequence[AngleWindow], cosine: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Near θ = 0 and π dθ/d(cos θ) = -1 / sin θ is held finite; there the slope of the window vanishes."""
    limit = 1.0 - torch.finfo(cosine.dtype).eps
    c = torch.clamp(cosine, min=-limit, max=limit).unsqueeze(1)
    inverse_sine = torch.reciprocal(torch.sqrt((1.0 - c) * (1.0 + c)))
    ends = torch.tensor([(w.left, w.right) for w in windows], dtype=c.dtype, device=c.device) * (math.pi / 180.0)
    left, right = ends.unsqueeze(-1).unsqueeze(-1).split(1, dim=1)  # (n, 1, 1, 1)
    centre, inverse = (left + right).transpose(0, 1) * 0.5, 2.0 / (right - left).transpose(0, 1)
    value, slope = cutoffs.window(windows[0].core, torch.acos(c), centre, inverse)
    return value, slope * (inverse_sine * -1.0)
