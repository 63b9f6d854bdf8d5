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
    coupled: torch.Tensor | None  # (N, C·F, Y) A_c,y T_y,F; None where every channel is paired with itself only
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
    coupled = None if c.pairs.place is None else coupled_moments(c, harmonics)
    return Moments(harmonics, self_sums, coupled, triples)


def coupled_moments(c: Constants, harmonics: torch.Tensor) -> torch.Tensor:
    """A_c,y T_y,F (N, C·F, Y): with the moments themselves they give every pair of channels."""
    return (harmonics.unsqueeze(2) * c.pairs.functions.transpose(0, 1)).flatten(1, 2)


def values(c: Constants, found: Moments) -> list[torch.Tensor]:
    """The angular functions, in parts (N, ·)."""
    if found.coupled is None or c.pairs.first is None:
        by_pair = torch.matmul(found.harmonics * found.harmonics, c.pairs.functions)
    else:
        by_pair = _products(c.pairs, found.harmonics, found.coupled).index_select(-2, c.pairs.first)
    parts = _from_pairs(c.pairs, by_pair, found.self_sums)
    return parts if c.triples is None or found.triples is None else [*parts, four_body.values(c.triples, found.triples)]


def adjoint(c: Constants, found: Moments, dE_dG: torch.Tensor) -> torch.Tensor:
    """dE/dA and, where self sums are used, dE/dR: (..., N, C, Y+s) or (..., N, C, Y) from dE/dG (..., N, ·)."""
    pairs = c.pairs
    by_pair, appended, triples = pairs.columns(dE_dG)
    seeds = by_pair.unflatten(-1, (pairs.n_pairs, pairs.functions.shape[1]))
    if found.coupled is None or pairs.place is None or pairs.share is None:
        seeds = seeds if pairs.factors is None else seeds * pairs.factors
        gradient = torch.matmul(seeds, pairs.functions.transpose(0, 1)) * found.harmonics * 2.0
    else:
        placed = seeds.index_select(-2, pairs.place) * pairs.share
        width = found.coupled.shape[-2]
        gradient = torch.matmul(placed.flatten(-2, -1).unflatten(-1, (-1, width)), found.coupled)
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
    if found.coupled is None or c.pairs.first is None or c.pairs.second is None:
        by_pair = torch.matmul(dA * found.harmonics * 2.0, c.pairs.functions)
    else:
        products = _products(c.pairs, dA, found.coupled)
        by_pair = products.index_select(-2, c.pairs.first) + products.index_select(-2, c.pairs.second)
    dS = None
    if c.pairs.self_gradient is not None:
        dS = torch.matmul(change[..., n_harmonics:].flatten(-2, -1), c.pairs.self_gradient.transpose(0, 1))
    parts = _from_pairs(c.pairs, by_pair, dS)
    if c.triples is not None and found.triples is not None:
        parts.append(four_body.jvp(c.triples, found.triples, dA))
    return parts


def _products(c: contraction.Constants, moments: torch.Tensor, coupled: torch.Tensor) -> torch.Tensor:
    """The F functions of every two channels (..., C·C, F)."""
    every = torch.matmul(moments, coupled.transpose(-2, -1))
    return every.unflatten(-1, (-1, c.functions.shape[1])).flatten(-3, -2)


def _from_pairs(c: contraction.Constants, by_pair: torch.Tensor, self_sums: torch.Tensor | None) -> list[torch.Tensor]:
    """Angular functions (..., P·F) and appended self sums from those of the pairs (..., P, F) and κ S (..., P)."""
    functions = (by_pair if c.factors is None else by_pair * c.factors).flatten(-2, -1)
    if c.weights is not None and self_sums is not None:
        functions = functions + torch.matmul(self_sums, c.weights)
    if c.append is not None and self_sums is not None:
        return [functions, torch.matmul(self_sums, c.append)]
    return [functions]
