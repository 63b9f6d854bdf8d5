"""Wide angular functions of a pair of elements: G_qa = Σ_jk Q_q(θ_jk) R_a(r_j) R_a(r_k), by matrix products.

With Z_qja = Σ_k Q_q,jk R_a,k:  G_qa = Σ_j R_a,j Z_qja,  dG_qa/dR_a,j = Z_qja,  and dG_qa/dQ_q,jk = R_a,j R_a,k. For
neighbours of one element Q carries the factor ½ and has no diagonal.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from nnp.learn.behler import radial_parts
from nnp.learn.behler.radial_parts import RadialPart
from nnp.learn.behler.sides import Change, Side


class Wide(NamedTuple):
    """n angular and m radial parts, J and K neighbours; ``second...`` repeats ``first...`` if one side."""

    same: bool
    slope: torch.Tensor  # (N, n, J, K) dQ/d(cos θ)
    first: torch.Tensor  # (N, 1, J, m) R(r_j)
    first_slope: torch.Tensor  # (N, 1, J, m)
    second: torch.Tensor  # (N, 1, K, m)
    second_slope: torch.Tensor  # (N, 1, K, m)
    first_sum: torch.Tensor  # (N, n, J, m) Z
    second_sum: torch.Tensor  # (N, n, K, m) the same summed over j


def geometry(
    parts: Sequence[RadialPart], value: torch.Tensor, slope: torch.Tensor, first: Side, second: Side | None
) -> Wide:
    """What values, adjoint and jvp share.

    Args:
        parts: m radial parts.
        value: Q (N, n, J, K).
        slope: dQ/d(cos θ), likewise.
        first: neighbours j.
        second: neighbours k; None where they are the same.
    """
    ours, our_slope = _columns(parts, first)
    theirs, their_slope = (ours, our_slope) if second is None else _columns(parts, second)
    sums = torch.matmul(value, theirs)
    other = sums if second is None else torch.matmul(value.transpose(2, 3), ours)
    return Wide(second is None, slope, ours, our_slope, theirs, their_slope, sums, other)


def values(g: Wide) -> torch.Tensor:
    """G (N, n·m)."""
    return (g.first * g.first_sum).sum(2).flatten(1, 2)


def adjoint(g: Wide, seeds: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """dE/dr_j (N, 1, J), dE/dr_k (N, 1, K) and dE/d(cos θ) (N, J, K) from dE/dG (N, n·m)."""
    w = seeds.unflatten(-1, (g.slope.shape[1], g.first.shape[3])).unsqueeze(2)  # (N, n, 1, m)
    ours = ((w * g.first_sum).sum(1, keepdim=True) * g.first_slope).sum(3)
    theirs = ours if g.same else ((w * g.second_sum).sum(1, keepdim=True) * g.second_slope).sum(3)
    products = torch.matmul(g.first * w, g.second.transpose(2, 3))
    return ours, theirs, (g.slope * products).sum(1)


def jvp(g: Wide, first: Change, second: Change, dcosine: torch.Tensor) -> torch.Tensor:
    """DG (N, n·m) from displacements and d(cos θ) (N, J, K)."""
    ours = (g.first_slope * first.r.unsqueeze(3) * g.first_sum).sum(2)
    theirs = ours if g.same else (g.second_slope * second.r.unsqueeze(3) * g.second_sum).sum(2)
    turned = (torch.matmul(g.slope * dcosine.unsqueeze(1), g.second) * g.first).sum(2)
    return (ours + theirs + turned).flatten(1, 2)


def _columns(parts: Sequence[RadialPart], side: Side) -> tuple[torch.Tensor, torch.Tensor]:
    value, slope = radial_parts.evaluate(parts, side.r)
    return value.transpose(1, 2).unsqueeze(1), slope.transpose(1, 2).unsqueeze(1)
