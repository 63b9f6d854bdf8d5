"""Lists of neighbours inside a window, and what one neighbour alone contributes (types 2, 12, 20, 23)."""

import math
from typing import Any

import numpy as np

from nnp.core.kernel import windows
from nnp.core.kernel.definition import EVERY_ELEMENT
from nnp.core.kernel.elementary import exp, helper

X, Y, Z, R, INVERSE, VALUE, SLOPE, INVERSE2, ALONG, ACROSS_X, ACROSS_Y, ACROSS_Z = range(12)
"""Rows of a list: r_ij; r, 1/r; f(r); f'(r) / (f(r) r); 1/r²; and of dE/dr_ij the factor of r_ij and the rest."""
ROWS = 12


@helper
def fill(vectors: Any, species: Any, t: Any, which: int, rows: Any, slots: Any) -> int:
    """Write the neighbours of one atom that belong to list ``which``; their number.

    Args:
        vectors: (3, K) of the atom, Å.
        species: (K,) of its neighbours.
        t: ``definition.Tables``.
        which: the list.
        rows: (ROWS, K + 1) result.
        slots: (K + 1,) result: the slot of each entry in the neighbour table.
    """
    real = vectors.dtype.type
    element = t.lists[which].element
    window = t.windows[t.lists[which].window]
    n = _inside(vectors, species, element, window.lower, window.upper, rows, slots)
    r, inverse, value, slope = rows[R], rows[INVERSE], rows[VALUE], rows[SLOPE]
    for k in range(n):
        inverse[k] = real(1.0) / r[k]
    inverse2 = rows[INVERSE2]
    for k in range(n):
        inverse2[k] = inverse[k] * inverse[k]
    windows.fill(r, n, window.shape, window.folded, window.centre, window.inverse, value, slope)
    for k in range(n):
        slope[k] *= inverse[k]
    if element == EVERY_ELEMENT:
        for k in range(n):
            value[k] *= t.weights[species[slots[k]]]
    return n


@helper
def _inside(vectors: Any, species: Any, element: int, lower: Any, upper: Any, rows: Any, slots: Any) -> Any:
    x, y, z = vectors[0], vectors[1], vectors[2]
    to_x, to_y, to_z, r = rows[X], rows[Y], rows[Z], rows[R]
    n = np.uint64(0)
    for k in range(x.size):
        distance = math.sqrt(x[k] * x[k] + y[k] * y[k] + z[k] * z[k])
        to_x[n], to_y[n], to_z[n], r[n], slots[n] = x[k], y[k], z[k], distance, k
        here = (element == EVERY_ELEMENT) | (species[k] == element)
        n += np.uint64(here & (distance > lower) & (distance < upper))
    return np.int64(n)


@helper
def radial(rows: Any, n: int, t: Any, a: int, gradient: bool, of_atom: Any) -> None:
    """G = Σ_j exp(-η (r_ij - r_s)²) f(r_ij) of radial function a, or dE/dG · dG/dr / r added to row ALONG."""
    r, inverse, value, slope, along = rows[R], rows[INVERSE], rows[VALUE], rows[SLOPE], rows[ALONG]
    function = t.radials[a]
    eta, shift, column = function.eta, function.shift, function.column
    if gradient:
        twice, factor = r.dtype.type(2.0) * eta, of_atom[column]
        for k in range(n):
            d = r[k] - shift
            along[k] += factor * exp(-eta * d * d) * value[k] * (slope[k] - twice * d * inverse[k])
    else:
        total = r.dtype.type(0.0)
        for k in range(n):
            d = r[k] - shift
            total += exp(-eta * d * d) * value[k]
        of_atom[column] = total


@helper
def clear(rows: Any, n: int) -> None:
    """Set the rows that the adjoint sums up to zero."""
    zero = rows.dtype.type(0.0)
    for row in range(ALONG, ROWS):
        for k in range(n):
            rows[row, k] = zero


@helper
def scatter(rows: Any, slots: Any, n: int, gradients: Any) -> None:
    """Add dE/dr_ij of the entries to their slots of the pair gradients (3, K)."""
    x, y, z, along = rows[X], rows[Y], rows[Z], rows[ALONG]
    across_x, across_y, across_z = rows[ACROSS_X], rows[ACROSS_Y], rows[ACROSS_Z]
    for k in range(n):
        slot = slots[k]
        gradients[0, slot] += across_x[k] + along[k] * x[k]
        gradients[1, slot] += across_y[k] + along[k] * y[k]
        gradients[2, slot] += across_z[k] + along[k] * z[k]
