"""Powers of the components of u_ij, in the order of ``nnp.core.harmonics.exponents``."""

import torch


def monomials(unit: torch.Tensor, degree: int) -> list[torch.Tensor]:
    """x^a y^b z^c with c <= 1 of degree <= L, in the order of ``nnp.core.harmonics.exponents``.

    Args:
        unit: u_ij (N, 3, K), dimensionless.
        degree: L.

    Returns:
        Blocks (N, ·, K) that concatenate along axis 1 to (N, (L+1)², K).
    """
    x, y, z = unit.split(1, dim=1)
    block = torch.ones_like(x)
    if degree == 0:
        return [block]
    blocks, last = [block], block
    for order in range(1, degree + 1):
        block, last = (unit[:, 0:2], y) if order == 1 else (torch.cat([x * block, y * last], 1), y * last)
        blocks.append(block)
    low = torch.cat(blocks[:-1], 1) if degree > 1 else blocks[0]
    return [low, blocks[-1], z * low]
