"""Narrow angular functions of a pair of elements, of one shape s and one shift r_s.

G_ηq = Σ_jk Q_q(θ_jk) e_η,jk F_jk,    F = s(r_j) s(r_k) s(r_jk),    e_η = exp(-η S),    S = Σ (r - r_s)² of the three

With the weights w = dE/dG and X_η = e_η Σ_q w_ηq Q_q everything follows from two sums over η, dE/dF = Σ_η X_η and
dE/dS = -F Σ_η η X_η, and from dE/dQ_q = Σ_η w_ηq e_η F. For neighbours of one element s(r_jk) carries the factor ½ and
has no diagonal.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from nnp.learn.behler import plan, radial_parts
from nnp.learn.behler.sides import Change, Separation, Side


class Turned(NamedTuple):
    """Angular parts and their changes."""

    values: torch.Tensor  # (N, n, P) Q
    changes: torch.Tensor  # (N, n, P) dQ


class NarrowGroup(NamedTuple):
    """m values of η, J and K neighbours, P = J·K pairs; where both sides are one, ``second...`` repeat ``first...``."""

    same: bool
    rates: torch.Tensor | None  # (2, m) rows 1 and -2η; None where the only η is 0
    gaussian: torch.Tensor | None  # (N, m, P) e
    product: torch.Tensor  # (N, 1, P) F
    terms: torch.Tensor  # (N, m, P) e F
    first: torch.Tensor  # (N, 1, J) s(r_j)
    first_slope: torch.Tensor  # (N, 1, J)
    second: torch.Tensor  # (N, 1, K)
    second_slope: torch.Tensor  # (N, 1, K)
    far: torch.Tensor  # (N, J, K) s(r_jk)
    far_slope: torch.Tensor  # (N, J, K) s(r_j) s(r_k) s'(r_jk) / r_jk
    first_shift: torch.Tensor  # (N, 1, J) r_j - r_s, Å
    second_shift: torch.Tensor  # (N, 1, K)
    far_shift: torch.Tensor | None  # (N, J, K) (r_jk - r_s) / r_jk; None where r_s = 0


def geometry(
    group: plan.Narrow, first: Side, second: Side, apart: Separation, halves: torch.Tensor | None
) -> NarrowGroup:
    """What values, adjoint and jvp share.

    Args:
        group: the functions.
        first: neighbours j.
        second: neighbours k.
        apart: of the two.
        halves: factor of each pair (J, K) where both sides are one.
    """
    same = halves is not None
    ours = radial_parts.shape(group.shape, first.r)
    theirs = ours if same else radial_parts.shape(group.shape, second.r)
    far, far_slope = radial_parts.shape(group.shape, apart.distance)
    near = ours[0].transpose(1, 2) * theirs[0]
    if halves is not None:
        far, far_slope = far * halves, far_slope * halves
    product = (near * far).flatten(1, 2).unsqueeze(1)
    our_shift, their_shift = (one.r - group.shift if group.shift else one.r for one in (first, second))
    far_shift = 1.0 - apart.inverse * group.shift if group.shift else None
    rates = gaussian = None
    terms = product
    if group.etas != (0.0,):
        squares = apart.square if far_shift is None else far_shift * far_shift * apart.square
        squares = squares + ((our_shift * our_shift).transpose(1, 2) + their_shift * their_shift)
        rates = torch.tensor([[1.0] * len(group.etas), [-2.0 * eta for eta in group.etas]], dtype=far.dtype)
        rates = rates.to(far.device)
        gaussian = torch.exp(squares.flatten(1, 2).unsqueeze(1) * (rates[1:2].transpose(0, 1) * 0.5))
        terms = gaussian * product
    by_distance = near * (far_slope * apart.inverse)
    return NarrowGroup(
        same, rates, gaussian, product, terms, *ours, *theirs, far, by_distance, our_shift, their_shift, far_shift
    )


def values(g: NarrowGroup, functions: Sequence[tuple[int, int]], angles: torch.Tensor) -> torch.Tensor:
    """G (N, f) of the functions with the angular parts Q (N, n, P).

    Products and sums, not a matrix product: that would add thousands of numbers one after the other, and lose digits.
    """
    return torch.cat([(_one(g.terms, eta) * _one(angles, angle)).sum(2) for eta, angle in functions], 1)


def adjoint(g: NarrowGroup, w: torch.Tensor, angles: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gradients by r_j (N, 1, J), r_k (N, 1, K) and r_jk, over r_jk (N, J, K), from dE/dG (N, m, n) and Q (N, n, P)."""
    product, squares = _sums(g, torch.matmul(w, angles))
    by_far = product * g.far
    ours = torch.matmul(by_far, g.second.transpose(1, 2)).transpose(1, 2) * g.first_slope
    apart = product * g.far_slope
    if squares is not None:
        ours = ours + squares.sum(2, keepdim=True).transpose(1, 2) * g.first_shift
        apart = apart + (squares if g.far_shift is None else squares * g.far_shift)
    if g.same:
        return ours, ours, apart
    theirs = torch.matmul(g.first, by_far) * g.second_slope
    if squares is not None:
        theirs = theirs + squares.sum(1, keepdim=True) * g.second_shift
    return ours, theirs, apart


def jvp(
    g: NarrowGroup, changes: tuple[Change, Change], apart: torch.Tensor, functions: Sequence[tuple[int, int]], q: Turned
) -> torch.Tensor:
    """Changes dG (N, f) from displacements of both sides, r_jk dr_jk (N, J, K), Q and dQ."""
    first, second = changes
    ours, theirs = g.first_slope * first.r, g.second_slope * second.r
    near = ours.transpose(1, 2) * g.second + g.first.transpose(1, 2) * theirs
    change = (near * g.far + g.far_slope * apart).flatten(1, 2).unsqueeze(1)
    if g.rates is not None and g.gaussian is not None:
        squares = (g.first_shift * first.r).transpose(1, 2) + g.second_shift * second.r
        squares = squares + (apart if g.far_shift is None else apart * g.far_shift)
        rates = g.rates[1:2].transpose(0, 1)
        change = g.gaussian * change + g.terms * (squares.flatten(1, 2).unsqueeze(1) * rates)
    result = [
        (_one(change, eta) * _one(q.values, angle) + _one(g.terms, eta) * _one(q.changes, angle)).sum(2)
        for eta, angle in functions
    ]
    return torch.cat(result, 1)


def _one(rows: torch.Tensor, number: int) -> torch.Tensor:
    return rows[:, number : number + 1]


def _sums(g: NarrowGroup, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Gradients by F and 2 S (N, J, K) from those by e F (N, m, P)."""
    shape = (g.far.shape[1], g.far.shape[2])
    if g.rates is None or g.gaussian is None:
        return weights.squeeze(1).unflatten(1, shape), None
    product, rates = torch.matmul(g.rates, g.gaussian * weights).split(1, dim=1)
    return product.squeeze(1).unflatten(1, shape), (rates * g.product).squeeze(1).unflatten(1, shape)
