"""From dE/dG to forces and virials of several members at once, as one linear operation with a hand-written gradient.

The geometry has no gradient in training, so the adjoint is linear in dE/dG and its gradient is its transpose,
`symmetry_functions.jvp`: parameter gradients cost one more pass over the neighbours and keep nothing in between.
"""

from collections.abc import Iterator
from typing import Any

import torch

from nnp.learn import batches, symmetry_functions

BLOCK_ROWS = 512
"""Atoms times members that are contracted at once."""


class PairForces(torch.autograd.Function):
    """F_i = Σ_k g_ik - Σ_k g_rev(ik) and virials Σ_ik g_ik ⊗ r_ik / N of each structure, g = adjoint(dE/dG)."""

    @staticmethod
    def forward(ctx: Any, dE_dG: torch.Tensor, batch: batches.Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Forces (M, N, 3) and virials per atom (M, S, 6) from dE/dG (M, N, D)."""
        ctx.batch = batch
        pairs = dE_dG.new_empty((len(dE_dG), *batch.vectors.shape))
        for rows, geometry in _blocks(batch, len(dE_dG)):
            pairs[:, rows] = symmetry_functions.adjoint(batch.functions, geometry, dE_dG[:, rows])
        back = pairs.flatten(1).index_select(1, batch.reverse.flatten()).unflatten(1, batch.reverse.shape)
        forces = pairs.sum(-1) - back.sum(-1).transpose(1, 2)
        products = torch.stack(
            [
                0.5 * ((pairs[:, :, a] * batch.vectors[:, b]).sum(-1) + (pairs[:, :, b] * batch.vectors[:, a]).sum(-1))
                for a, b in batches.VOIGT
            ],
            dim=-1,
        )
        virials = products.new_zeros((len(pairs), len(batch.atoms), 6)).index_add_(1, batch.structure, products)
        return forces, virials / batch.atoms[:, None]

    @staticmethod
    def backward(ctx: Any, d_forces: torch.Tensor, d_virials: torch.Tensor) -> tuple[torch.Tensor, None]:
        """The transpose: from gradients by forces (M, N, 3) and virials (M, S, 6) to one by dE/dG (M, N, D)."""
        batch: batches.Batch = ctx.batch
        members, atoms, slots = len(d_forces), *batch.neighbours.shape
        d_forces = d_forces.transpose(1, 2).contiguous()
        there = d_forces.flatten(0, 1).index_select(1, batch.neighbours.flatten()).view(members, 3, atoms, slots)
        d_pairs = (d_forces.unsqueeze(-1) - there).transpose(1, 2)
        strain = (d_virials / batch.atoms[:, None])[:, :, _SYMMETRIC] * d_virials.new_tensor(_HALVES)
        strain = strain.index_select(1, batch.structure).unflatten(-1, (3, 3))
        d_pairs = d_pairs + torch.matmul(strain, batch.vectors)
        d_gradient = d_pairs.new_empty((members, atoms, batch.inputs.shape[1]))
        for rows, geometry in _blocks(batch, members):
            d_gradient[:, rows] = symmetry_functions.jvp(batch.functions, geometry, d_pairs[:, rows])
        return d_gradient, None


def _blocks(batch: batches.Batch, members: int) -> Iterator[tuple[slice, symmetry_functions.Geometry]]:
    """Rows and geometry of a few atoms at a time: intermediate arrays then stay in the cache."""
    size = max(1, BLOCK_ROWS // members)
    geometry, atoms = batch.geometry, len(batch.structure)
    for start in range(0, atoms, size):
        rows = slice(start, min(start + size, atoms))
        yield rows, type(geometry)(*(None if t is None else t[rows] for t in geometry))


_SYMMETRIC = [0, 5, 4, 5, 1, 3, 4, 3, 2]
_HALVES = [1.0, 0.5, 0.5, 0.5, 1.0, 0.5, 0.5, 0.5, 1.0]
