"""`symmetry_functions.adjoint` and `jvp` for M members at once, on the batches of a training.

The formulas are those of `symmetry_functions`; here the members lie beside the channels of an atom, so that each atom
needs one product with its rows B for all of them, and what does not depend on the weights is computed once:

dE/dA = Z·(A ∘ T),  W = (dE/dA, dE/dR)·coefficients·B,  a = Σ_c R'_c W_c,0 + radial part,  v = Σ_c (R_c/r) W_c,xyz
dE/dr_ij = u (a - u·v) + v
"""

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import torch

from nnp.learn import contraction, four_body, invariants
from nnp.learn.radial import Channel, slope_coefficients

if TYPE_CHECKING:
    from nnp.learn.symmetry_functions import Geometry, SymmetryFunctions


class Kept(NamedTuple):
    """What is computed once for a batch; axis 0 is the atom. C channels, Y harmonics, F functions, Q+n rows B."""

    unit: torch.Tensor  # (N, 3, K) u_ij
    radial: torch.Tensor | None  # (N, E·n_radial, K) dG²/dr of each neighbour, 1/Å
    basis: torch.Tensor | None  # (N, Q+n, K) rows B
    along: torch.Tensor | None  # (N, C, K) dR/dr, 1/Å
    across: torch.Tensor | None  # (N, C, K) R/r, 1/Å
    moments: torch.Tensor | None  # (N, C·F, Y) A_c,y T_y,F
    triples: torch.Tensor | None  # (N, K, T) slopes of the four-body functions of K mixtures


class Pairing(NamedTuple):
    """How the functions of a channel pair (a, b) enter the matrix Z of channels by channels."""

    place: torch.Tensor  # (C·C,) index of the pair of two channels, P where there is none
    share: torch.Tensor  # (C·C, 1) 2 κ for a pair of a channel with itself, κ for other pairs, 0 where there is none
    first: torch.Tensor  # (P,) flat index of (a, b) in (C·C,)
    second: torch.Tensor  # (P,) flat index of (b, a)
    factor: torch.Tensor  # (P, 1) κ


def keep(functions: "SymmetryFunctions", geometry: "Geometry") -> Kept:
    """Compute what the members share.

    Args:
        functions: the definition.
        geometry: of `symmetry_functions.geometry`, N atoms with K neighbour slots.
    """
    radial = along = across = moments = triples = None
    if geometry.radial is not None:
        slopes = _slopes(functions.radial, geometry.radial, geometry.cut)
        radial = _by_element(slopes, geometry.radial_mask).contiguous()
    if geometry.angular is not None and geometry.moments is not None and functions.angular is not None:
        found = geometry.moments
        along = _by_element(_slopes(functions.angular.channels, geometry.angular, geometry.cut), geometry.mask)
        across = _by_element(geometry.angular[:, : len(functions.angular.channels)] * geometry.inverse, geometry.mask)
        moments = found.coupled
        if moments is None:
            moments = invariants.coupled_moments(functions.constants(geometry.unit), found.harmonics)
        triples = None if found.triples is None else four_body.by_atom(found.triples)
        along, across = along.contiguous(), across.contiguous()
    return Kept(geometry.unit, radial, geometry.basis, along, across, moments, triples)


def adjoint(functions: "SymmetryFunctions", kept: Kept, dE_dG: torch.Tensor) -> torch.Tensor:
    """Pair gradients dE_i/dr_ij (N, M, 3, K), eV/Å, from dE/dG (N, M, D), eV."""
    n_radial = functions.radial_size
    along: torch.Tensor | None = None
    if kept.radial is not None:
        along = torch.bmm(dE_dG[..., :n_radial], kept.radial)
    if kept.basis is None or kept.moments is None or kept.along is None or kept.across is None:
        assert along is not None
        return kept.unit.unsqueeze(1) * along.unsqueeze(2)
    c, pairing = _constants(functions, dE_dG)
    gradient = _channel_gradient(c, pairing, kept, dE_dG[..., n_radial:])
    atoms, members, channels, _ = gradient.shape
    rows = torch.matmul(gradient, _coefficients(c.pairs, kept.basis)).view(atoms, members * channels * 4, -1)
    weighted = torch.bmm(rows, kept.basis).view(atoms, members, channels, 4, -1)
    value = (weighted[:, :, :, 0] * kept.along.unsqueeze(1)).sum(2)
    v = (weighted[:, :, :, 1:] * kept.across.unsqueeze(1).unsqueeze(3)).sum(2)
    unit = kept.unit.unsqueeze(1)
    value = (value if along is None else value + along) - (unit * v).sum(2)
    return v + unit * value.unsqueeze(2)


def jvp(functions: "SymmetryFunctions", kept: Kept, dvectors: torch.Tensor) -> torch.Tensor:
    """Changes dG (N, M, D) from displacements dr_ij (N, M, 3, K), Å: the transpose of `adjoint`."""
    unit = kept.unit.unsqueeze(1)
    dr = (unit * dvectors).sum(2)
    parts = []
    if kept.radial is not None:
        parts.append(torch.bmm(dr, kept.radial.transpose(1, 2)))
    if kept.basis is not None and kept.moments is not None and kept.along is not None and kept.across is not None:
        c, pairing = _constants(functions, dvectors)
        across = dvectors - unit * dr.unsqueeze(2)
        atoms, members, _, slots = dvectors.shape
        channels = kept.along.shape[1]
        weighted = dvectors.new_empty((atoms, members, channels, 4, slots))
        torch.mul(dr.unsqueeze(2), kept.along.unsqueeze(1), out=weighted[:, :, :, 0])
        torch.mul(across.unsqueeze(2), kept.across.unsqueeze(1).unsqueeze(3), out=weighted[:, :, :, 1:])
        rows = torch.bmm(weighted.view(atoms, -1, slots), kept.basis.transpose(1, 2))
        coefficients = _coefficients(c.pairs, kept.basis).transpose(0, 1)
        gradient = torch.matmul(rows.view(atoms, members, channels, -1), coefficients)
        parts += _pair_functions(c.pairs, pairing, kept.moments, gradient)
        if c.triples is not None and kept.triples is not None:
            parts.append(four_body.committee_jvp(c.triples, kept.triples, gradient[..., : kept.moments.shape[2]]))
    return torch.cat(parts, -1)


