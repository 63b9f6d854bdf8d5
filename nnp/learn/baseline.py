"""Baselines: what is known before anything is learnt. Labels minus the baseline are trained on, its energy is served.

E = E_baseline + E_networks: pair terms (``zbl``, ``lennard_jones``, ``dispersion``), another potential
(``potential_baseline``), and sums of them. Baselines are part of the ONNX graph.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import torch

KINDS = {
    "zbl": ("nnp.learn.zbl", "Zbl"),
    "lennard_jones": ("nnp.learn.lennard_jones", "LennardJones"),
    "dispersion": ("nnp.learn.dispersion", "Dispersion"),
    "potential": ("nnp.learn.potential_baseline", "PotentialBaseline"),
    "sum": ("nnp.learn.baseline", "Sum"),
}
"""Tag ``kind`` of ``to_dict`` -> module and class."""
NESTED = ("potential", "sum")
"""Kinds that may hold checkpoints of other potentials."""


class Baseline(Protocol):
    """What every baseline offers; N atoms, K neighbour slots.

    Attributes:
        elements: chemical symbols; ``species`` and ``neighbour_species`` index this tuple.
        cutoff: radius of the neighbour table that it needs, Å; its terms vanish there.
    """

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols."""

    @property
    def cutoff(self) -> float:
        """Å."""

    @property
    def repels(self) -> bool:
        """Whether it keeps the nuclei of all pairs apart."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON-like data with the tag ``kind``, as a manifest stores it."""

    def checkpoints(self) -> dict[str, bytes]:
        """The checkpoints of the potentials in it, by their sha256."""

    def energies_and_gradients(
        self, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """E_i (N,), eV, and dE_i/dr_ij (N, 3, K), eV/Å, of r_ij (N, 3, K), Å, and elements (N, K) and (N,)."""


class Sum(torch.nn.Module):
    """Several baselines of the same elements at once."""

    def __init__(self, parts: Sequence[Baseline]) -> None:
        super().__init__()
        self.parts = tuple(parts)
        self.modules_among = torch.nn.ModuleList([part for part in parts if isinstance(part, torch.nn.Module)])

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols."""
        return self.parts[0].elements

    @property
    def cutoff(self) -> float:
        """The largest of the parts, Å."""
        return max(part.cutoff for part in self.parts)

    @property
    def repels(self) -> bool:
        """Whether one of the parts does."""
        return any(part.repels for part in self.parts)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-like data."""
        return {"kind": "sum", "parts": [part.to_dict() for part in self.parts]}

    @classmethod
    def from_dict(cls, fields: dict[str, Any], checkpoints: Mapping[str, bytes]) -> "Sum":
        """The inverse of ``to_dict``."""
        return cls([from_dict(part, checkpoints) for part in fields["parts"]])

    def checkpoints(self) -> dict[str, bytes]:
        """As ``Baseline``."""
        return {key: data for part in self.parts for key, data in part.checkpoints().items()}

    def energies_and_gradients(
        self, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As ``Baseline``."""
        found = [part.energies_and_gradients(vectors, neighbour_species, species) for part in self.parts]
        energies, gradients = found[0]
        for energy, gradient in found[1:]:
            energies, gradients = energies + energy, gradients + gradient
        return energies, gradients


def from_dict(fields: dict[str, Any], checkpoints: Mapping[str, bytes]) -> Baseline:
    """The baseline that ``to_dict`` wrote.

    Args:
        fields: of ``to_dict``.
        checkpoints: of ``Baseline.checkpoints``.

    Raises:
        KeyError: a field or a checkpoint is missing.
        ValueError: the kind is unknown, or a value is impossible.
    """
    kind = fields.get("kind")
    if kind not in KINDS:
        raise ValueError(f"unknown kind of baseline {kind!r}; known: {', '.join(KINDS)}")
    module, name = KINDS[kind]
    given = (checkpoints,) if kind in NESTED else ()
    return cast(Baseline, getattr(importlib.import_module(module), name).from_dict(fields, *given))
