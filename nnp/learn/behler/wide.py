"""Wide angular functions of a pair of elements: G_qa = Σ_jk Q_q(θ_jk) R_a(r_j) R_a(r_k), by matrix products.

With Z_qja = Σ_k Q_q,jk R_a,k:  G_qa = Σ_j R_a,j Z_qja,  dG_qa/dR_a,j = Z_qja,  and dG_qa/dQ_q,jk = R_a,j R_a,k. For
neighbours of one element every pair counts ½, and the diagonal 0 (``halves``).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from nnp.learn.behler import radial_parts
from nnp.learn.behler.angular_parts import Angles
from nnp.learn.behler.radial_parts import RadialPart
from nnp.learn.behler.sides import Change, Side


class Wide(NamedTuple):
    """n angular and m radial parts, J and K neighbours; ``second...`` repeats ``first...`` if both sides are one."""

    halves: torch.Tensor | None  # (J, K) where both sides are one
    angles: Angles
    first: torch.Tensor  # (N, 1, J, m) R(r_j)
    first_slope: torch.Tensor  # (N, 1, J, m)
    second: torch.Tensor  # (N, 1, K, m)
    second_slope: torch.Tensor  # (N, 1, K, m)
    first_sum: torch.Tensor  # (N, n, J, m) Z
    second_sum: torch.Tensor  # (N, n, K, m) the same summed over j


def geometry(
    parts: Sequence[RadialPart], angles: Angles, halves: torch.Tensor | None, first: Side, second: Side
) -> Wide:
    """What values, adjoint and jvp share.

    Args:
        parts: m radial parts.
        angles: n angular parts.
        halves: factor of each pair (J, K) where both sides are one.
        first: neighbours j.
        second: neighbours k.
    """
    same = halves is not None
    values = angles.values if halves is None else angles.values * halves
    ours, our_slope = _columns(parts, first)
    theirs, their_slope = (ours, our_slope) if same else _columns(parts, second)
    sums = torch.matmul(values, theirs)
    other = sums if same else torch.matmul(values.transpose(2, 3), ours)
    return Wide(halves, angles, ours, our_slope, theirs, their_slope, sums, other)


def values(g: Wide) -> torch.Tensor:
    """G (N, n·m)."""
    return (g.first * g.first_sum).sum(2).flatten(1, 2)


def adjoint(g: Wide, seeds: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gradients by r_j (N, 1, J), r_k (N, 1, K) and cos θ (N, J, K) from dE/dG (N, n·m)."""
    w = seeds.unflatten(-1, (g.angles.values.shape[1], g.first.shape[3]))  # (N, n, m)
    by_rate = torch.matmul(g.angles.rates.transpose(0, 1), w).unsqueeze(2)
    products = torch.matmul(g.first * by_rate, g.second.transpose(2, 3))  # (N, s + 1, J, K)
    slopes = by_rate.shape[1] - 1
    cosine = g.angles.turned(products[:, :slopes] if slopes else None, products[:, slopes:].squeeze(1))
    w = w.unsqueeze(2)
    ours = ((w * g.first_sum).sum(1, keepdim=True) * g.first_slope).sum(3)
    if g.halves is not None:
        return ours, ours, cosine * g.halves
    return ours, ((w * g.second_sum).sum(1, keepdim=True) * g.second_slope).sum(3), cosine


def jvp(g: Wide, first: Change, second: Change, turned: torch.Tensor) -> torch.Tensor:
    """Changes dG (N, n·m) from displacements and dQ (N, n, J, K)."""
    ours = (g.first_slope * first.r.unsqueeze(3) * g.first_sum).sum(2)
    theirs = ours if g.halves is not None else (g.second_slope * second.r.unsqueeze(3) * g.second_sum).sum(2)
    counted = turned if g.halves is None else turned * g.halves
    return (ours + theirs + (torch.matmul(counted, g.second) * g.first).sum(2)).flatten(1, 2)


def _columns(parts: Sequence[RadialPart], side: Side) -> tuple[torch.Tensor, torch.Tensor]:
    value, slope = radial_parts.evaluate(parts, side.r)
    return value.transpose(1, 2).unsqueeze(1), slope.transpose(1, 2).unsqueeze(1)
