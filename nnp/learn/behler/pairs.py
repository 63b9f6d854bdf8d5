"""The angular functions of one pair of neighbour elements, wide and narrow, over all pairs of two sides."""

from typing import NamedTuple

import torch

from nnp.learn.behler import angular_parts, narrow, plan, sides, wide
from nnp.learn.behler.angular_parts import Angles
from nnp.learn.behler.sides import Change, Gradient, Side


class Pairs(NamedTuple):
    """What values, adjoint and jvp of a pair of elements share."""

    first: Side
    second: Side
    same: bool
    angles: Angles
    wide: wide.Wide | None
    narrow: tuple[narrow.NarrowGroup, ...]


def geometry(pair: plan.Pair, first: Side, second: Side) -> Pairs:
    """The pairs of neighbours of ``first`` and ``second``, which is the same object for a pair of equal elements."""
    same = pair.first == pair.second
    halves = sides.halves(first) if same else None
    angles = angular_parts.evaluate(pair.angles, sides.cosine(first, second))
    own = wide.geometry(pair.wide, angles, halves, first, second) if pair.wide else None
    groups: list[narrow.NarrowGroup] = []
    if pair.narrow:
        apart = sides.separation(first, second)
        groups = [narrow.geometry(group, first, second, apart, halves) for group in pair.narrow]
    return Pairs(first, second, same, angles, own, tuple(groups))


def values(p: Pairs, pair: plan.Pair) -> list[torch.Tensor]:
    """The columns of the pair, in blocks (N, ·)."""
    angles = p.angles.values.flatten(2, 3)
    own = [] if p.wide is None else [wide.values(p.wide)]
    return own + [narrow.values(g, q.functions, angles) for g, q in zip(p.narrow, pair.narrow, strict=True)]


def adjoint(p: Pairs, pair: plan.Pair, seeds: torch.Tensor) -> tuple[Gradient, Gradient | None]:
    """Gradients of the first side, and of the second where it is another, from dE/d(columns) (N, ·)."""
    start = len(pair.angles) * len(pair.wide)
    ours = theirs = cosine = apart = None
    if p.wide is not None:
        ours, theirs, cosine = wide.adjoint(p.wide, seeds[:, :start])
    if p.narrow:
        weights = []
        for group in pair.narrow:
            stop = start + len(group.functions)
            weights.append(_matrix(seeds[:, start:stop], group, len(pair.angles)))
            start = stop
        angles = p.angles.values.flatten(2, 3)
        for g, w in zip(p.narrow, weights, strict=True):
            by_first, by_second, by_apart = narrow.adjoint(g, w, angles)
            ours, theirs, apart = _plus(ours, by_first), _plus(theirs, by_second), _plus(apart, by_apart)
        cosine = _plus(cosine, _turned(p, weights))
    assert cosine is not None
    second = _side(p.first, p.second, theirs, cosine, apart)
    if p.same:
        return sides.added(second, second), None
    swapped = None if apart is None else apart.transpose(1, 2)
    return _side(p.second, p.first, ours, cosine.transpose(1, 2), swapped), second


def _turned(p: Pairs, weights: list[torch.Tensor]) -> torch.Tensor:
    """Gradient by cos θ (N, J, K) of the narrow functions from their dE/dG (N, m, n)."""
    shape = (p.first.r.shape[2], p.second.r.shape[2])
    slopes = p.angles.rates.shape[1] - 1
    by_slope = constant = None
    for g, w in zip(p.narrow, weights, strict=True):
        by_rate = torch.matmul(w, p.angles.rates).transpose(1, 2)  # (N, s + 1, m)
        constant = _plus(constant, torch.matmul(by_rate[:, slopes:], g.terms))
        if slopes:
            by_slope = _plus(by_slope, torch.matmul(by_rate[:, :slopes], g.terms))
    assert constant is not None
    every = None if by_slope is None else by_slope.unflatten(2, shape)
    return p.angles.turned(every, constant.squeeze(1).unflatten(1, shape))


def _matrix(seeds: torch.Tensor, group: plan.Narrow, angles: int) -> torch.Tensor:
    """The same (N, m, n), zero where there is no function, from dE/dG (N, f)."""
    padded = torch.cat([seeds, torch.zeros_like(seeds[:, :1])], 1)
    every = padded.index_select(1, torch.tensor(group.matrix(angles), device=seeds.device))
    return every.unflatten(1, (len(group.etas), angles))


def jvp(p: Pairs, pair: plan.Pair, first: Change, second: Change) -> list[torch.Tensor]:
    """Changes of the columns of the pair, in blocks (N, ·)."""
    dcosine = _crossed(first.unit, p.second.unit) + _crossed(p.first.unit, second.unit)
    turned, angles = p.angles.changed(dcosine), p.angles.values.flatten(2, 3)
    apart = None
    if p.narrow:
        crossed = _crossed(first.vectors, p.second.vectors) + _crossed(p.first.vectors, second.vectors)
        ours, theirs = ((s.vectors * c.vectors).sum(1, keepdim=True) for s, c in ((p.first, first), (p.second, second)))
        apart = ours.transpose(1, 2) + theirs - crossed
    own = [] if p.wide is None else [wide.jvp(p.wide, first, second, turned.unflatten(2, dcosine.shape[1:]))]
    q, changes = narrow.Turned(angles, turned), (first, second)
    for g, group in zip(p.narrow, pair.narrow, strict=True):
        assert apart is not None
        own.append(narrow.jvp(g, changes, apart, group.functions, q))
    return own


def _side(other: Side, own: Side, r: torch.Tensor | None, cosine: torch.Tensor, apart: torch.Tensor | None) -> Gradient:
    """Gradient of a side k from dE/dr_k, dE/d(cos θ_jk) and dE/dr_jk / r_jk; j are the neighbours of the other side."""
    unit = torch.matmul(other.unit, cosine)
    if apart is None:
        return Gradient(r, unit, None)
    return Gradient(r, unit, own.vectors * apart.sum(1, keepdim=True) - torch.matmul(other.vectors, apart))


def _crossed(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """a_j · b_k (N, J, K) from (N, 3, J) and (N, 3, K)."""
    return torch.matmul(a.transpose(1, 2), b)


def _plus(a: torch.Tensor | None, b: torch.Tensor) -> torch.Tensor:
    return b if a is None else a + b
