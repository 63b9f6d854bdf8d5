"""From pair gradients to forces and stress, and the committee's spreads (conventions: docs/conventions.md)."""

import numpy as np
import numpy.typing as npt

ATOMS_AT_ONCE = 4096
VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def forces(pair_gradients: npt.NDArray[np.floating], reverse: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """F_i = Σ_k g_ik - Σ_k g[reverse(i, k)].

    Args:
        pair_gradients: g = dE_i/dr_ij (N, 3, K), eV/Å, zero in padded slots.
        reverse: (N, K) flat index j·K + k' of the same edge seen from the neighbour.

    Returns:
        (N, 3), eV/Å.
    """
    result = np.empty((len(reverse), 3))
    for axis in range(3):
        component = np.ascontiguousarray(pair_gradients[:, axis])
        for start in range(0, len(reverse), ATOMS_AT_ONCE):
            rows = slice(start, start + ATOMS_AT_ONCE)
            difference = component[rows] - component.take(reverse[rows])
            result[rows, axis] = difference.sum(axis=1)
    return result


def stress(virials: npt.NDArray[np.floating], volume: float) -> npt.NDArray[np.float64]:
    """-Σ virials / volume (6,), eV/Å³, xx, yy, zz, yz, xz, xy, tension positive; from atomic virials (N, 3, 3), eV."""
    total = virials.sum(axis=0, dtype=np.float64) / -volume
    symmetric = (total + total.T) / 2.0
    return np.array([symmetric[a, b] for a, b in VOIGT])


def force_spreads(members: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """√(1/(3M) Σ_m |F_m - F|²) (N,), eV/Å, from the forces of every member (M, N, 3)."""
    deviation = members - members.mean(axis=0)
    return np.sqrt((deviation**2).mean(axis=(0, 2)))


def energy_spread(member_energies: npt.NDArray[np.floating]) -> float:
    """Population std over members of the total energy, eV, from atomic energies (N, M)."""
    return float(member_energies.sum(axis=0, dtype=np.float64).std())
