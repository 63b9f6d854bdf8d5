"""The constant matrices that turn moments into angular functions and back.

The formulas are in ``angular`` and ``symmetry_functions``: Q = (L+1)² monomials and n channels R are the rows B of a
geometry; Y = (L+1)² harmonics. Everything is linear algebra on these: no loop over channels, degrees or pairs is left.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch

from nnp.core import harmonics
from nnp.learn import angular, radial


class Groups(NamedTuple):
    """Groups of neighbours: elements, or weighted element channels."""

    number: int
    weighted: bool
    pairs: tuple[tuple[int, int], ...]  # of channels that have functions


class Constants(NamedTuple):
    """E groups of neighbours, n radial channels, C = E·n channels, P pairs of channels, F functions of a pair.

    A group is a neighbour element, or an element channel: then s = C rows R of the channels themselves stand in B, so
    that self sums carry both weights; otherwise s = n rows, the same for all elements.
    """

    n_pairs: int  # P
    first: torch.Tensor | None  # (P,) flat index of (a, b); None when pairs are (a, a) for every channel in order
    second: torch.Tensor | None  # (P,) flat index of (b, a)
    place: torch.Tensor | None  # (C·C,) index of the pair of two channels, 0 where there is none
    share: torch.Tensor | None  # (C·C, F) κ, twice that for a channel with itself, 0 where there is no pair
    harmonics: torch.Tensor  # (Q+s, Y) H, zero rows for the self sums
    functions: torch.Tensor  # (Y, F) T
    factors: torch.Tensor | None  # (P, 1) κ, None where 1 for all
    weights: torch.Tensor | None  # (P, P·F) -w of each pair's functions; None where all zero
    select: torch.Tensor | None  # (C (Q+s), P) κ S from the flat moments; None where no function uses S
    append: torch.Tensor | None  # (P, P_same) which S are functions themselves
    self_gradient: torch.Tensor | None  # (P, C s) dE/dR rows from dE/dS
    coefficients: torch.Tensor  # (Y+s, f (Q+s)) values and three slopes; (Y, ·) where no function uses S
    fold: torch.Tensor | None  # (f n,) radial profile of each of the f rows of a channel; None: its own for all 4
    rows: torch.Tensor  # (6, f n) a0, a1, a2, v_x, v_y, v_z from the weighted channels

    def columns(self, by_function: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The columns (..., ·) of pairs of channels, of appended self sums, and those that follow them."""
        paired = self.n_pairs * self.functions.shape[1]
        appended = paired + (0 if self.append is None else self.append.shape[1])
        return by_function[..., :paired], by_function[..., paired:appended], by_function[..., appended:]

    def by_self_sum(self, by_pair: torch.Tensor, by_appended: torch.Tensor) -> torch.Tensor | None:
        """dE/dS (..., P) from dE/dG of the pairs' functions and of the appended self sums; None where S is not used."""
        dS = None if self.weights is None else torch.matmul(by_pair, self.weights.transpose(0, 1))
        if self.append is None:
            return dS
        appended = torch.matmul(by_appended, self.append.transpose(0, 1))
        return appended if dS is None else dS + appended


@lru_cache(maxsize=32)
def radial_slopes(
    channels: tuple[radial.Channel, ...], n_groups: int, dtype: torch.dtype, device: torch.device
) -> torch.Tensor:
    """(E·n, 3·E·m): spreads dE/dG of the radial functions to the rows a₀, a₁, a₂ of their slopes, by group."""
    one_group = np.concatenate(list(radial.slope_coefficients(channels)), 1)
    return torch.block_diag(*[torch.tensor(one_group, dtype=dtype, device=device)] * n_groups)


