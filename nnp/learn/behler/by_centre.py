"""Another descriptor for each centre element behind one interface: what potentials of other codes have.

The atoms of each element go through the descriptor of their element; the D columns are those of the largest one, and
an atom of an element with fewer functions has zeros in the others.
"""

import itertools
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from nnp.learn import by_element, descriptor
from nnp.learn.descriptor import Descriptor


class Geometry(NamedTuple):
    """Elements of the atoms (N,), and for each element its atoms and the geometry of its descriptor."""

    species: torch.Tensor
    rows: list[torch.Tensor]
    geometries: list[Any]


@dataclass(frozen=True, kw_only=True)
class ByCentre(descriptor.Plain):
    """One descriptor for each centre element.

    Attributes:
        elements: chemical symbols; ``species`` and ``neighbour_species`` index this tuple.
        descriptors: for each of ``elements``; all with these elements.

    Raises:
        ValueError: another number of descriptors, or other elements.
    """

    elements: tuple[str, ...]
    descriptors: tuple[Descriptor, ...]

    def __post_init__(self) -> None:
        if len(self.descriptors) != len(self.elements) or not self.elements:
            raise ValueError(f"{len(self.elements)} centre elements need as many descriptors")
        for one in self.descriptors:
            if one.elements != self.elements:
                raise ValueError(f"the descriptor of every centre must have the elements {', '.join(self.elements)}")

    @property
    def cutoff(self) -> float:
        """Largest cutoff, Å."""
        return max(one.cutoff for one in self.descriptors)

    @property
    def size(self) -> int:
        """Largest number D of functions."""
        return max(one.size for one in self.descriptors)

    def names(self) -> list[str]:
        """The functions of all centre elements that share a column, ``H: ... | O: ...``."""
        columns = itertools.zip_longest(*(self.names_of(element) for element in self.elements))
        return [
            " | ".join(f"{element}: {name}" for element, name in zip(self.elements, column, strict=True) if name)
            for column in columns
        ]

    def names_of(self, element: str) -> list[str]:
        """Names of the functions of a centre element."""
        return self.descriptors[self.elements.index(element)].names_of(element)

    def to_dict(self) -> dict[str, Any]:
        """The definition as JSON-like data."""
        common = {"elements": list(self.elements), "cutoff": self.cutoff}
        own = {element: one.to_dict() for element, one in zip(self.elements, self.descriptors, strict=True)}
        return {"kind": "by_centre", **common, "descriptors": own}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "ByCentre":
        """The definition that ``to_dict`` wrote."""
        elements = tuple(fields["elements"])
        return cls(
            elements=elements, descriptors=tuple(descriptor.from_dict(fields["descriptors"][e]) for e in elements)
        )

    def geometry(self, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor) -> Geometry:
        """What values, adjoint and jvp share."""
        rows = by_element.rows(species, len(self.elements))
        arguments = (vectors, neighbour_species, species)
        own = [
            one.geometry(*(argument.index_select(0, row) for argument in arguments))
            for one, row in zip(self.descriptors, rows, strict=True)
        ]
        return Geometry(species, rows, own)

    def values(self, geometry: Geometry) -> torch.Tensor:
        """G (N, D), zero in columns that the centre element does not have."""
        parts = [one.values(own) for one, own in zip(self.descriptors, geometry.geometries, strict=True)]
        return self._padded(parts, geometry)

    def adjoint(self, geometry: Geometry, dE_dG: torch.Tensor) -> torch.Tensor:
        """dE_i/dr_ij (N, 3, K) or (M, N, 3, K) from dE/dG (N, D) or (M, N, D)."""
        if dE_dG.ndim == 3:
            return torch.stack([self.adjoint(geometry, one) for one in dE_dG], 0)
        parts = [
            one.adjoint(own, dE_dG.index_select(0, row)[:, : one.size])
            for one, row, own in zip(self.descriptors, geometry.rows, geometry.geometries, strict=True)
        ]
        return by_element.together(parts, geometry.species)

    def jvp(self, geometry: Geometry, dvectors: torch.Tensor) -> torch.Tensor:
        """Changes dG (N, D) or (M, N, D) from dr_ij (N, 3, K) or (M, N, 3, K): the transpose of ``adjoint``."""
        if dvectors.ndim == 4:
            return torch.stack([self.jvp(geometry, one) for one in dvectors], 0)
        parts = [
            one.jvp(own, dvectors.index_select(0, row))
            for one, row, own in zip(self.descriptors, geometry.rows, geometry.geometries, strict=True)
        ]
        return self._padded(parts, geometry)

    def keep(self, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor) -> Geometry:
        """For each element its atoms and what its descriptor keeps of them."""
        rows = by_element.rows(species, len(self.elements))
        arguments = (vectors, neighbour_species, species)
        own = [
            one.keep(*(argument.index_select(0, row) for argument in arguments))
            for one, row in zip(self.descriptors, rows, strict=True)
        ]
        return Geometry(species, rows, own)

    def committee_adjoint(self, kept: Any, dE_dG: torch.Tensor) -> torch.Tensor:
        """Pair gradients (N, M, 3, K) from dE/dG (N, M, D)."""
        parts = [
            one.committee_adjoint(own, dE_dG.index_select(0, row)[..., : one.size])
            for one, row, own in zip(self.descriptors, kept.rows, kept.geometries, strict=True)
        ]
        return by_element.together(parts, kept.species)

    def committee_jvp(self, kept: Any, dvectors: torch.Tensor) -> torch.Tensor:
        """Changes dG (N, M, D) from dr_ij (N, M, 3, K)."""
        parts = [
            one.committee_jvp(own, dvectors.index_select(0, row))
            for one, row, own in zip(self.descriptors, kept.rows, kept.geometries, strict=True)
        ]
        return self._padded(parts, kept)

    def _padded(self, parts: list[torch.Tensor], geometry: Geometry) -> torch.Tensor:
        """(N, ..., D) from the functions (n_e, ..., D_e) of each element's atoms."""
        wide = []
        for part, one in zip(parts, self.descriptors, strict=True):
            missing = self.size - one.size
            zeros = [torch.zeros_like(part[..., :1])] * missing
            wide.append(torch.cat([part, *zeros], -1) if missing else part)
        return by_element.together(wide, geometry.species)
