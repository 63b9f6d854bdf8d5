"""What an optimiser is to the training loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

Arrays = dict[str, torch.Tensor]
"""The memory of an optimiser by name: with the parameters and the number of the step all that a step depends on."""

Evaluate = Callable[[], tuple[float, torch.Tensor]]
"""The loss at the present parameters and its gradient (P,), zero where a parameter is fixed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Leaves:
    """The trainable numbers of a training.

    Attributes:
        flat: (P,) float32, all of them in a row; changed in place.
        mask: (P,) 1 where a number may change, 0 where it stays.
        shapes: shape of each parameter, in the order in which they lie in `flat`; the last two axes of a weight are
            (in, out), of a bias (1, out).
    """

    flat: torch.Tensor
    mask: torch.Tensor
    shapes: Sequence[tuple[int, ...]]

    def shrink(self, share: float) -> None:
        """Take this share off every number that may change: decoupled weight decay."""
        if share > 0.0:
            self.flat.mul_(1.0 - share * self.mask)

    def pieces(self, values: torch.Tensor) -> list[torch.Tensor]:
        """Views (of each parameter's shape) of numbers (P,) that lie as `flat` does."""
        sizes = [torch.Size(shape).numel() for shape in self.shapes]
        return [part.view(shape) for part, shape in zip(values.split(sizes), self.shapes, strict=True)]


class Optimiser(Protocol):
    """One way downhill."""

    @property
    def whole(self) -> bool:
        """Whether a step sees all batches at once instead of one."""
        ...

    def start(self, leaves: Leaves) -> Arrays:
        """The memory before the first step."""
        ...

    def step(
        self, leaves: Leaves, arrays: Arrays, evaluate: Evaluate, *, number: int, rate: float, decay: float
    ) -> None:
        """Make one step: change `leaves.flat` and `arrays`.

        Args:
            leaves: the parameters.
            arrays: the memory.
            evaluate: the loss and its gradient; the batches are the same at every call within a step.
            number: finished steps.
            rate: learning rate.
            decay: decoupled weight decay per unit of learning rate (arXiv:1711.05101).
        """
        ...
