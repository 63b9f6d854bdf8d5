"""L-BFGS (Liu and Nocedal, Math. Program. 45, 503 (1989)) on the loss of all batches, with a line search."""

from dataclasses import dataclass

import torch

from nnp.learn.optimisers.interface import Arrays, Evaluate, Leaves

SUFFICIENT = 1e-4
"""Armijo: the loss must fall by this fraction of what the slope promises."""
TRIALS = 8
"""Most lengths that are tried along one direction; then the memory is emptied and the step is not made."""
CURVED = 1e-8
"""A pair (s, y) is remembered where s·y exceeds this fraction of |s| |y|."""


@dataclass(frozen=True, kw_only=True)
class LBFGS:
    """Full-batch quasi-Newton steps; the learning rate is the length of the first one, weight decay is not applied.

    Attributes:
        pairs: number of remembered pairs of step and change of the gradient.
    """

    pairs: int = 30
    whole: bool = True

    def start(self, leaves: Leaves) -> Arrays:
        """Nothing is remembered."""
        size = len(leaves.flat)
        return {
            "steps": leaves.flat.new_zeros((self.pairs, size)),
            "changes": leaves.flat.new_zeros((self.pairs, size)),
            "gradient": torch.zeros_like(leaves.flat),
            "count": torch.zeros(1, dtype=torch.int64),
            "known": torch.zeros(1, dtype=torch.int64),
            "loss": torch.zeros(1, dtype=torch.float64),
        }

    def step(
        self, leaves: Leaves, arrays: Arrays, evaluate: Evaluate, *, number: int, rate: float, decay: float
    ) -> None:
        """As `Optimiser.step`; what it needs to know of earlier steps is in `arrays`."""
        del number, decay
        if not int(arrays["known"]):
            self._know(arrays, *evaluate())
        value, gradient = float(arrays["loss"]), arrays["gradient"].clone()
        direction = -self._scaled(arrays, gradient)
        length = 1.0 if int(arrays["count"]) else rate / float(gradient.norm().clamp(min=1e-30))
        slope = float(direction @ gradient)
        before = leaves.flat.clone()
        for _ in range(TRIALS):
            torch.add(before, direction, alpha=length, out=leaves.flat)
            found, new = evaluate()
            if found <= value + SUFFICIENT * length * slope:
                self._remember(arrays, leaves.flat - before, new - gradient)
                self._know(arrays, found, new)
                return
            curvature = 2.0 * (found - value - slope * length)
            shorter = -slope * length**2 / curvature if curvature > 0.0 else 0.0
            length = min(max(shorter, 0.1 * length), 0.5 * length)
        leaves.flat.copy_(before)
        arrays["count"].zero_()

    def _know(self, arrays: Arrays, loss: float, gradient: torch.Tensor) -> None:
        """Keep loss and gradient at the present parameters for the next step."""
        arrays["known"].fill_(1)
        arrays["loss"].fill_(loss)
        arrays["gradient"].copy_(gradient)

    def _scaled(self, arrays: Arrays, gradient: torch.Tensor) -> torch.Tensor:
        """H g by the two-loop recursion over the remembered pairs."""
        count = int(arrays["count"])
        newest = [(count - 1 - i) % self.pairs for i in range(min(count, self.pairs))]
        steps, changes = arrays["steps"], arrays["changes"]
        q, shares = gradient.clone(), {}
        for i in newest:
            shares[i] = float(steps[i] @ q) / float(steps[i] @ changes[i])
            q.sub_(changes[i], alpha=shares[i])
        if newest:
            last = newest[0]
            q.mul_(float(steps[last] @ changes[last]) / float(changes[last] @ changes[last]))
        for i in reversed(newest):
            q.add_(steps[i], alpha=shares[i] - float(changes[i] @ q) / float(steps[i] @ changes[i]))
        return q

    def _remember(self, arrays: Arrays, step: torch.Tensor, change: torch.Tensor) -> None:
        if float(step @ change) > CURVED * float(step.norm() * change.norm()):
            place = int(arrays["count"]) % self.pairs
            arrays["steps"][place], arrays["changes"][place] = step, change
            arrays["count"] += 1
