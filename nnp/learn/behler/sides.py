"""The neighbours of one element within a radius, side by side, and the pairs of two such sides.

The slots of a neighbour table hold all elements in any order. A side gathers those of one element, nearest first, into
as few columns as the atom with most of them needs; so a pair of elements costs (its neighbours)², not K². Columns that
an atom does not fill have a distance beyond every cutoff: all functions, and their slopes, are zero there.
"""

from typing import NamedTuple

import torch

NEAREST = 1e-6
"""Two neighbours count as at least this far from each other (Å): the slope of their distance stays finite."""


class Side(NamedTuple):
    """Neighbours of one element; axis 0 is the atom, the last axis the neighbour."""

    slots: torch.Tensor  # (N, 3, K') slot of the table, three times
    number: torch.Tensor  # (K',) 0, 1, 2, ...
    r: torch.Tensor  # (N, 1, K') Å
    inverse: torch.Tensor  # (N, 1, K') 1 / r
    unit: torch.Tensor  # (N, 3, K') u_ij
    vectors: torch.Tensor  # (N, 3, K') r_ij, Å


class Separation(NamedTuple):
    """Distances of the two neighbours of every pair (N, J, K)."""

    square: torch.Tensor  # Å²
    distance: torch.Tensor  # Å, at least ``NEAREST``
    inverse: torch.Tensor  # 1/Å


class Change(NamedTuple):
    """Displacements of the neighbours of a side."""

    r: torch.Tensor  # (N, 1, K') Å
    unit: torch.Tensor  # (N, 3, K')
    vectors: torch.Tensor  # (N, 3, K') Å


class Gradient(NamedTuple):
    """What adds up to pair gradients: dE/dr (N, 1, K'), dE/du (N, 3, K'), and dE/dr_ij by other ways (N, 3, K')."""

    r: torch.Tensor | None
    unit: torch.Tensor | None
    vectors: torch.Tensor | None


def side(vectors: torch.Tensor, neighbour_species: torch.Tensor, element: int, cutoff: float, beyond: float) -> Side:
    """The neighbours of an element within a cutoff.

    Args:
        vectors: r_ij (N, 3, K), Å.
        neighbour_species: (N, K) int64.
        element: which one.
        cutoff: Å.
        beyond: a distance at which all functions are zero, Å.
    """
    r = torch.sqrt((vectors * vectors).sum(1))
    other = (neighbour_species == element).to(r.dtype) * -beyond + beyond
    r, order = torch.sort(r + other, dim=1)
    number = torch.nonzero((r < cutoff).to(torch.int64).sum(0)).squeeze(-1)
    r, order = r.index_select(1, number), order.index_select(1, number).unsqueeze(1)
    r = r.unsqueeze(1)
    slots = torch.cat([order, order, order], 1)
    found = torch.gather(vectors, 2, slots)
    inverse = torch.reciprocal(r)
    return Side(slots, number, r, inverse, found * inverse, found)


def change(side: Side, dvectors: torch.Tensor) -> Change:
    """Displacements of the side's neighbours from those of all slots, dr_ij (N, 3, K), Å."""
    own = torch.gather(dvectors, 2, side.slots)
    along = (side.unit * own).sum(1, keepdim=True)
    return Change(along, (own - side.unit * along) * side.inverse, own)


def spread(side: Side, gradient: Gradient, like: torch.Tensor) -> torch.Tensor:
    """Pair gradients of all slots (N, 3, K), eV/Å, from those of the side: the transpose of ``change``."""
    total = gradient.vectors
    if gradient.r is not None:
        radial = side.unit * gradient.r
        total = radial if total is None else total + radial
    if gradient.unit is not None:
        along = (side.unit * gradient.unit).sum(1, keepdim=True)
        turned = (gradient.unit - side.unit * along) * side.inverse
        total = turned if total is None else total + turned
    assert total is not None
    return torch.zeros_like(like).scatter_add(2, side.slots, total)


def cosine(first: Side, second: Side) -> torch.Tensor:
    """Cos θ of every pair (N, J, K)."""
    return torch.matmul(first.unit.transpose(1, 2), second.unit)


def separation(first: Side, second: Side) -> Separation:
    """Distances of the two neighbours of all pairs, from differences: r_j r_k cos θ would lose float32 digits."""
    square = None
    for ours, theirs in zip(first.vectors.split(1, dim=1), second.vectors.split(1, dim=1), strict=True):
        difference = theirs - ours.transpose(1, 2)  # (N, J, K)
        square = difference * difference if square is None else square + difference * difference
    assert square is not None
    distance = torch.sqrt(torch.clamp(square, min=NEAREST**2))
    return Separation(square, distance, torch.reciprocal(distance))


def halves(side: Side) -> torch.Tensor:
    """(K', K') ½ for two different neighbours of one side, 0 for a neighbour with itself: the sum over j < k."""
    return (side.number.unsqueeze(1) == side.number.unsqueeze(0)).to(side.r.dtype) * -0.5 + 0.5


def added(a: Gradient, b: Gradient) -> Gradient:
    """The sum."""
    return Gradient(*(y if x is None else x if y is None else x + y for x, y in zip(a, b, strict=True)))