@lru_cache(maxsize=32)
def constants(part: angular.Angular, groups: Groups, dtype: torch.dtype, device: torch.device) -> Constants:
    """The constant matrices of an angular part for some groups of neighbours."""
    n, n_groups, weighted, pairs = len(part.channels), groups.number, groups.weighted, list(groups.pairs)
    change = harmonics.harmonics(part.degree)
    Q, Y, C, P = change.shape[0], change.shape[1], n_groups * n, len(pairs)
    legendre, weights, halves = part.legendre()
    same = np.array([a // n == b // n for a, b in pairs])
    kappa = np.where(same & halves, 0.5, 1.0)
    fold = kappa[0] if np.all(kappa == kappa[0]) else 1.0
    degrees = np.repeat(np.arange(part.degree + 1), 2 * np.arange(part.degree + 1) + 1)
    sources = C if weighted else n
    shared = same if part.appends_self_sums or not weighted else np.ones(P, dtype=bool)
    select, self_gradient = _self_sums(pairs, np.where(shared, kappa, 0.0), Q, C, sources)
    place, share = np.zeros(C * C, dtype=np.int64), np.zeros((C * C, 1))
    for p, (a, b) in enumerate(pairs):
        place[[a * C + b, b * C + a]] = p
        share[[a * C + b, b * C + a]] = kappa[p] / fold * (2.0 if a == b else 1.0)
    diagonal = pairs == [(a, a) for a in range(C)]
    coefficients, profiles, rows = _slope_rows(part, change, sources)

    def tensor(array: np.ndarray) -> torch.Tensor:
        return torch.tensor(array, dtype=dtype, device=device)

    uses_self = bool(weights.any()) or part.appends_self_sums
    return Constants(
        n_pairs=P,
        first=None if diagonal else torch.tensor([a * C + b for a, b in pairs], device=device),
        second=None if diagonal else torch.tensor([b * C + a for a, b in pairs], device=device),
        place=None if diagonal else torch.tensor(place, device=device),
        share=None if diagonal else tensor(np.repeat(share, len(legendre), 1)),
        harmonics=tensor(np.concatenate([change, np.zeros((sources, Y))])),
        functions=tensor(legendre.T[degrees] * fold),
        factors=None if np.all(kappa == fold) else tensor(kappa[:, None] / fold),
        weights=None if not weights.any() else tensor(np.kron(np.eye(P), -weights[None, :])),
        select=tensor(select.reshape(-1, P)) if uses_self else None,
        append=tensor(np.eye(P)[:, same]) if part.appends_self_sums else None,
        self_gradient=tensor(self_gradient.reshape(P, -1)) if uses_self else None,
        coefficients=tensor(coefficients[: Y + sources if uses_self else Y]),
        fold=None if profiles == list(np.repeat(np.arange(n), 4)) else torch.tensor(profiles, device=device),
        rows=tensor(rows),
    )


def _self_sums(
    pairs: list[tuple[int, int]], kappa: np.ndarray, Q: int, C: int, sources: int
) -> tuple[np.ndarray, np.ndarray]:
    """(C, Q+s, P) κ S from the moments with the rows R, and (P, C, s) dE/dR from dE/dS."""
    select, self_gradient = np.zeros((C, Q + sources, len(pairs))), np.zeros((len(pairs), C, sources))
    for p, (a, b) in enumerate(pairs):
        select[a, Q + b % sources, p] = kappa[p]
        self_gradient[p, a, b % sources] += kappa[p]
        self_gradient[p, b, a % sources] += kappa[p]
    return select, self_gradient


def _slope_rows(part: angular.Angular, change: np.ndarray, sources: int) -> tuple[np.ndarray, list[int], np.ndarray]:
    """Coefficients, fold and rows of ``Constants``: of each channel a value for every profile, and three slopes."""
    n, (Q, Y) = len(part.channels), change.shape
    by_profile = radial.slope_coefficients(part.channels)
    used = [np.flatnonzero(by_profile[:, channel].any(0)) for channel in range(n)]
    f = len(used[0]) + 3
    value, slope = np.zeros((Y + sources, Q + sources)), np.zeros((3, Y + sources, Q + sources))
    value[:Y, :Q] = change.T
    value[Y:, Q:] = np.eye(sources)
    slope[:, :Y, :Q] = np.einsum("qy,kqp->kyp", change, harmonics.derivatives(part.degree))
    coefficients = np.stack([value] * (f - 3) + list(slope), 1)
    profiles = [int(p) for channel in range(n) for p in (*used[channel], channel, channel, channel)]
    rows = np.zeros((6, n, f))
    for channel in range(n):
        rows[:3, channel, : f - 3] = by_profile[:, channel, used[channel]]
    rows[3:, :, f - 3 :] = np.eye(3)[:, None, :]
    return coefficients.reshape(Y + sources, -1), profiles, rows.reshape(6, -1)
