"""Below the shortest distances of the data: atoms repel each other, and the networks see no shorter distance.

In a window inner < r < outer of each pair of elements, with y = (outer - r)/(outer - inner) and its step h(y)
(``pair_terms.step``):

    V(r)   = h(y) · ZBL(r)                                 the universal repulsion comes in
    r̃(r)   = r + (outer - inner) (H(y) + max(y - 1, 0))    H(y) = ∫₀ʸ h;  dr̃/dr = 1 - h(y)

so r̃ = r at and above outer, and r̃ = (inner + outer)/2 at and below inner. The networks get r̃ u_ij in the place of r_ij,
and F = -dE/dr holds everywhere: with g̃ the gradient by r̃ u,

    dE/dr_ij = (r̃/r) g̃ + (dr̃/dr - r̃/r) u (u·g̃)

Below inner the networks know nothing of the distance of the pair and cannot attract it; above outer, that is at every
distance of the training data, nothing changes, bit for bit.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from ase.data import atomic_numbers, covalent_radii

from nnp.core import neighbours
from nnp.core.structure import Structure
from nnp.learn import pair_terms
from nnp.learn.pair_terms import Table
from nnp.learn.tracing import where_needed
from nnp.learn.zbl import charges, inverse_lengths, zbl

RADII = ("inner", "outer")
BLOCK_STRUCTURES = 64
"""Structures whose neighbour table is held at once while the shortest distances are looked for."""


@dataclass(frozen=True, kw_only=True)
class Repulsion:
    """Pure parameters.

    Attributes:
        elements: chemical symbols.
        inner: (E, E) Å; below it the repulsion is complete and the networks' distance is constant.
        outer: (E, E) Å; above it there is neither.
        repels: False leaves ZBL out: another term repels already.
    """

    elements: tuple[str, ...]
    inner: Table
    outer: Table
    repels: bool = True

    @property
    def cutoff(self) -> float:
        """The largest outer radius, Å."""
        return max(max(row) for row in self.outer)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-like data."""
        radii = {key: pair_terms.by_pair(self.elements, getattr(self, key)) for key in RADII}
        return {"kind": "zbl", "elements": list(self.elements), **radii, "repels": self.repels}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Repulsion":
        """The inverse of ``to_dict``."""
        elements = tuple(fields["elements"])
        inner, outer = (pair_terms.from_pairs(elements, fields[key]) for key in RADII)
        return cls(elements=elements, inner=inner, outer=outer, repels=fields["repels"])

    def narrowed(self, other: "Repulsion") -> "Repulsion":
        """The window of each pair that ends at the shorter distance, of this and another of the same elements."""
        n = range(len(self.elements))
        shorter = [[self if self.outer[a][b] <= other.outer[a][b] else other for b in n] for a in n]
        inner, outer = (tuple(tuple(getattr(shorter[a][b], key)[a][b] for b in n) for a in n) for key in RADII)
        return replace(self, inner=inner, outer=outer)


class Softened(NamedTuple):
    """What the networks see of N atoms, and what is added to their energies."""

    vectors: torch.Tensor  # (N, 3, K) r̃ u, Å
    energies: torch.Tensor  # (N,) eV, of the repulsion
    closeness: torch.Tensor  # (N,) Σ_j h(y_ij): 0 where no neighbour is closer than outer
    close: torch.Tensor  # 1 where any neighbour of any of the atoms is, else 0; int64


class _Pairs(NamedTuple):
    """The repulsion of every pair and the bend of its distance, each (N, 1, K)."""

    r: torch.Tensor  # Å
    ratio: torch.Tensor  # r̃/r
    slope: torch.Tensor  # dr̃/dr
    h: torch.Tensor
    energy: torch.Tensor  # h ZBL, eV
    force: torch.Tensor  # its slope, eV/Å


def soften(
    repulsion: Repulsion, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor
) -> Softened:
    """Softened vectors, and the energies of the repulsion.

    Args:
        repulsion: parameters.
        vectors: r_ij (N, 3, K), Å; padded slots beyond every outer radius.
        neighbour_species: (N, K) int64; anything in padded slots.
        species: (N,) int64.
    """
    near = (pair_terms.distances(vectors) < repulsion.cutoff).to(vectors.dtype).sum(-1).squeeze(-1)
    count = torch.clamp(near.sum(0), max=1.0).to(torch.int64)
    none = torch.zeros_like(near)

    def body(vectors: torch.Tensor, energies: torch.Tensor, closeness: torch.Tensor, *kinds: torch.Tensor) -> Any:
        pairs = _pairs(repulsion, vectors, *kinds)
        found = ((pairs.energy * 0.5).sum(-1).squeeze(-1), pairs.h.sum(-1).squeeze(-1))
        return vectors * pairs.ratio, energies + found[0], closeness + found[1], *kinds

    kinds = _kinds(repulsion, neighbour_species, species)
    softened, energies, closeness, *_ = where_needed(count, body, (vectors, none, none, *kinds))
    return Softened(softened, energies, closeness, count)


