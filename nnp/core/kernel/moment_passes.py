"""The two passes over a block of atoms with moment functions: values, and pair gradients from dE/dG.

As many atoms as a vector holds go together: their neighbours one atom after the other, their invariants side by side.
The moments are kept between the passes; geometry is made again, which is faster than reading it back.
"""

from typing import Any

import numpy as np
from numba import njit

from nnp.core.kernel import invariants, neighbour_sums
from nnp.core.kernel.elementary import FAST
from nnp.core.kernel.vectors import lanes


@njit(error_model="numpy", fastmath=FAST, nogil=True, cache=True)
def evaluate(
    vectors: Any, neighbour_species: Any, near: Any, t: Any, of_atoms: Any, moments: Any, pair_gradients: Any
) -> None:
    """Values of the functions where ``pair_gradients`` is empty, else their adjoint.

    Args:
        vectors: (N, 3, K), Å, contiguous.
        neighbour_species: (N, K) int64.
        near: ``moment_definition.Neighbours`` of the dtype of the vectors.
        t: ``moment_definition.Invariants`` likewise.
        of_atoms: (N, D): overwritten with G; or dE/dG.
        moments: (⌈N / lanes⌉, C Y lanes): overwritten with the moments; or those of the first pass.
        pair_gradients: (0, 3, K), or (N, 3, K) zeros: overwritten with dE_i/dr_ij.
    """
    dtype, width = vectors.dtype, lanes(vectors)
    gradient = pair_gradients.shape[0] > 0
    here = neighbour_sums.room(near, vectors)
    elements, harmonics = near.lists.size, t.harmonics.start.size - 1
    rows = invariants.factor_rows(t) if gradient else invariants.sum_rows(t)
    sums = np.zeros((elements, rows * width), dtype)
    mixed = np.zeros(t.mixtures.shape[0] * harmonics * width, dtype)
    seeds, slopes = np.zeros_like(mixed), np.zeros(moments.shape[1], dtype)
    functions = np.zeros(t.size * width, dtype)
    for block in range(moments.shape[0]):
        start = block * width
        stop = min(start + width, vectors.shape[0])
        if gradient:
            for i in range(start, stop):
                for d in range(t.size):
                    functions[d * width + i - start] = of_atoms[i, d]
            invariants.factors(t, moments[block], mixed, seeds, slopes, functions, sums.ravel())
        for e in range(elements):
            for i in range(start, stop):
                n = neighbour_sums.fill(vectors[i], neighbour_species[i], near, e, here)
                if gradient:
                    neighbour_sums.add_gradients(n, near, here, sums[e], i - start, pair_gradients[i])
                else:
                    neighbour_sums.add_sums(n, near, here, sums[e], i - start)
        if not gradient:
            invariants.values(t, sums.ravel(), moments[block], mixed, functions)
            for i in range(start, stop):
                for d in range(t.size):
                    of_atoms[i, d] = functions[d * width + i - start]
