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


class Close(NamedTuple):
    """What the repulsion makes of the neighbours of N atoms."""

    vectors: torch.Tensor  # (N, 3, K) r̃ u, Å: what the networks see
    unit: torch.Tensor  # (N, 3, K) u
    ratio: torch.Tensor  # (N, 1, K) r̃/r
    bend: torch.Tensor  # (N, 1, K) dr̃/dr - r̃/r
    energies: torch.Tensor | None  # (N,) eV; None where it does not repel
    gradients: torch.Tensor | None  # (N, 3, K) of the energies, eV/Å
    closeness: torch.Tensor  # (N,) Σ_j h(y_ij): 0 where no neighbour is closer than outer


def close(repulsion: Repulsion, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor) -> Close:
    """Repulsion and softened vectors.

    Args:
        repulsion: parameters.
        vectors: r_ij (N, 3, K), Å; padded slots beyond every outer radius.
        neighbour_species: (N, K) int64; anything in padded slots.
        species: (N,) int64.
    """
    elements, n = repulsion.elements, range(len(repulsion.elements))
    widths = tuple(tuple(repulsion.outer[a][b] - repulsion.inner[a][b] for b in n) for a in n)
    inverses = tuple(tuple(1.0 / width for width in row) for row in widths)
    tables = (repulsion.outer, widths, inverses, charges(elements), inverse_lengths(elements))
    outer, width, inverse, charge, inverse_length = pair_terms.parameters(
        tables, neighbour_species, species, vectors.dtype
    )
    r = pair_terms.distances(vectors)
    depth = torch.clamp((outer - r) * inverse, min=0.0)
    y = torch.clamp(depth, max=1.0)
    h, slope = pair_terms.step(y)
    y2 = y * y
    shift = ((y2 * y2) * ((y - 3.0) * y + 2.5) + (depth - y)) * width  # H(y) = y⁶ - 3 y⁵ + 2.5 y⁴
    inverse_r = 1.0 / r
    unit = vectors * inverse_r
    extra = shift * inverse_r
    energies, gradients = None, None
    if repulsion.repels:
        energy, force = zbl(r, charge, inverse_length)
        energies = (energy * h).sum(-1).squeeze(-1) * 0.5
        gradients = unit * ((force * h - energy * (slope * inverse)) * 0.5)
    closeness = h.sum(-1).squeeze(-1)
    return Close(vectors * (extra + 1.0), unit, extra + 1.0, (h + extra) * -1.0, energies, gradients, closeness)


def hardened(found: Close, gradients: torch.Tensor) -> torch.Tensor:
    """Gradients by r_ij (..., N, 3, K) from those by the softened vectors, eV/Å."""
    along = (found.unit * gradients).sum(-2, keepdim=True)
    return gradients * found.ratio + found.unit * (along * found.bend)


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