def harden(
    repulsion: Repulsion,
    softened: Softened,
    given: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    gradients: torch.Tensor,
) -> torch.Tensor:
    """Pair gradients (N, 3, K) with the repulsion's, eV/Å, from those of the networks by the softened vectors.

    Args:
        repulsion: parameters.
        softened: of ``soften``.
        given: vectors and elements that ``soften`` got.
        gradients: (N, 3, K), eV/Å.
    """
    vectors, neighbour_species, species = given

    def body(gradients: torch.Tensor, vectors: torch.Tensor, *kinds: torch.Tensor) -> Any:
        pairs = _pairs(repulsion, vectors, *kinds)
        unit = vectors * (1.0 / pairs.r)
        along = (unit * gradients).sum(1, keepdim=True)
        mapped = gradients * pairs.ratio + unit * (along * (pairs.slope - pairs.ratio) + pairs.force * 0.5)
        return mapped, vectors, *kinds

    kinds = _kinds(repulsion, neighbour_species, species)
    return where_needed(softened.close, body, (gradients, vectors, *kinds))[0]


def _kinds(repulsion: Repulsion, *species: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The elements, where there are several."""
    return species if len(repulsion.elements) > 1 else ()


def _pairs(repulsion: Repulsion, vectors: torch.Tensor, *kinds: torch.Tensor) -> _Pairs:
    elements, n = repulsion.elements, range(len(repulsion.elements))
    widths = tuple(tuple(repulsion.outer[a][b] - repulsion.inner[a][b] for b in n) for a in n)
    inverses = tuple(tuple(1.0 / width for width in row) for row in widths)
    strength = charges(elements) if repulsion.repels else tuple(tuple(0.0 for _ in n) for _ in n)
    tables = (repulsion.outer, widths, inverses, strength, inverse_lengths(elements))
    outer, width, inverse, charge, inverse_length = pair_terms.parameters(tables, kinds, vectors.dtype)
    r = pair_terms.distances(vectors)
    depth = torch.clamp((outer - r) * inverse, min=0.0)
    y = torch.clamp(depth, max=1.0)
    h, rise = pair_terms.step(y)
    y2 = y * y
    shift = ((y2 * y2) * ((y - 3.0) * y + 2.5) + (depth - y)) * width  # H(y) = y⁶ - 3 y⁵ + 2.5 y⁴
    energy, force = zbl(r, charge, inverse_length)
    return _Pairs(
        r=r,
        ratio=shift / r + 1.0,
        slope=1.0 - h,
        h=h,
        energy=energy * h,
        force=force * h - energy * (rise * inverse),
    )


def below(shortest: Table, elements: Sequence[str], *, margin: float, steepness: float, repels: bool) -> Repulsion:
    """The repulsion that ends below the shortest distances of the data.

    Args:
        shortest: (E, E) shortest distance of each pair of elements, Å; infinite where the data have none.
        elements: chemical symbols.
        margin: outer / shortest distance; outer is never more than the sum of the covalent radii.
        steepness: inner / outer.
        repels: see the class.
    """
    radii = [float(covalent_radii[atomic_numbers[symbol]]) for symbol in elements]
    n = range(len(elements))
    outer = tuple(tuple(round(min(margin * shortest[a][b], radii[a] + radii[b]), 6) for b in n) for a in n)
    inner = tuple(tuple(round(steepness * value, 6) for value in row) for row in outer)
    return Repulsion(elements=tuple(elements), inner=inner, outer=outer, repels=repels)


def shortest_distances(structures: Sequence[Structure], elements: Sequence[str]) -> Table:
    """(E, E) shortest distance between atoms of two elements in any of the structures, Å; infinite where none is near.

    Only distances up to the sum of two covalent radii and a half are looked for.
    """
    radii = [float(covalent_radii[atomic_numbers[symbol]]) for symbol in elements]
    index = np.full(len(covalent_radii), -1)
    index[[atomic_numbers[symbol] for symbol in elements]] = range(len(elements))
    found = np.full((len(elements), len(elements)), np.inf)
    for start in range(0, len(structures), BLOCK_STRUCTURES):
        block = structures[start : start + BLOCK_STRUCTURES]
        table = neighbours.neighbour_table(block, 3.0 * max(radii))
        species = index[np.concatenate([structure.numbers for structure in block])]
        r = np.linalg.norm(table.vectors, axis=1)
        first = np.broadcast_to(species[:, None], r.shape)[table.valid]
        np.minimum.at(found, (first, species[table.neighbours[table.valid]]), r[table.valid])
    for a, b in itertools.combinations(range(len(elements)), 2):
        found[a, b] = found[b, a] = min(found[a, b], found[b, a])
    return tuple(tuple(float(value) for value in row) for row in found)
