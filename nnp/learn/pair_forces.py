"""From dE/dG to forces and virials of several members at once, as one linear operation with a hand-written gradient.

The geometry has no gradient in training, so the adjoint is linear in dE/dG and its gradient is its transpose, the
`jvp`: parameter gradients cost one more pass over the neighbours and keep nothing in between.
"""

from typing import Any

import torch

from nnp.learn import batches


class PairForces(torch.autograd.Function):
    """F_i = Σ_k g_ik - Σ_k g_rev(ik) and virials Σ_ik g_ik ⊗ r_ik / N of each structure, g = adjoint(dE/dG)."""

    @staticmethod
    def forward(ctx: Any, dE_dG: torch.Tensor, batch: batches.Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Forces (M, N, 3) and virials per atom (M, S, 6) from dE/dG (M, N, D)."""
        ctx.batch = batch
        members, atoms, slots = len(dE_dG), *batch.neighbours.shape
        seeds = dE_dG.transpose(0, 1).contiguous()
        edges = seeds.new_empty((atoms, slots, members, 3))
        virials = seeds.new_empty((atoms, members, 6))
        for rows, kept in batch.blocks():
            pairs = batch.functions.committee_adjoint(kept, seeds[rows])
            edges[rows] = pairs.permute(0, 3, 1, 2)
            virials[rows] = _virials(pairs, batch.vectors[rows])
        flat = edges.view(atoms * slots, members * 3)
        back = flat.index_select(0, batch.reverse.flatten()).view(atoms, slots, members * 3).sum(1)
        forces = (flat.view(atoms, slots, members * 3).sum(1) - back).view(atoms, members, 3)
        totals = virials.new_zeros((len(batch.atoms), members, 6)).index_add_(0, batch.structure, virials)
        return forces.transpose(0, 1), (totals / batch.atoms[:, None, None]).transpose(0, 1)

    @staticmethod
    def backward(ctx: Any, d_forces: torch.Tensor, d_virials: torch.Tensor) -> tuple[torch.Tensor, None]:
        """The transpose: from gradients by forces (M, N, 3) and virials (M, S, 6) to one by dE/dG (M, N, D)."""
        batch: batches.Batch = ctx.batch
        members, atoms, slots = len(d_forces), *batch.neighbours.shape
        own = d_forces.transpose(0, 1).reshape(atoms, members * 3)
        strain = (d_virials / batch.atoms[:, None]).transpose(0, 1)[..., _SYMMETRIC] * d_virials.new_tensor(_HALVES)
        strain = strain.index_select(0, batch.structure).view(atoms, members * 3, 3)
        d_gradient = own.new_empty((atoms, members, batch.inputs.shape[1]))
        for rows, kept in batch.blocks():
            there = own.index_select(0, batch.neighbours[rows].flatten()).view(-1, slots, members * 3)
            d_pairs = torch.baddbmm(own[rows].unsqueeze(-1) - there.transpose(1, 2), strain[rows], batch.vectors[rows])
            d_gradient[rows] = batch.functions.committee_jvp(kept, d_pairs.view(-1, members, 3, slots))
        return d_gradient.transpose(0, 1), None


_SYMMETRIC = [0, 5, 4, 5, 1, 3, 4, 3, 2]
_HALVES = [1.0, 0.5, 0.5, 0.5, 1.0, 0.5, 0.5, 0.5, 1.0]


def _virials(pairs: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """Σ_k g_k ⊗ r_k of each atom (N, M, 6), symmetric part in Voigt order, from g (N, M, 3, K) and r (N, 3, K)."""
    products = torch.bmm(pairs.flatten(1, 2), vectors.transpose(1, 2)).unflatten(1, (-1, 3))
    return torch.stack([0.5 * (products[..., a, b] + products[..., b, a]) for a, b in batches.VOIGT], dim=-1)
