"""The interface of all descriptors: from the neighbours of an atom to its D symmetry functions, and back.

A descriptor is pure parameters; its methods are functions of tensors that training, torch evaluation and ONNX export
share. ``adjoint`` contracts dE/dG to dE/dr_ij without ever storing dG/dr, ``jvp`` is its exact transpose (DESIGN 4.1).
One that has a faster way for several members at once overrides the three ``committee`` methods of ``Plain``.
"""

import importlib
from collections.abc import Sequence
from typing import Any, Protocol, cast

import torch

KINDS = {
    "moments": ("nnp.learn.symmetry_functions", "SymmetryFunctions"),
    "behler": ("nnp.learn.behler.functions", "BehlerFunctions"),
    "by_centre": ("nnp.learn.behler.by_centre", "ByCentre"),
    "selected": ("nnp.learn.selected", "Selected"),
    "projected": ("nnp.learn.projected", "Projected"),
}
"""Tag ``kind`` of ``to_dict`` -> module and class."""
EARLIEST = "moments"
"""Kind of definitions that were written before they had a tag."""


class Descriptor(Protocol):
    """What every descriptor offers; N atoms, K neighbour slots, D functions, M members.

    Attributes:
        elements: chemical symbols; ``species`` and ``neighbour_species`` index this tuple.
        cutoff: radius of the neighbour table that it needs, Å; every function vanishes there.
    """

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols."""

    @property
    def cutoff(self) -> float:
        """Å."""

    @property
    def size(self) -> int:
        """Number D of functions of an atom, the largest of all centre elements."""

    def names(self) -> list[str]:
        """One readable name for each of the D columns."""

    def names_of(self, element: str) -> list[str]:
        """Names of the functions of a centre element, at most D; the columns beyond are zero."""

    def to_dict(self) -> dict[str, Any]:
        """The definition as JSON-like data with the tag ``kind``, as a manifest stores it."""

    def geometry(self, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor) -> Any:
        """What values and adjoint share; from r_ij (N, 3, K), Å, elements of neighbours (N, K) and atoms (N,)."""

    def values(self, geometry: Any) -> torch.Tensor:
        """G (N, D)."""

    def adjoint(self, geometry: Any, dE_dG: torch.Tensor) -> torch.Tensor:
        """dE_i/dr_ij (N, 3, K) or (M, N, 3, K) from dE/dG (N, D) or (M, N, D)."""

    def jvp(self, geometry: Any, dvectors: torch.Tensor) -> torch.Tensor:
        """Changes dG (N, D) or (M, N, D) from dr_ij (N, 3, K) or (M, N, 3, K): the transpose of ``adjoint``."""

    def keep(self, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor) -> Sequence[Any]:
        """What the committee methods need of a block of atoms: tensors (or None), computed once."""

    def committee_adjoint(self, kept: Any, dE_dG: torch.Tensor) -> torch.Tensor:
        """Pair gradients (N, M, 3, K) from dE/dG (N, M, D)."""

    def committee_jvp(self, kept: Any, dvectors: torch.Tensor) -> torch.Tensor:
        """Changes dG (N, M, D) from dr_ij (N, M, 3, K)."""


class Plain:
    """The committee methods by way of ``geometry``, ``adjoint`` and ``jvp``, for descriptors without faster ones."""

    def keep(
        self: Descriptor, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor
    ) -> Sequence[Any]:
        """The geometry."""
        return cast("Sequence[Any]", self.geometry(vectors, neighbour_species, species))

    def committee_adjoint(self: Descriptor, kept: Any, dE_dG: torch.Tensor) -> torch.Tensor:
        """As ``Descriptor.committee_adjoint``."""
        return self.adjoint(kept, dE_dG.transpose(0, 1)).transpose(0, 1)

    def committee_jvp(self: Descriptor, kept: Any, dvectors: torch.Tensor) -> torch.Tensor:
        """As ``Descriptor.committee_jvp``."""
        return self.jvp(kept, dvectors.transpose(0, 1)).transpose(0, 1)


def from_dict(fields: dict[str, Any]) -> Descriptor:
    """The descriptor that ``to_dict`` wrote.

    Raises:
        KeyError: a field is missing.
        ValueError: the kind is unknown, or a value is impossible.
    """
    kind = fields.get("kind", EARLIEST)
    if kind not in KINDS:
        raise ValueError(f"unknown kind of symmetry functions {kind!r}; known: {', '.join(KINDS)}")
    module, name = KINDS[kind]
    return cast(Descriptor, getattr(importlib.import_module(module), name).from_dict(fields))
