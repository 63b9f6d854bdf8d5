"""Rows of atoms by element, and back: each element's atoms go through their own functions or networks."""

from collections.abc import Sequence

import torch


def rows(species: torch.Tensor, elements: int) -> list[torch.Tensor]:
    """Indices of the atoms of each element, ascending, from the elements (N,) of all atoms."""
    return [torch.nonzero(species == element).squeeze(-1) for element in range(elements)]


def together(parts: Sequence[torch.Tensor], species: torch.Tensor) -> torch.Tensor:
    """Rows (n_e, ...) of each element's atoms as rows (N, ...) in the order of the atoms."""
    return torch.cat(list(parts)).index_select(0, places(species, len(parts)))


def places(species: torch.Tensor, elements: int) -> torch.Tensor:
    """(N,) place of every atom in the concatenation of the elements' rows.

    It is the number of rows of earlier elements and of earlier atoms of its own.
    """
    member = (species.unsqueeze(1) == torch.arange(elements, device=species.device)).to(torch.int64)
    count = torch.cumsum(member, 0)
    totals = member.sum(0, keepdim=True)
    before = torch.cumsum(totals, 1) - totals
    return ((count + before - 1) * member).sum(1)
