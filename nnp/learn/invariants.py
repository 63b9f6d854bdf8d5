"""Rotational invariants of the moments of an atom: angular functions from A and S, and the way back to them.

p = A_a ∘ A_b · T,  G = κ p - w S,  then appended self sums κ S, then four-body functions (``four_body``); no neighbour
appears here, so the cost does not depend on their number. ``adjoint`` and ``jvp`` are transposes of each other.
"""

from typing import NamedTuple

import torch

from nnp.learn import angular, contraction, four_body


class Moments(NamedTuple):
    """Of every atom; C channels, Y harmonics, P pairs of channels."""

    harmonics: torch.Tensor  # (N, C, Y) A_a,lm
    self_sums: torch.Tensor | None  # (N, P) κ S(a, b), zero for pairs of different elements; None where not used
    triples: four_body.Slopes | None  # slopes of the four-body functions


class Constants(NamedTuple):
    """Of an angular part."""

    pairs: contraction.Constants
    triples: four_body.Constants | None


def constants(part: angular.Angular, groups: contraction.Groups, dtype: torch.dtype, device: torch.device) -> Constants:
    """The constant matrices of an angular part; see ``contraction.constants``."""
    triples = angular.four_body_of(part)
    return Constants(
        contraction.constants(part, groups, dtype, device),
        None if triples is None else four_body.constants(triples, (part.degree + 1) ** 2, dtype, device),
    )


def moments(c: Constants, rows: torch.Tensor) -> Moments:
    """A and S from the sums over the neighbours of channels times rows B (N, C, Q+s)."""
    harmonics = torch.matmul(rows, c.pairs.harmonics)
    self_sums = None if c.pairs.select is None else torch.matmul(rows.flatten(1, 2), c.pairs.select)
    triples = None if c.triples is None else four_body.slopes(c.triples, harmonics)
    return Moments(harmonics, self_sums, triples)


def values(c: Constants, found: Moments) -> list[torch.Tensor]:
    """The angular functions, in parts (N, ·)."""
    first, second = _paired(c.pairs, found.harmonics)
    parts = _from_pairs(c.pairs, first * second, found.self_sums)
    return parts if c.triples is None or found.triples is None else [*parts, four_body.values(c.triples, found.triples)]


def adjoint(c: Constants, found: Moments, dE_dG: torch.Tensor) -> torch.Tensor:
    """dE/dA and, where self sums are used, dE/dR: (..., N, C, Y+s) or (..., N, C, Y) from dE/dG (..., N, ·)."""
    pairs = c.pairs
    by_pair, appended, triples = pairs.columns(dE_dG)
    seeds = by_pair.unflatten(-1, (pairs.n_pairs, pairs.functions.shape[1]))
    if pairs.factors is not None:
        seeds = seeds * pairs.factors
    dq = torch.matmul(seeds, pairs.functions.transpose(0, 1))
    first, second = _paired(pairs, found.harmonics)
    if pairs.incidence is None:
        gradient = dq * first * 2.0
    else:
        gradient = torch.matmul(pairs.incidence, torch.cat([dq * second, dq * first], -2))
    if c.triples is not None and found.triples is not None:
        gradient = gradient + four_body.adjoint(c.triples, found.triples, triples)
    dS = pairs.by_self_sum(by_pair, appended)
    if dS is None or pairs.self_gradient is None:
        return gradient
    channels = found.harmonics.shape[-2]
    dR = torch.matmul(dS, pairs.self_gradient).unflatten(-1, (channels, pairs.self_gradient.shape[1] // channels))
    return torch.cat([gradient, dR], -1)


def jvp(c: Constants, found: Moments, change: torch.Tensor) -> list[torch.Tensor]:
    """Changes of the angular functions, in parts, from dA and dR (..., N, C, Y+s)."""
    n_harmonics = found.harmonics.shape[-1]
    dA = change[..., :n_harmonics]
    first, second = _paired(c.pairs, found.harmonics)
    d_first, d_second = _paired(c.pairs, dA)
    dS = None
    if c.pairs.self_gradient is not None:
        dS = torch.matmul(change[..., n_harmonics:].flatten(-2, -1), c.pairs.self_gradient.transpose(0, 1))
    parts = _from_pairs(c.pairs, first * d_second + d_first * second, dS)
    if c.triples is not None and found.triples is not None:
        parts.append(four_body.jvp(c.triples, found.triples, dA))
    return parts


def _paired(c: contraction.Constants, moments: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    if c.first is None or c.second is None:
        return moments, moments
    return moments.index_select(-2, c.first), moments.index_select(-2, c.second)


def _from_pairs(c: contraction.Constants, products: torch.Tensor, self_sums: torch.Tensor | None) -> list[torch.Tensor]:
    """Angular functions (..., P·F) and appended self sums from A_a ∘ A_b (..., P, Y) and κ S (..., P)."""
    functions = torch.matmul(products, c.functions)
    if c.factors is not None:
        functions = functions * c.factors
    functions = functions.flatten(-2, -1)
    if c.weights is not None and self_sums is not None:
        functions = functions + torch.matmul(self_sums, c.weights)
    if c.append is not None and self_sums is not None:
        return [functions, torch.matmul(self_sums, c.append)]
    return [functions]
