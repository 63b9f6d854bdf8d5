"""Functions of the angle θ between two neighbours, given with their slope with respect to cos θ.

``Power``        2^(1-ζ) (1 + λ cos θ)^ζ = 2 p^ζ,  p = (1 + λ cos θ) / 2,  0 where p <= 0
``AngleWindow``  core(|θ - (lo+hi)/2| / ((hi-lo)/2)), 0 outside of (lo, hi)
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

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


def evaluate(parts: Sequence[AngularPart], cosine: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Q(θ) and dQ/d(cos θ) of every part.

    Args:
        parts: n functions, best as ``ordered``.
        cosine: cos θ (N, J, K).

    Returns:
        (N, n, J, K) and (N, n, J, K), dimensionless.
    """
    values, slopes = [], []
    for family, group in itertools.groupby(parts, _family):
        found = _powers(family[1], [p.zeta for p in group if isinstance(p, Power)], cosine) if not family[0] else None
        if found is None:
            found = _windows([p for p in group if isinstance(p, AngleWindow)], cosine)
        values += found[0]
        slopes += found[1]
    return torch.cat(values, 1), torch.cat(slopes, 1)


def _family(part: AngularPart) -> tuple[str, float]:
    return ("", part.lambda_) if isinstance(part, Power) else (part.core, 0.0)


def _powers(
    lambda_: float, zetas: Sequence[float], cosine: torch.Tensor
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    base = torch.clamp(cosine.unsqueeze(1) * (0.5 * lambda_) + 0.5, min=0.0)
    known: dict[int, torch.Tensor] = {1: base}
    values, slopes = [], []
    for zeta in zetas:
        if zeta == 1.0:
            lower, value = torch.ones_like(base), base
        elif zeta == int(zeta):
            lower, value = _power(known, int(zeta) - 1), _power(known, int(zeta))
        else:
            logarithm = torch.log(torch.clamp(base, min=SMALLEST_BASE))
            lower = torch.exp(logarithm * (zeta - 1.0))
            value = lower * base
        values.append(value * 2.0)
        slopes.append(lower * (zeta * lambda_))
    return values, slopes


def _power(known: dict[int, torch.Tensor], exponent: int) -> torch.Tensor:
    """base^exponent by as few products as halving gives; ``known`` collects them."""
    if exponent not in known:
        half = exponent // 2
        known[exponent] = _power(known, half) * _power(known, exponent - half)
    return known[exponent]


def _windows(windows: Sequence[AngleWindow], cosine: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Near θ = 0 and π dθ/d(cos θ) = -1 / sin θ is held finite; there the slope of the window vanishes."""
    limit = 1.0 - torch.finfo(cosine.dtype).eps
    c = torch.clamp(cosine, min=-limit, max=limit).unsqueeze(1)
    inverse_sine = torch.reciprocal(torch.sqrt((1.0 - c) * (1.0 + c)))
    ends = torch.tensor([(w.left, w.right) for w in windows], dtype=c.dtype, device=c.device) * (math.pi / 180.0)
    left, right = ends.unsqueeze(-1).unsqueeze(-1).split(1, dim=1)  # (n, 1, 1, 1)
    centre, inverse = (left + right).transpose(0, 1) * 0.5, 2.0 / (right - left).transpose(0, 1)
    value, slope = cutoffs.window(windows[0].core, torch.acos(c), centre, inverse)
    return [value], [slope * inverse_sine * -1.0]
