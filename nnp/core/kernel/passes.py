"""The two passes over a block of atoms: symmetry functions, and pair gradients from dE/dG.

One compiled function makes both: they share all but the last steps.
"""

from typing import Any

import numpy as np
from numba import njit

from nnp.core.kernel import lists, triplets
from nnp.core.kernel.elementary import FAST


@njit(error_model="numpy", fastmath=FAST, nogil=True, cache=True)
def evaluate(vectors: Any, neighbour_species: Any, species: Any, t: Any, of_atoms: Any, pair_gradients: Any) -> None:
    """Values of the functions where ``pair_gradients`` is empty, else their adjoint.

    Args:
        vectors: (N, 3, K), Å, contiguous.
        neighbour_species: (N, K) int64.
        species: (N,) int64.
        t: ``definition.Tables`` of the dtype of the vectors.
        of_atoms: (N, D): zeros, overwritten with G; or dE/dG.
        pair_gradients: (0, 3, K), or (N, 3, K) zeros: overwritten with dE_i/dr_ij.
    """
    dtype, width = vectors.dtype, vectors.shape[2] + 1
    gradient = pair_gradients.shape[0] > 0
    most = 0
    for centre in range(t.list_start.size - 1):
        most = max(most, t.list_start[centre + 1] - t.list_start[centre])
    rows = np.empty((most, lists.ROWS, width), dtype)
    slots = np.empty((most, width), np.uint32)
    counts = np.zeros(most, np.int64)
    batch = np.empty((triplets.ROWS, triplets.FULL + width), dtype)
    seconds = np.empty(triplets.FULL + width, np.uint32)
    starts = np.zeros(width + 1, np.int64)
    for i in range(vectors.shape[0]):
        centre, of_atom = species[i], of_atoms[i]
        begin, end = t.list_start[centre], t.list_start[centre + 1]
        for which in range(end - begin):
            counts[which] = lists.fill(vectors[i], neighbour_species[i], t, begin + which, rows[which], slots[which])
            if gradient:
                lists.clear(rows[which], counts[which])
        for a in range(t.radial_start[centre], t.radial_start[centre + 1]):
            which = t.radials[a].list - begin
            lists.radial(rows[which], counts[which], t, a, gradient, of_atom)
        for group in range(t.group_start[centre], t.group_start[centre + 1]):
            first, second = t.groups[group].first - begin, t.groups[group].second - begin
            if counts[first] > counts[second]:  # few long rows are faster than many short ones
                first, second = second, first
            same, n = first == second, counts[second]
            triplets.sum_up(
                rows[first], counts[first], rows[second], n, same, t, group, gradient, of_atom, batch, seconds, starts
            )
        if gradient:
            for which in range(end - begin):
                lists.scatter(rows[which], slots[which], counts[which], pair_gradients[i])
