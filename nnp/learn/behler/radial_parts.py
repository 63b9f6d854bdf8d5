"""Functions of one distance, R(r) = exp(-η (r - r_s)²) s(r), where the shape s is a cutoff function or a window."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from nnp.learn.behler import cutoffs
from nnp.learn.behler.function import Function


@dataclass(frozen=True, order=True)
class Cut:
    """A cutoff function: its name, radius (Å) and inner fraction."""

    name: str
    cutoff: float
    alpha: float


@dataclass(frozen=True, order=True)
class Window:
    """A compact function: its core, and both ends (Å)."""

    core: str
    cutoff: float
    lower: float


Shape = Cut | Window


@dataclass(frozen=True)
class RadialPart:
    """exp(-eta (r - shift)²) · shape(r); eta in 1/Å², shift in Å."""

    shape: Shape
    eta: float = 0.0
    shift: float = 0.0


def radial_part(function: Function) -> RadialPart:
    """The radial part of a symmetry function."""
    if function.compact:
        return RadialPart(Window(function.core, function.cutoff, function.lower))
    shape = Cut(function.cutoff_function, function.cutoff, function.alpha)
    return RadialPart(shape, function.eta, function.shift)


def ordered(parts: set[RadialPart]) -> tuple[RadialPart, ...]:
    """Parts in an order that lets ``evaluate`` share what they have in common."""
    return tuple(sorted(parts, key=lambda part: (_family(part), part.shape, part.eta, part.shift)))


def shape(one: Shape, r: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """s(r) and ds/dr (1/Å) of one shape at distances r (any shape), Å."""
    if isinstance(one, Cut):
        return cutoffs.inner_cutoff(one.name, r, one.cutoff, one.alpha)
    centre, inverse = _windows([one], r)
    return cutoffs.window(one.core, r, centre[0], inverse[0])


def evaluate(parts: Sequence[RadialPart], r: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """R(r) and dR/dr of every part.

    Args:
        parts: n functions, best as ``ordered``.
        r: distances (N, 1, K), Å.

    Returns:
        (N, n, K), dimensionless, and (N, n, K), 1/Å; both exactly zero at and beyond the cutoffs.
    """
    found = [_together(list(group), r) for _, group in itertools.groupby(parts, _family)]
    values, slopes = zip(*found, strict=True)
    return torch.cat(values, 1), torch.cat(slopes, 1)


def _family(part: RadialPart) -> tuple[str, float, float]:
    """Parts of one family are evaluated as one: all Gaussians of a cutoff function, all windows of a core."""
    if isinstance(part.shape, Cut):
        return part.shape.name, part.shape.cutoff, part.shape.alpha
    return part.shape.core, 0.0, 0.0


def _together(parts: Sequence[RadialPart], r: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    windows = [part.shape for part in parts if isinstance(part.shape, Window)]
    if windows:
        return cutoffs.window(windows[0].core, r, *_windows(windows, r))
    f, slope = shape(parts[0].shape, r)
    if all(part.eta == 0.0 for part in parts):
        return torch.cat([f] * len(parts), 1), torch.cat([slope] * len(parts), 1)
    eta, shift = _columns([(part.eta, part.shift) for part in parts], r)
    distance = r - shift
    g = torch.exp(distance * distance * -eta)
    return g * f, g * (slope + distance * f * (eta * -2.0))


def _windows(windows: Sequence[Window], r: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Centres and inverse half-widths (n, 1)."""
    return _columns([((w.lower + w.cutoff) / 2.0, 2.0 / (w.cutoff - w.lower)) for w in windows], r)


def _columns(rows: Sequence[tuple[float, float]], like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    first, second = torch.tensor(rows, dtype=like.dtype, device=like.device).split(1, dim=1)
    return first, second
