"""Another potential as a baseline: the new networks learn the difference between the labels and its answers."""

import hashlib
from collections.abc import Mapping
from typing import Any

import torch

from nnp.learn import potential as potentials
from nnp.learn import weights


class PotentialBaseline(torch.nn.Module):
    """The mean of the committee of a finished potential, without its reference energies.

    Args:
        checkpoint: of the potential.
        elements: chemical symbols of the new potential, all known to the baseline.
        name: of the potential, such as "Si:3".

    Raises:
        CheckpointError: not the checkpoint of a finished training.
        ValueError: it does not know all elements.
    """

    def __init__(self, checkpoint: bytes, elements: tuple[str, ...], name: str | None = None) -> None:
        super().__init__()
        self.potential = weights.to_potential(weights.unpack(checkpoint)).requires_grad_(False)
        strangers = sorted(set(elements) - set(self.potential.elements))
        if strangers:
            raise ValueError(f"the baseline {name or 'potential'} does not know {', '.join(strangers)}")
        self.checkpoint = checkpoint
        self.elements = elements
        self.name = name

    @property
    def cutoff(self) -> float:
        """Å."""
        return self.potential.cutoff

    @property
    def repels(self) -> bool:
        """Whether the potential has a short-range repulsion of its own."""
        return self.potential.repulsion is not None

    def to_dict(self) -> dict[str, Any]:
        """As JSON-like data: the checkpoint by its sha256."""
        (sha256,) = self.checkpoints()
        return {"kind": "potential", "name": self.name, "elements": list(self.elements), "sha256": sha256}

    @classmethod
    def from_dict(cls, fields: dict[str, Any], checkpoints: Mapping[str, bytes]) -> "PotentialBaseline":
        """The inverse of ``to_dict``."""
        return cls(checkpoints[fields["sha256"]], tuple(fields["elements"]), fields["name"])

    def checkpoints(self) -> dict[str, bytes]:
        """As ``baseline.Baseline``."""
        return {hashlib.sha256(self.checkpoint).hexdigest(): self.checkpoint}

    def energies_and_gradients(
        self, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As ``baseline.Baseline``."""
        own = [self.potential.elements.index(symbol) for symbol in self.elements]
        return potentials.energies_and_gradients(
            self.potential, vectors, _renumbered(neighbour_species, own), _renumbered(species, own)
        )


def _renumbered(species: torch.Tensor, numbers: list[int]) -> torch.Tensor:
    """numbers[species]; anything that is no element becomes 0, as padded slots may hold anything."""
    if numbers == list(range(len(numbers))):
        return species
    parts = [(species == e).to(torch.int64) * number for e, number in enumerate(numbers)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
