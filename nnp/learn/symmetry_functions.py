"""Symmetry functions G of every atom, and the adjoint that contracts dE/dG to dE/dr_ij in one pass over the neighbours.

All functions take tensors; no dG/dr is ever stored. With R_a = g_a f_c (``radial``), Q monomials b_q of u_ij and n
radial channels (``angular``), the rows B = (b_1..b_Q, R_1..R_n) serve both directions (DESIGN 4.1, 4.2):

values   moments (C, Q+n) = R Bᵀ over the neighbours;  A = moments·H;  p = A_a ∘ A_b · T;  G = κ p - w S
adjoint  dE/dA and dE/dS from dE/dG;  W = coefficients(dE/dA, dE/dS) B: a value and three slopes of every channel;
         sums over the channels of g_a W_a: a₀, a₁, a₂ from the values, the vector v from the slopes;
         dE/dr_ij = u (f_c' a₀ + f_c (r a₁ + a₂)) + (f_c / r) (v - u (u·v))

``jvp`` is the transpose of ``adjoint``: linear in the displacement of the neighbours, it is also the derivative of the
adjoint with respect to dE/dG, which is all that training needs (the geometry has no gradient there). Neighbours beyond
the cutoff, padding included, contribute exactly zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from nnp.learn import committee_adjoint, contraction, cutoff, invariants, narrowing
from nnp.learn.angular import Angular, angular_from_dict, four_body_of
from nnp.learn.committee_adjoint import Kept
from nnp.learn.monomials import monomials
from nnp.learn.radial import Channel, channel_from_dict, check_kind, profiles


@dataclass(frozen=True, kw_only=True)
class SymmetryFunctions:
    """The definition: pure parameters, the same for all centre elements; channels per group of neighbours (pairs).

    Attributes:
        elements: chemical symbols; ``neighbour_species`` index this tuple.
        cutoff: R_c, Å.
        cutoff_function: a key of ``cutoff.CUTOFF_FUNCTIONS``.
        radial: G² (and G¹) Gaussians, or Chebyshev polynomials.
        angular: wide angular functions, a power spectrum, Chebyshev polynomials of the cosine, or None.
        element_channels: rows of weights, one weight for every element: each row is a group of all neighbours, each
            neighbour counted with the weight of its element. The number of functions then depends on the number of
            rows, not of elements. None: every neighbour element is a group of its own.
        radial_elements: neighbour elements that have radial functions; None: all.
        angular_pairs: pairs of neighbour elements that have angular functions; None: all.
    """

    elements: tuple[str, ...]
    cutoff: float
    radial: tuple[Channel, ...]
    angular: Angular | None = None
    cutoff_function: str = "polynomial"
    element_channels: tuple[tuple[float, ...], ...] | None = None
    radial_elements: tuple[str, ...] | None = None
    angular_pairs: tuple[tuple[str, str], ...] | None = None

    def __post_init__(self) -> None:
        if not self.elements or len(set(self.elements)) != len(self.elements):
            raise ValueError(f"elements must be distinct and not empty, not {self.elements}")
        if not self.cutoff > 0.0:
            raise ValueError(f"the cutoff must be positive, not {self.cutoff}")
        if self.cutoff_function not in cutoff.CUTOFF_FUNCTIONS:
            known = ", ".join(cutoff.CUTOFF_FUNCTIONS)
            raise ValueError(f"unknown cutoff function {self.cutoff_function!r}; known: {known}")
        if not self.radial and self.angular is None:
            raise ValueError("there must be at least one symmetry function")
        check_kind(self.radial)
        if self.element_channels is not None and {len(row) for row in self.element_channels} != {len(self.elements)}:
            raise ValueError(f"element_channels must be rows of {len(self.elements)} weights, one for every element")
        self._check_tuples()
        if self.angular is not None and (four_body := four_body_of(self.angular)) is not None:
            four_body.check_channels(len(self.groups) * len(self.angular.channels))

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups of neighbours: elements or element channels."""
        if self.element_channels is None:
            return self.elements
        return tuple(f"w{row}" for row in range(len(self.element_channels)))

    @property
    def radial_groups(self) -> tuple[int, ...]:
        """Numbers of the groups that have radial functions."""
        kept = self.radial_elements
        return tuple(number for number, group in enumerate(self.groups) if kept is None or group in kept)

    @property
    def radial_size(self) -> int:
        """Number of radial functions."""
        return len(self.radial) * len(self.radial_groups)

    def channel_groups(self) -> contraction.Groups:
        """The groups, and the pairs of channels that have angular functions."""
        assert self.angular is not None
        n, pairs = len(self.angular.channels), self.angular.pairs(len(self.groups))
        if self.angular_pairs is not None:
            kept = {frozenset(pair) for pair in self.angular_pairs}
            pairs = [(a, b) for a, b in pairs if frozenset((self.groups[a // n], self.groups[b // n])) in kept]
        return contraction.Groups(len(self.groups), self.element_channels is not None, tuple(pairs))

    def constants(self, like: torch.Tensor) -> invariants.Constants:
        """Of the angular part, in the dtype and on the device of a tensor."""
        assert self.angular is not None
        return invariants.constants(self.angular, self.channel_groups(), like.dtype, like.device)

    def _check_tuples(self) -> None:
        named = {*(self.radial_elements or ()), *(symbol for pair in self.angular_pairs or () for symbol in pair)}
        if self.element_channels is not None and (self.radial_elements, self.angular_pairs) != (None, None):
            raise ValueError("element channels mix the elements: radial_elements and angular_pairs must be None")
        if not named <= set(self.elements):
            raise ValueError(f"unknown elements {', '.join(sorted(named - set(self.elements)))} in pairs or triples")
        if (self.radial and not self.radial_groups) or (self.angular is not None and not self.channel_groups().pairs):
            raise ValueError("no neighbour is left for radial or angular functions: leave these out instead")

    @property
    def size(self) -> int:
        """Number D of functions of an atom."""
        return len(self.names())

    def names(self) -> list[str]:
        """One readable name for each of the D functions, in their order."""
        result = [channel.name(self.groups[group]) for group in self.radial_groups for channel in self.radial]
        if self.angular is None:
            return result
        n, pairs = len(self.angular.channels), []
        for pair in self.channel_groups().pairs:
            first, second = (f"{self.groups[a // n]}[{a % n}]" for a in pair)
            pairs.append((f"{first}-{second}", pair[0] // n == pair[1] // n))
        result += [f"{self.angular.symbol} {pair} {f}" for pair, _ in pairs for f in self.angular.functions()]
        if self.angular.appends_self_sums:
            result += [f"S {pair}" for pair, same in pairs if same]
        four_body = four_body_of(self.angular)
        if four_body is None:
            return result
        mixtures = [f"mixture[{k}]" for k in range(len(four_body.mixtures or ()))]
        mixtures = mixtures or [f"{group}[{k}]" for group in self.groups for k in range(n)]
        return result + [f"B {mixture} {function}" for mixture in mixtures for function in four_body.functions()]

    def to_dict(self) -> dict[str, Any]:
        """The definition as JSON-like data, as a manifest stores it."""
        rows = self.element_channels
        weights = {} if rows is None else {"element_channels": [list(row) for row in rows]}
        return {
            "kind": "moments",
            "elements": list(self.elements),
            "cutoff": self.cutoff,
            "cutoff_function": self.cutoff_function,
            "radial": [channel.to_dict() for channel in self.radial],
            "angular": None if self.angular is None else self.angular.to_dict(),
            **weights,
            **({} if self.radial_elements is None else {"radial_elements": list(self.radial_elements)}),
            **({} if self.angular_pairs is None else {"angular_pairs": [list(pair) for pair in self.angular_pairs]}),
        }

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "SymmetryFunctions":
        """The definition that ``to_dict`` wrote.

        Raises:
            KeyError: a field is missing.
            ValueError: see the class.
        """
        rows, radial, pairs = (fields.get(key) for key in ("element_channels", "radial_elements", "angular_pairs"))
        return cls(
            elements=tuple(fields["elements"]),
            cutoff=float(fields["cutoff"]),
            cutoff_function=fields["cutoff_function"],
            radial=tuple(channel_from_dict(channel) for channel in fields["radial"]),
            angular=angular_from_dict(fields["angular"]),
            element_channels=None if rows is None else tuple(tuple(float(w) for w in row) for row in rows),
            radial_elements=None if radial is None else tuple(radial),
            angular_pairs=None if pairs is None else tuple((first, second) for first, second in pairs),
        )

    def names_of(self, element: str) -> list[str]:  # noqa: ARG002
        """As ``names``: every centre element has the same functions."""
        return self.names()

    def narrowed(self, columns: Sequence[int]) -> "tuple[SymmetryFunctions, tuple[int, ...]]":
        """A smaller definition that has these columns, and their places in it."""
        return narrowing.narrow(self, columns)

    def geometry(
        self,
        vectors: torch.Tensor,
        neighbour_species: torch.Tensor,
        species: torch.Tensor,  # noqa: ARG002
    ) -> "Geometry":
        """As the function ``geometry``."""
        return geometry(self, vectors, neighbour_species)

    def values(self, geometry: "Geometry") -> torch.Tensor:
        """As the function ``values``."""
        return values(self, geometry)

    def adjoint(self, geometry: "Geometry", dE_dG: torch.Tensor) -> torch.Tensor:
        """As the function ``adjoint``."""
        return adjoint(self, geometry, dE_dG)

    def jvp(self, geometry: "Geometry", dvectors: torch.Tensor) -> torch.Tensor:
        """As the function ``jvp``."""
        return jvp(self, geometry, dvectors)

    def keep(self, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor) -> Kept:
        """As ``committee_adjoint.keep``."""
        return committee_adjoint.keep(self, self.geometry(vectors, neighbour_species, species))

    def committee_adjoint(self, kept: Kept, dE_dG: torch.Tensor) -> torch.Tensor:
        """As ``committee_adjoint.adjoint``."""
        return committee_adjoint.adjoint(self, kept, dE_dG)

    def committee_jvp(self, kept: Kept, dvectors: torch.Tensor) -> torch.Tensor:
        """As ``committee_adjoint.jvp``."""
        return committee_adjoint.jvp(self, kept, dvectors)


class Geometry(NamedTuple):
    """What values and adjoint share, for E groups of neighbours, C = E·n channels; axis 0 is the atom."""

    unit: torch.Tensor  # (N, 3, K) u_ij
    inverse: torch.Tensor  # (N, 1, K) f_c / r, 1/Å
    cut: torch.Tensor  # (N, 3, K) f_c' (1/Å), r f_c (Å), f_c
    mask: torch.Tensor | None  # (N, E, K) weight of the neighbour in the group; None for one element
    radial_mask: torch.Tensor | None  # the same for the groups that have radial functions
    radial: torch.Tensor | None  # (N, m_radial, K) profiles of the radial functions
    angular: torch.Tensor | None  # (N, m, K) profiles of the angular channels
    channels: torch.Tensor | None  # (N, C, K) R = g f_c by group
    basis: torch.Tensor | None  # (N, Q+s, K) monomials and R
    moments: invariants.Moments | None


def geometry(
    functions: SymmetryFunctions,
    vectors: torch.Tensor,
    neighbour_species: torch.Tensor,
    weights: torch.Tensor | None = None,
) -> Geometry:
    """Everything about the neighbours that does not depend on the potential's weights.

    Args:
        functions: the definition.
        vectors: r_ij = r_j - r_i (N, 3, K), Å; padded slots anywhere beyond the cutoff (never zero).
        neighbour_species: index of each neighbour's element in ``functions.elements`` (N, K), int64; anything in
            padded slots.
        weights: element channels (H, E) that take the place of those of ``functions``, to learn them.
    """
    r = torch.sqrt((vectors * vectors).sum(1, keepdim=True))
    inverse = 1.0 / r
    unit = vectors * inverse
    fc, slope = cutoff.cutoff(functions.cutoff_function, r, functions.cutoff)
    mask = _mask(functions, neighbour_species, vectors, weights)
    radial_mask = mask
    if mask is not None and functions.radial_elements is not None:
        radial_mask = mask.index_select(1, torch.tensor(functions.radial_groups, device=mask.device))
    g_radial = profiles(functions.radial, r, functions.cutoff) if functions.radial else None
    cut = torch.cat([slope, r * fc, fc], 1)
    part = functions.angular
    if part is None:
        return Geometry(unit, inverse * fc, cut, mask, radial_mask, g_radial, None, None, None, None)
    c = functions.constants(vectors)
    g = profiles(part.channels, r, functions.cutoff)
    smooth = g[:, : len(part.channels)] * fc
    channels = smooth if mask is None else (mask.unsqueeze(2) * smooth.unsqueeze(1)).flatten(1, 2)
    sources = smooth if functions.element_channels is None else channels
    basis = torch.cat([*monomials(unit, part.degree), sources], 1)
    moments = invariants.moments(c, torch.matmul(channels, basis.transpose(1, 2)))
    return Geometry(unit, inverse * fc, cut, mask, radial_mask, g_radial, g, channels, basis, moments)


def values(functions: SymmetryFunctions, geometry: Geometry) -> torch.Tensor:
    """G (N, D) of every atom, in the order of ``functions.names()``; dimensionless."""
    parts = []
    fc = geometry.cut[:, 2:3]
    if geometry.radial is not None:
        by_group = fc if geometry.radial_mask is None else geometry.radial_mask * fc
        rows = geometry.radial[:, : len(functions.radial)]
        parts.append(torch.matmul(by_group, rows.transpose(1, 2)).flatten(1, 2))
    if geometry.moments is not None:
        parts += invariants.values(functions.constants(geometry.unit), geometry.moments)
    return torch.cat(parts, -1)


def adjoint(functions: SymmetryFunctions, geometry: Geometry, dE_dG: torch.Tensor) -> torch.Tensor:
    """dE_i/dr_ij = Σ_d dE_i/dG_id dG_id/dr_ij, in one pass over the neighbours.

    Args:
        functions: the definition.
        geometry: of ``geometry``.
        dE_dG: (N, D) or, for M members at once, (M, N, D), eV.

    Returns:
        Pair gradients (N, 3, K) or (M, N, 3, K), eV/Å.
    """
    n_radial = functions.radial_size
    sums = None
    if geometry.radial is not None:
        seeds = torch.matmul(dE_dG[..., :n_radial], _radial_slopes(functions, dE_dG))
        rows = _matmul(seeds.unflatten(-1, (-1, geometry.radial.shape[1])), geometry.radial)  # (..., N, 3E, K)
        sums = _unmasked(rows, geometry.radial_mask)
    unit, cut, inverse = geometry.unit, geometry.cut, geometry.inverse
    if geometry.basis is None:
        assert sums is not None
        return unit * (cut * sums).sum(-2, keepdim=True)
    rows = _angular_rows(functions, geometry, dE_dG[..., n_radial:])
    radial_rows, v = rows[..., 0:3, :], rows[..., 3:6, :]
    sums = radial_rows if sums is None else sums + radial_rows
    along = (cut * sums).sum(-2, keepdim=True) - (unit * v).sum(-2, keepdim=True) * inverse
    return unit * along + v * inverse


def jvp(functions: SymmetryFunctions, geometry: Geometry, dvectors: torch.Tensor) -> torch.Tensor:
    """dG_i = Σ_j dG_i/dr_ij · dr_ij, the transpose of ``adjoint``.

    Args:
        functions: the definition.
        geometry: of ``geometry``.
        dvectors: dr_ij (N, 3, K) or (M, N, 3, K), Å.

    Returns:
        dG (N, D) or (M, N, D).
    """
    dr = (geometry.unit * dvectors).sum(-2, keepdim=True)
    radial_rows = geometry.cut * dr  # (..., N, 3, K)
    parts = []
    if geometry.radial is not None:
        rows = _matmul(_masked(radial_rows, geometry.radial_mask), geometry.radial.transpose(1, 2))  # (..., N, 3E, n)
        parts.append(torch.matmul(rows.flatten(-2, -1), _radial_slopes(functions, dr).transpose(0, 1)))
    if geometry.basis is not None and geometry.angular is not None and geometry.moments is not None:
        assert functions.angular is not None
        c = functions.constants(geometry.unit)
        rows = torch.cat([radial_rows, (dvectors - geometry.unit * dr) * geometry.inverse], -2)
        weighted = torch.matmul(c.pairs.rows.transpose(0, 1), rows)  # (..., N, f n, K)
        weighted = _folded(c.pairs, weighted, geometry.angular)
        rows = _matmul(_masked(weighted, geometry.mask), geometry.basis.transpose(1, 2))  # (..., N, f C, Q+s)
        channels = len(functions.groups) * len(functions.angular.channels)
        rows = rows.unflatten(-2, (channels, rows.shape[-2] // channels)).flatten(-2, -1)
        change = torch.matmul(rows, c.pairs.coefficients.transpose(0, 1))
        parts += invariants.jvp(c, geometry.moments, change)
    return torch.cat(parts, -1)


def _radial_slopes(functions: SymmetryFunctions, like: torch.Tensor) -> torch.Tensor:
    return contraction.radial_slopes(functions.radial, len(functions.radial_groups), like.dtype, like.device)


def _matmul(rows: torch.Tensor, shared: torch.Tensor) -> torch.Tensor:
    """(..., N, p, q) times shared (N, q, k); the members of (M, N, p, q) side by side, so that nothing is copied."""
    if rows.ndim == 3:
        return torch.matmul(rows, shared)
    members, height = rows.shape[0], rows.shape[2]
    product = torch.matmul(rows.transpose(0, 1).flatten(1, 2), shared)
    return product.unflatten(1, (members, height)).transpose(0, 1)


def _mask(
    functions: SymmetryFunctions, neighbour_species: torch.Tensor, like: torch.Tensor, weights: torch.Tensor | None
) -> torch.Tensor | None:
    if functions.element_channels is not None and weights is None:
        weights = torch.tensor(functions.element_channels, dtype=like.dtype, device=like.device)
    if weights is None and len(functions.elements) == 1:
        return None
    elements = torch.arange(len(functions.elements), device=like.device).unsqueeze(1)
    mask = (neighbour_species.unsqueeze(1) == elements).to(like.dtype)
    return mask if weights is None else torch.matmul(weights, mask)


def _angular_rows(functions: SymmetryFunctions, geometry: Geometry, dE_dG: torch.Tensor) -> torch.Tensor:
    """a₀, a₁, a₂, v_x, v_y, v_z (..., 6, K) of the angular functions from their dE/dG."""
    assert geometry.moments is not None
    assert geometry.angular is not None
    assert geometry.basis is not None
    c = functions.constants(geometry.unit)
    gradient = _by_row(c.pairs, invariants.adjoint(c, geometry.moments, dE_dG))
    W = _matmul(gradient, geometry.basis)  # (..., N, f C, K): values and three slopes of each channel
    weighted = _folded(c.pairs, _unmasked(W, geometry.mask), geometry.angular)
    return torch.matmul(c.pairs.rows, weighted)


def _by_row(c: contraction.Constants, gradient: torch.Tensor) -> torch.Tensor:
    """Coefficients (..., f C, Q+s) of the rows B from dE/dA and dE/dS (..., C, Y+s)."""
    return torch.matmul(gradient, c.coefficients).unflatten(-1, (-1, c.harmonics.shape[0])).flatten(-3, -2)


def _folded(c: contraction.Constants, rows: torch.Tensor, profiles: torch.Tensor) -> torch.Tensor:
    """The rows (..., f n, K) of all channels times their radial profiles (N, m, K)."""
    if c.fold is not None:
        return rows * profiles.index_select(1, c.fold)
    return (rows.unflatten(-2, (-1, 4)) * profiles.unsqueeze(-2)).flatten(-3, -2)


def _masked(rows: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """(..., N, k, K) -> (..., N, E·k, K): the rows for each group, times the weight of the neighbour in it."""
    if mask is None:
        return rows
    return (mask.unsqueeze(-2) * rows.unsqueeze(-3)).flatten(-3, -2)


def _unmasked(rows: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """(..., N, E·k, K) -> (..., N, k, K): each neighbour takes the rows of its groups; transpose of ``_masked``."""
    if mask is None:
        return rows
    n_elements = mask.shape[1]
    return (rows.unflatten(-2, (n_elements, rows.shape[-2] // n_elements)) * mask.unsqueeze(-2)).sum(-3)
