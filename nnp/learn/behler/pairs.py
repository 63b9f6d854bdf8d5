"""The angular functions of one pair of neighbour elements, wide and narrow, over all pairs of two sides."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch

from nnp.learn.behler import angular_parts, narrow, plan, sides, wide
from nnp.learn.behler.sides import Change, Gradient, Side


class Pairs(NamedTuple):
    """What values, adjoint and jvp of a pair of elements share."""

    first: Side
    second: Side
    same: bool
    angles: torch.Tensor  # (N, n, P) Q
    slopes: torch.Tensor  # (N, n, P) dQ/d(cos θ)
    wide: wide.Wide | None
    narrow: tuple[narrow.NarrowGroup, ...]


def geometry(pair: plan.Pair, first: Side, second: Side) -> Pairs:
    """The pairs of neighbours of ``first`` and ``second``, which is the same object for a pair of equal elements."""
    same = pair.first == pair.second
    halves = sides.halves(first) if same else None
    value, slope = angular_parts.evaluate(pair.angles, sides.cosine(first, second))
    own = None
    if pair.wide:
        counted = (value, slope) if halves is None else (value * halves, slope * halves)
        own = wide.geometry(pair.wide, *counted, first, None if same else second)
    groups: list[narrow.NarrowGroup] = []
    if pair.narrow:
        apart = sides.separation(first, second)
        groups = [narrow.geometry(group, first, second, apart, halves) for group in pair.narrow]
    return Pairs(first, second, same, value.flatten(2, 3), slope.flatten(2, 3), own, tuple(groups))


def values(p: Pairs) -> list[torch.Tensor]:
    """The columns of the pair, in blocks (N, ·)."""
    return [wide.values(g) if part is None else narrow.values(g, p.angles) for part, g in _parts(p)]


def adjoint(p: Pairs, pair: plan.Pair, seeds: torch.Tensor) -> tuple[Gradient, Gradient | None]:
    """Gradients of the first side, and of the second where it is another, from dE/d(columns) (N, ·)."""
    n, start = len(pair.angles), 0
    ours = theirs = cosine = turned = apart = None
    for group, g in _parts(p):
        size = n * (len(pair.wide) if group is None else len(pair.narrow[group].etas))
        w = seeds[:, start : start + size]
        start += size
        if isinstance(g, wide.Wide):
            ours, theirs, cosine = wide.adjoint(g, w)
            continue
        by_first, by_second, by_apart, by_angles = narrow.adjoint(g, w, p.angles)
        ours, theirs = _plus(ours, by_first), _plus(theirs, by_second)
        apart, turned = _plus(apart, by_apart), _plus(turned, by_angles)
    if turned is not None:
        shape = (p.first.r.shape[2], p.second.r.shape[2])
        cosine = _plus(cosine, (turned * p.slopes).sum(1).unflatten(1, shape))
    assert cosine is not None
    second = _side(p.first, p.second, theirs, cosine, apart)
    if p.same:
        return sides.added(second, second), None
    swapped = None if apart is None else apart.transpose(1, 2)
    return _side(p.second, p.first, ours, cosine.transpose(1, 2), swapped), second


def jvp(p: Pairs, first: Change, second: Change) -> list[torch.Tensor]:
    """Changes of the columns of the pair, in blocks (N, ·)."""
    dcosine = _crossed(first.unit, p.second.unit) + _crossed(p.first.unit, second.unit)
    turned = p.slopes * dcosine.flatten(1, 2).unsqueeze(1)
    apart = None
    if p.narrow:
        crossed = _crossed(first.vectors, p.second.vectors) + _crossed(p.first.vectors, second.vectors)
        ours, theirs = ((s.vectors * c.vectors).sum(1, keepdim=True) for s, c in ((p.first, first), (p.second, second)))
        apart = ours.transpose(1, 2) + theirs - crossed
    result = []
    for _, g in _parts(p):
        if isinstance(g, wide.Wide):
            result.append(wide.jvp(g, first, second, dcosine))
        else:
            assert apart is not None
            result.append(narrow.jvp(g, (first, second), apart, p.angles, turned))
    return result


def _parts(p: Pairs) -> Iterator[tuple[int | None, Any]]:
    """The blocks of columns in their order: None and the wide functions, number and group of the narrow ones."""
    if p.wide is not None:
        yield None, p.wide
    yield from enumerate(p.narrow)


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
