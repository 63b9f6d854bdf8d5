"""What pair terms share: parameters of each pair, the smooth step of a window, and energies with pair gradients.

A pair term is V(r) with parameters by element of the atom and of its neighbour; half of each pair's energy belongs to
each of its atoms: E_i = ½ Σ_j V(r_ij),  dE_i/dr_ij = ½ V'(r_ij) u_ij.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence

import torch

Table = tuple[tuple[float, ...], ...]
"""(E, E) a parameter by element of the atom and of the neighbour; symmetric."""


def table(elements: Sequence[str], value: Callable[[str, str], float]) -> Table:
    """The table of a function of two chemical symbols, asked once for each pair in the order of ``elements``."""
    known = {pair: float(value(*pair)) for pair in itertools.combinations_with_replacement(elements, 2)}
    return tuple(tuple(known.get((a, b), known.get((b, a), 0.0)) for b in elements) for a in elements)


def by_pair(elements: Sequence[str], values: Table) -> dict[str, float]:
    """A table as JSON-like data: "H-O" -> value."""
    pairs = itertools.combinations_with_replacement(range(len(elements)), 2)
    return {f"{elements[a]}-{elements[b]}": values[a][b] for a, b in pairs}


def from_pairs(elements: Sequence[str], values: Mapping[str, float]) -> Table:
    """The inverse of ``by_pair``; a pair may be named in either order.

    Raises:
        KeyError: naming a pair that is missing.
    """

    def value(a: str, b: str) -> float:
        return values[f"{a}-{b}"] if f"{a}-{b}" in values else values[f"{b}-{a}"]

    return table(elements, value)


def distances(vectors: torch.Tensor) -> torch.Tensor:
    """|r_ij| (N, 1, K) of r_ij (N, 3, K), Å."""
    return torch.sqrt((vectors * vectors).sum(1, keepdim=True))


def parameters(
    tables: Sequence[Table], kinds: Sequence[torch.Tensor], dtype: torch.dtype
) -> list[torch.Tensor | float]:
    """The parameters of every pair (N, 1, K), one for each table; plain numbers where there is one element.

    Args:
        tables: the parameters.
        kinds: elements of the neighbours (N, K) and of the atoms (N,), int64; not used where there is one element. The
            parameters are zero where a neighbour is of no element: padded slots may hold anything.
        dtype: of the result.
    """
    n_elements = len(tables[0])
    if n_elements == 1:
        return [values[0][0] for values in tables]
    neighbour_species, species = kinds
    rows = torch.tensor(tables, dtype=dtype, device=species.device).transpose(0, 1).contiguous()  # (E, P, E)
    index = torch.arange(n_elements, device=neighbour_species.device).unsqueeze(1)
    mask = (neighbour_species.unsqueeze(1) == index).to(dtype)
    found = torch.matmul(rows.index_select(0, species), mask)  # (N, P, K)
    return [found[:, p : p + 1] for p in range(len(tables))]


def step(y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """h(y) = 10 y³ - 15 y⁴ + 6 y⁵ and dh/dy of 0 <= y <= 1: from 0 to 1 with two vanishing derivatives at both ends."""
    y2 = y * y
    rest = 1.0 - y
    return y2 * y * ((y * 6.0 - 15.0) * y + 10.0), y2 * (rest * rest) * 30.0


def fade_out(
    r: torch.Tensor, outer: torch.Tensor | float, inverse_width: torch.Tensor | float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Switch (shape of r) from 1 at outer - width to exactly 0 at outer and beyond, and its slope, 1/Å."""
    h, slope = step(torch.clamp((outer - r) * inverse_width, min=0.0, max=1.0))
    return h, slope * inverse_width * -1.0


def halved(
    r: torch.Tensor, vectors: torch.Tensor, energy: torch.Tensor, slope: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """E_i (N,), eV, and dE_i/dr_ij (N, 3, K), eV/Å, from V and V' (N, 1, K)."""
    return energy.sum(-1).squeeze(-1) * 0.5, vectors * (slope * 0.5 / r)
