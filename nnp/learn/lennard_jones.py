"""Lennard-Jones pairs: V(r) = 4ε ((σ/r)¹² - (σ/r)⁶), switched off smoothly before the cutoff."""

from dataclasses import dataclass
from typing import Any

import torch

from nnp.learn import pair_terms
from nnp.learn.pair_terms import Table

ONSET = 0.8
"""The switch begins at this fraction of the cutoff."""


@dataclass(frozen=True, kw_only=True)
class LennardJones:
    """Pure parameters.

    Attributes:
        elements: chemical symbols.
        epsilon: (E, E) depth, eV; 0 where two elements do not interact.
        sigma: (E, E) distance of V = 0, Å.
        cutoff: Å.
    """

    elements: tuple[str, ...]
    epsilon: Table
    sigma: Table
    cutoff: float

    @property
    def repels(self) -> bool:
        """No: not every pair is named, and r⁻¹² is no law of nuclei."""
        return False

    def to_dict(self) -> dict[str, Any]:
        """As JSON-like data."""
        values = {key: pair_terms.by_pair(self.elements, getattr(self, key)) for key in ("epsilon", "sigma")}
        return {"kind": "lennard_jones", "elements": list(self.elements), "cutoff": self.cutoff, **values}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "LennardJones":
        """The inverse of ``to_dict``."""
        elements = tuple(fields["elements"])
        epsilon, sigma = (pair_terms.from_pairs(elements, fields[key]) for key in ("epsilon", "sigma"))
        return cls(elements=elements, epsilon=epsilon, sigma=sigma, cutoff=float(fields["cutoff"]))

    def checkpoints(self) -> dict[str, bytes]:
        """As ``baseline.Baseline``: none."""
        return {}

    def energies_and_gradients(
        self, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As ``baseline.Baseline``."""
        tables = (self.epsilon, self.sigma)
        epsilon, sigma = pair_terms.parameters(tables, (neighbour_species, species), vectors.dtype)
        r = pair_terms.distances(vectors)
        inverse = 1.0 / r
        x = inverse * sigma
        x2 = x * x
        x6 = x2 * x2 * x2
        energy = (x6 - 1.0) * x6 * epsilon * 4.0
        slope = (x6 * -2.0 + 1.0) * x6 * epsilon * inverse * 24.0
        switch, switch_slope = pair_terms.fade_out(r, self.cutoff, 1.0 / ((1.0 - ONSET) * self.cutoff))
        return pair_terms.halved(r, vectors, energy * switch, slope * switch + energy * switch_slope)