def _channel_gradient(c: invariants.Constants, pairing: Pairing, kept: Kept, seeds: torch.Tensor) -> torch.Tensor:
    """dE/dA and, where self sums are used, dE/dR (N, M, C, Y+n) from dE/dG of the angular functions (N, M, ·)."""
    assert kept.moments is not None
    atoms, members, _ = seeds.shape
    pairs = c.pairs
    n_functions, n_channels = pairs.functions.shape[1], round(len(pairing.place) ** 0.5)
    by_pair, appended, triples = pairs.columns(seeds)
    padded = torch.nn.functional.pad(by_pair.unflatten(-1, (pairs.n_pairs, n_functions)), (0, 0, 0, 1))
    Z = padded.index_select(2, pairing.place) * pairing.share
    dA = torch.bmm(Z.view(atoms, members * n_channels, n_channels * n_functions), kept.moments)
    dA = dA.view(atoms, members, n_channels, -1)
    if c.triples is not None and kept.triples is not None:
        dA = dA + four_body.committee_adjoint(c.triples, kept.triples, triples)
    dS = pairs.by_self_sum(by_pair, appended)
    if dS is None or pairs.self_gradient is None:
        return dA
    dR = torch.matmul(dS, pairs.self_gradient).view(atoms, members, n_channels, -1)
    return torch.cat([dA, dR], -1)


def _pair_functions(
    c: contraction.Constants, pairing: Pairing, moments: torch.Tensor, gradient: torch.Tensor
) -> list[torch.Tensor]:
    """Angular functions and appended self sums (N, M, ·) from dA and dR (N, M, C, Y+n)."""
    atoms, members, channels, _ = gradient.shape
    n_harmonics, n_functions = moments.shape[2], c.functions.shape[1]
    dA = gradient[..., :n_harmonics].reshape(atoms, members * channels, n_harmonics)
    Z = torch.bmm(dA, moments.transpose(1, 2)).view(atoms, members, channels * channels, n_functions)
    found = ((Z.index_select(2, pairing.first) + Z.index_select(2, pairing.second)) * pairing.factor).flatten(2, 3)
    parts = []
    if c.self_gradient is not None:
        dS = torch.matmul(gradient[..., n_harmonics:].flatten(2, 3), c.self_gradient.transpose(0, 1))
        if c.weights is not None:
            found = found + torch.matmul(dS, c.weights)
        parts = [] if c.append is None else [torch.matmul(dS, c.append)]
    return [found, *parts]


def _constants(functions: "SymmetryFunctions", like: torch.Tensor) -> tuple[invariants.Constants, Pairing]:
    assert functions.angular is not None
    c = functions.constants(like)
    return c, _pairing(functions, like.dtype, like.device)


@lru_cache(maxsize=32)
def _pairing(functions: "SymmetryFunctions", dtype: torch.dtype, device: torch.device) -> Pairing:
    assert functions.angular is not None
    groups = functions.channel_groups()
    c, pairs = contraction.constants(functions.angular, groups, dtype, device), groups.pairs
    channels = groups.number * len(functions.angular.channels)
    factor = torch.ones((len(pairs), 1), dtype=dtype, device=device) if c.factors is None else c.factors
    place = torch.full((channels * channels,), len(pairs), dtype=torch.int64, device=device)
    share = torch.zeros((channels * channels, 1), dtype=dtype, device=device)
    for p, (a, b) in enumerate(pairs):
        place[a * channels + b] = place[b * channels + a] = p
        share[a * channels + b] = share[b * channels + a] = factor[p] * (2.0 if a == b else 1.0)
    first = torch.tensor([a * channels + b for a, b in pairs], device=device)
    second = torch.tensor([b * channels + a for a, b in pairs], device=device)
    return Pairing(place, share, first, second, factor)


def _coefficients(c: contraction.Constants, basis: torch.Tensor) -> torch.Tensor:
    """One value and three slopes (Y+s, 4 (Q+s)): here dR/dr is one row, however many profiles it has."""
    return c.coefficients[:, -4 * basis.shape[1] :]


def _slopes(channels: tuple[Channel, ...], profiles: torch.Tensor, cut: torch.Tensor) -> torch.Tensor:
    """dR/dr (N, n, K): Σ_p profile_p (c₀ f_c' + c₁ r f_c + c₂ f_c)."""
    c = torch.tensor(slope_coefficients(channels), dtype=cut.dtype, device=cut.device)
    return (torch.matmul(c, profiles.unsqueeze(1)) * cut.unsqueeze(2)).sum(1)


def _by_element(rows: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """(N, n, K) -> (N, E·n, K): the rows for each neighbour element, zero at the neighbours of others."""
    return rows if mask is None else (mask.unsqueeze(2) * rows.unsqueeze(1)).flatten(1, 2)
