"""A dispersion tail: V(r) = -C₆ / (r⁶ + R⁶), switched off smoothly before its own cutoff.

The damping is that of Becke and Johnson (J. Chem. Phys. 123, 154101, 2005): finite at r = 0 and flat there.
"""

from dataclasses import dataclass
from typing import Any

import torch

from nnp.learn import pair_terms
from nnp.learn.pair_terms import Table

ONSET = 0.8
"""The switch begins at this fraction of the cutoff."""


@dataclass(frozen=True, kw_only=True)
class Dispersion:
    """Pure parameters.

    Attributes:
        elements: chemical symbols.
        c6: (E, E) eV Å⁶; 0 where two elements do not interact.
        radius: (E, E) damping radius R, Å.
        cutoff: Å.
    """

    elements: tuple[str, ...]
    c6: Table
    radius: Table
    cutoff: float

    @property
    def repels(self) -> bool:
        """It attracts."""
        return False

    def to_dict(self) -> dict[str, Any]:
        """As JSON-like data."""
        values = {key: pair_terms.by_pair(self.elements, getattr(self, key)) for key in ("c6", "radius")}
        return {"kind": "dispersion", "elements": list(self.elements), "cutoff": self.cutoff, **values}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Dispersion":
        """The inverse of ``to_dict``."""
        elements = tuple(fields["elements"])
        c6, radius = (pair_terms.from_pairs(elements, fields[key]) for key in ("c6", "radius"))
        return cls(elements=elements, c6=c6, radius=radius, cutoff=float(fields["cutoff"]))

    def checkpoints(self) -> dict[str, bytes]:
        """As ``baseline.Baseline``: none."""
        return {}

    def energies_and_gradients(
        self, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As ``baseline.Baseline``."""
        c6, radius = pair_terms.parameters((self.c6, self.radius), (neighbour_species, species), vectors.dtype)
        r = pair_terms.distances(vectors)
        r2 = r * r
        radius2 = radius * radius
        inverse = 1.0 / (r2 * r2 * r2 + radius2 * radius2 * radius2)
        energy = inverse * c6 * -1.0
        slope = energy * inverse * (r2 * r2 * r) * -6.0
        switch, switch_slope = pair_terms.fade_out(r, self.cutoff, 1.0 / ((1.0 - ONSET) * self.cutoff))
        return pair_terms.halved(r, vectors, energy * switch, slope * switch + energy * switch_slope)
