"""Adam (arXiv:1412.6980) with decoupled weight decay (arXiv:1711.05101)."""

from dataclasses import dataclass

import torch

from nnp.learn.optimisers.interface import Arrays, Evaluate, Leaves


@dataclass(frozen=True, kw_only=True)
class Adam:
    """θ -= rate m̂ / (√v̂ + ε) with running means m of the gradient and v of its square.

    Attributes:
        betas: of m and v.
        epsilon: ε.
    """

    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    whole: bool = False

    def start(self, leaves: Leaves) -> Arrays:
        """Both running means are zero."""
        return {name: torch.zeros_like(leaves.flat) for name in ("first", "second")}

    def step(
        self, leaves: Leaves, arrays: Arrays, evaluate: Evaluate, *, number: int, rate: float, decay: float
    ) -> None:
        """As `Optimiser.step`."""
        _, gradient = evaluate()
        leaves.shrink(rate * decay)
        leaves.flat.add_(self.direction(arrays, gradient, number + 1), alpha=-rate)

    def direction(self, arrays: Arrays, gradient: torch.Tensor, count: int) -> torch.Tensor:
        """m̂ / (√v̂ + ε) after taking in the `count`-th gradient."""
        first, second = arrays["first"], arrays["second"]
        first.lerp_(gradient, 1.0 - self.betas[0])
        second.mul_(self.betas[1]).addcmul_(gradient, gradient, value=1.0 - self.betas[1])
        spread = (second / (1.0 - self.betas[1] ** count)).sqrt_().add_(self.epsilon)
        return first / (1.0 - self.betas[0] ** count) / spread
