"""The universal repulsion of two nuclei (Ziegler, Biersack and Littmark, The Stopping and Range of Ions, 1985).

V(r) = k Z₁ Z₂ / r · φ(r/a),   φ(x) = Σ_p c_p exp(-d_p x),   a = 0.88534 a₀ / (Z₁^0.23 + Z₂^0.23),   k = e²/4πε₀
"""

from dataclasses import dataclass
from typing import Any

import torch
from ase.data import atomic_numbers
from ase.units import Bohr, Ha

from nnp.learn import pair_terms
from nnp.learn.pair_terms import Table

COULOMB = float(Ha * Bohr)
"""k = e²/4πε₀, eV Å."""
WEIGHTS = (0.18175, 0.50986, 0.28022, 0.02817)
DECAYS = (3.1998, 0.94229, 0.4029, 0.20162)


def charges(elements: tuple[str, ...]) -> Table:
    """The product k Z₁ Z₂ of every pair, eV Å."""
    return pair_terms.table(elements, lambda a, b: COULOMB * atomic_numbers[a] * atomic_numbers[b])


def inverse_lengths(elements: tuple[str, ...]) -> Table:
    """1/a of every pair, 1/Å."""

    def inverse(a: str, b: str) -> float:
        return float((atomic_numbers[a] ** 0.23 + atomic_numbers[b] ** 0.23) / (0.88534 * Bohr))

    return pair_terms.table(elements, inverse)


def zbl(
    r: torch.Tensor, charge: torch.Tensor | float, inverse_length: torch.Tensor | float
) -> tuple[torch.Tensor, torch.Tensor]:
    """V (N, 1, K), eV, and dV/dr, eV/Å.

    Args:
        r: distances (N, 1, K), Å.
        charge: k Z₁ Z₂, eV Å.
        inverse_length: 1/a, 1/Å.
    """
    decays = torch.tensor(DECAYS, dtype=r.dtype, device=r.device)
    weights = torch.tensor(WEIGHTS, dtype=r.dtype, device=r.device)
    reduced = (r * inverse_length).flatten().unsqueeze(0)
    terms = torch.exp(reduced * (-decays).unsqueeze(1))  # (4, N·K): one product of matrices in place of N small ones
    sums = torch.matmul(torch.stack([weights, -weights * decays]), terms).unflatten(1, r.shape)
    phi, slope = (row.squeeze(0) for row in sums.split(1, dim=0))
    inverse = 1.0 / r
    coulomb = inverse * charge
    energy = coulomb * phi
    return energy, coulomb * slope * inverse_length - energy * inverse


@dataclass(frozen=True, kw_only=True)
class Zbl:
    """The universal repulsion as a baseline, switched off smoothly between two radii of every pair.

    Attributes:
        elements: chemical symbols.
        inner: (E, E) where the switch begins, Å.
        outer: (E, E) where it ends, Å.
    """

    elements: tuple[str, ...]
    inner: Table
    outer: Table

    @property
    def cutoff(self) -> float:
        """Largest distance of two atoms that it knows, Å."""
        return max(max(row) for row in self.outer)

    @property
    def repels(self) -> bool:
        """It is what keeps nuclei apart."""
        return True

    def to_dict(self) -> dict[str, Any]:
        """As JSON-like data."""
        radii = {key: pair_terms.by_pair(self.elements, getattr(self, key)) for key in ("inner", "outer")}
        return {"kind": "zbl", "elements": list(self.elements), **radii}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Zbl":
        """The inverse of ``to_dict``."""
        elements = tuple(fields["elements"])
        inner, outer = (pair_terms.from_pairs(elements, fields[key]) for key in ("inner", "outer"))
        return cls(elements=elements, inner=inner, outer=outer)

    def checkpoints(self) -> dict[str, bytes]:
        """As ``baseline.Baseline``: none."""
        return {}

    def energies_and_gradients(
        self, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As ``baseline.Baseline``."""
        n = range(len(self.elements))
        inverse_widths = tuple(tuple(1.0 / (self.outer[a][b] - self.inner[a][b]) for b in n) for a in n)
        tables = (charges(self.elements), inverse_lengths(self.elements), self.outer, inverse_widths)
        charge, inverse_length, outer, inverse_width = pair_terms.parameters(
            tables, (neighbour_species, species), vectors.dtype
        )
        r = pair_terms.distances(vectors)
        energy, slope = zbl(r, charge, inverse_length)
        switch, switch_slope = pair_terms.fade_out(r, outer, inverse_width)
        return pair_terms.halved(r, vectors, energy * switch, slope * switch + energy * switch_slope)
