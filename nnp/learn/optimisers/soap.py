"""SOAP (arXiv:2409.11321): Adam in the eigenbases of Shampoo's approximate Gauss-Newton matrix (arXiv:1802.09568).

The curvature of a layer's weights W (in, out) is approximated by the Kronecker product of L = <G Gᵀ> and R = <Gᵀ G>,
running means over the gradients G. Adam's second moments are kept in the eigenbases of L and R, where the curvature is
nearly diagonal: G' = Q_Lᵀ G Q_R, step = Q_L (m' / √v') Q_Rᵀ. The bases follow by one orthogonal iteration now and then.
"""

from dataclasses import dataclass

import torch

from nnp.learn.optimisers.interface import Arrays, Evaluate, Leaves


@dataclass(frozen=True, kw_only=True)
class SOAP:
    """Second order at the price of a few small matrix products per layer and member.

    Attributes:
        betas: of the running means of the gradient and of its rotated square.
        memory: of the running means L and R.
        every: steps between two turns of the bases.
        epsilon: added to the root of the second moment.
    """

    betas: tuple[float, float] = (0.9, 0.99)
    memory: float = 0.95
    every: int = 5
    epsilon: float = 1e-8
    whole: bool = False

    def start(self, leaves: Leaves) -> Arrays:
        """Running means are zero, bases are the axes."""
        arrays = {name: torch.zeros_like(leaves.flat) for name in ("first", "second")}
        for i, shape in enumerate(leaves.shapes):
            for name, size in _sides(shape):
                eye = torch.eye(size, dtype=leaves.flat.dtype)
                arrays[f"{i}.{name}.mean"] = torch.zeros_like(eye).expand(*shape[:-2], size, size).clone()
                arrays[f"{i}.{name}.basis"] = eye.expand(*shape[:-2], size, size).clone()
        return arrays

    def step(
        self, leaves: Leaves, arrays: Arrays, evaluate: Evaluate, *, number: int, rate: float, decay: float
    ) -> None:
        """As `Optimiser.step`."""
        _, gradient = evaluate()
        first = arrays["first"].lerp_(gradient, 1.0 - self.betas[0])
        heights = (1.0 - self.betas[0] ** (number + 1), 1.0 - self.betas[1] ** (number + 1))
        update = torch.zeros_like(gradient)
        layers = zip(*(leaves.pieces(x) for x in (leaves.mask, gradient, first, arrays["second"], update)), strict=True)
        for i, (mask, slope, mean, square, out) in enumerate(layers):
            if not mask.any():
                continue  # frozen, or of an element without networks
            sides = [_Side(arrays, i, name) for name, _ in _sides(leaves.shapes[i])]
            for side in sides:
                side.follow(slope, square, 1.0 - self.memory, first=number == 0, turn=number % self.every == 0)
            turned, moved = _turn(sides, slope), _turn(sides, mean)
            square.mul_(self.betas[1]).addcmul_(turned, turned, value=1.0 - self.betas[1])
            steep = moved / heights[0] / (square / heights[1]).sqrt_().add_(self.epsilon)
            out.copy_(_turn(sides, steep, back=True))
        leaves.shrink(rate * decay)
        leaves.flat.sub_(update.mul_(leaves.mask), alpha=rate)


def _sides(shape: tuple[int, ...]) -> list[tuple[str, int]]:
    """Names and sizes of the sides of a layer that have a basis: those longer than one."""
    named = zip(("left", "right"), shape[-2:], strict=True) if len(shape) > 1 else ()
    return [(name, size) for name, size in named if size > 1]


class _Side:
    """One side of a layer: the running mean L or R and its basis, views of the optimiser's memory."""

    def __init__(self, arrays: Arrays, layer: int, name: str) -> None:
        self.left = name == "left"
        self.mean, self.basis = arrays[f"{layer}.{name}.mean"], arrays[f"{layer}.{name}.basis"]

    def follow(self, slope: torch.Tensor, square: torch.Tensor, share: float, *, first: bool, turn: bool) -> None:
        """Take a gradient into the mean; turn the basis where it is time to, and keep v' sorted with it."""
        self.mean.lerp_(slope @ slope.mT if self.left else slope.mT @ slope, share)
        if first:
            self.basis.copy_(torch.linalg.eigh(self.mean.double())[1].flip(-1))
        elif turn:
            _iterate(self.mean, self.basis, square, axis=-2 if self.left else -1)

    def turn(self, x: torch.Tensor, *, back: bool) -> torch.Tensor:
        """Into the basis, or back."""
        if self.left:
            return (self.basis if back else self.basis.mT) @ x
        return x @ (self.basis.mT if back else self.basis)


def _turn(sides: list[_Side], x: torch.Tensor, *, back: bool = False) -> torch.Tensor:
    """Q_Lᵀ x Q_R, or Q_L x Q_Rᵀ on the way back."""
    for side in sides:
        x = side.turn(x, back=back)
    return x


def _iterate(mean: torch.Tensor, basis: torch.Tensor, square: torch.Tensor, axis: int) -> None:
    """One orthogonal iteration Q <- qr(mean Q), its columns by falling eigenvalue, v' in the same order."""
    product = mean @ basis
    order = (basis * product).sum(-2).argsort(dim=-1, descending=True, stable=True)
    columns = order.unsqueeze(-2).expand_as(product)
    basis.copy_(torch.linalg.qr(product.gather(-1, columns))[0])
    index = order.unsqueeze(-1 if axis == -2 else -2).expand_as(square)
    square.copy_(square.gather(axis, index))
