"""One atom's neighbours of one element: sums of radial functions and moments, and the adjoint of these sums.

M_c,q = Σ_j R_c(r_ij) b_q(u_ij),   S_c,c' = Σ_j R_c R_c',   G_k = Σ_j R_k        (R Gaussian times cutoff function)

over the Q monomials b_q of the components of the unit vector. With factors K⁰ = dE/dM and, because slopes of monomials
are sums of monomials, K¹ K² K³ for the three components of u, the adjoint needs products with the same rows again:

dE/dr_ij = r_ij/r Σ_c R_c' (Σ_q K⁰ b_q + Σ_c' D R_c') + (1 - u uᵀ)/r Σ_c R_c Σ_q K^xyz b_q
"""

from typing import Any, NamedTuple

import numpy as np

from nnp.core.kernel import lists
from nnp.core.kernel.elementary import exp, helper
from nnp.core.kernel.lists import ACROSS_X, ACROSS_Y, ACROSS_Z, ALONG, INVERSE, SLOPE, VALUE, R, X, Y, Z
from nnp.core.kernel.vectors import lanes, load, spread, store, total


class Room(NamedTuple):
    """Scratch for the neighbours of one atom; rows are multiples of two vectors long, what follows the last is zero."""

    rows: Any  # (lists.ROWS, width)
    slots: Any  # (width,) uint32
    profiles: Any  # (2 n, width) R_c, then R_c' / r; at least one row
    powers: Any  # (Q + 3, width) b_q, then the components of u


@helper
def room(t: Any, like: Any) -> Any:
    """The scratch that a block of vectors (N, 3, K) needs."""
    step = 2 * lanes(like)
    width = (like.shape[2] + step) // step * step
    n, powers = t.channels.size, t.monomials.size
    return Room(
        np.zeros((lists.ROWS, width), like.dtype),
        np.zeros(width, np.uint32),
        np.zeros((2 * n + 1, width), like.dtype),
        np.zeros((powers + 3, width), like.dtype),
    )


@helper
def fill(vectors: Any, species: Any, t: Any, element: int, here: Any) -> int:
    """Find the neighbours of an element, with cutoff function, channels and monomials; their number.

    Args:
        vectors: (3, K) of the atom, Å.
        species: (K,) of its neighbours.
        t: ``moment_definition.Neighbours``.
        element: of the neighbours that count.
        here: ``Room``, the result.
    """
    real = vectors.dtype.type
    rows, one, zero = here.rows, real(1.0), real(0.0)
    n = lists.fill(vectors, species, t, element, rows, here.slots)
    m = padded(n, vectors)
    for k in range(n, m):
        rows[X, k], rows[Y, k], rows[Z, k] = zero, zero, zero
        rows[R, k], rows[INVERSE, k], rows[VALUE, k], rows[SLOPE, k] = one, one, zero, zero
    for c in range(t.channels.size):
        _profile(rows, m, t.channels[c].eta, t.channels[c].shift, here.profiles[c])
    if t.degree >= 0:
        _powers(rows, m, t, here.powers)
    return n


@helper
def padded(n: int, like: Any) -> int:
    """N rounded up to whole pairs of vectors."""
    step = 2 * lanes(like)
    return (n + step - 1) // step * step


@helper
def _profile(rows: Any, m: int, eta: Any, shift: Any, profile: Any) -> None:
    r, value = rows[R], rows[VALUE]
    for k in range(m):
        d = r[k] - shift
        profile[k] = exp(-eta * d * d) * value[k]


@helper
def _powers(rows: Any, m: int, t: Any, powers: Any) -> None:
    first = powers.shape[0] - 3
    x, y, z = powers[first], powers[first + 1], powers[first + 2]
    width = lanes(rows)
    one, none = spread(rows.dtype.type(1.0)), powers[0]
    for k in range(0, m, width):
        inverse = load(rows[INVERSE], k)
        store(x, k, load(rows[X], k) * inverse)
        store(y, k, load(rows[Y], k) * inverse)
        store(z, k, load(rows[Z], k) * inverse)
        store(none, k, one)
    for q in range(1, t.monomials.size):
        power, parent, factor = powers[q], powers[t.monomials[q].parent], powers[first + t.monomials[q].axis]
        for k in range(0, m, width):
            store(power, k, load(parent, k) * load(factor, k))


@helper
def add_sums(n: int, t: Any, here: Any, sums: Any, lane: int) -> None:
    """Write G, S and M of the neighbours that ``fill`` found.

    Args:
        n: their number.
        t: ``moment_definition.Neighbours``.
        here: ``Room`` that was filled.
        sums: (n_radial + n² + n Q, lanes) flat, result.
        lane: of the atom.
    """
    rows, width, m = here.rows, lanes(here.rows), padded(n, here.rows)
    zero = spread(rows.dtype.type(0.0))
    channels, radial = t.channels.size, t.radial.size
    for f in range(radial):
        spare = here.profiles[channels]
        _profile(rows, m, t.radial[f].eta, t.radial[f].shift, spare)
        found = zero
        for k in range(0, m, width):
            found = found + load(spare, k)
        sums[f * width + lane] = total(found)
    start = radial * width + lane
    for c in range(channels):
        for d in range(c + 1):
            first, second, found = here.profiles[c], here.profiles[d], zero
            for k in range(0, m, width):
                found = found + load(first, k) * load(second, k)
            sums[start + (c * channels + d) * width] = total(found)
            sums[start + (d * channels + c) * width] = sums[start + (c * channels + d) * width]
    start += channels * channels * width
    count = t.monomials.size
    for c in range(channels):
        profile = here.profiles[c]
        for q in range(0, count, 4):
            b0, b1, b2, b3 = here.powers[q], here.powers[q + 1], here.powers[q + 2], here.powers[q + 3]
            s0, s1, s2, s3 = zero, zero, zero, zero
            for k in range(0, m, width):
                value = load(profile, k)
                s0 = s0 + value * load(b0, k)
                s1 = s1 + value * load(b1, k)
                s2 = s2 + value * load(b2, k)
                s3 = s3 + value * load(b3, k)
            at = start + (c * count + q) * width
            sums[at], sums[at + width] = total(s0), total(s1)
            sums[at + 2 * width], sums[at + 3 * width] = total(s2), total(s3)


@helper
def add_gradients(n: int, t: Any, here: Any, factors: Any, lane: int, gradients: Any) -> None:
    """Add dE_i/dr_ij of the neighbours that ``fill`` found to the pair gradients (3, K) of the atom.

    Args:
        n: their number.
        t: ``moment_definition.Neighbours``.
        here: ``Room`` that was filled.
        factors: (n_radial + n² + 4 n Q, lanes) flat: dE/dG, D, and K⁰ to K³ of every M.
        lane: of the atom.
        gradients: (3, K), added to.
    """
    rows, width, m = here.rows, lanes(here.rows), padded(n, here.rows)
    channels, radial = t.channels.size, t.radial.size
    lists.clear(rows, m)
    for f in range(radial):
        _add_radial(rows, m, t.radial[f].eta, t.radial[f].shift, factors[f * width + lane])
    if channels > 0:
        for c in range(channels):
            _slopes(rows, m, t.channels[c].eta, t.channels[c].shift, here.profiles[c], here.profiles[channels + c])
        start = radial * width + lane
        for c in range(channels):
            _add_channel(m, t, here, factors, start, c)
        _project(m, here)
    lists.scatter(rows, here.slots, n, gradients)


@helper
def _add_radial(rows: Any, m: int, eta: Any, shift: Any, factor: Any) -> None:
    r, value, slope, inverse, along = rows[R], rows[VALUE], rows[SLOPE], rows[INVERSE], rows[ALONG]
    twice = rows.dtype.type(2.0) * eta
    for k in range(m):
        d = r[k] - shift
        along[k] += factor * exp(-eta * d * d) * value[k] * (slope[k] - twice * d * inverse[k])


@helper
def _slopes(rows: Any, m: int, eta: Any, shift: Any, profile: Any, result: Any) -> None:
    """R_c' / r."""
    r, slope, inverse = rows[R], rows[SLOPE], rows[INVERSE]
    twice = rows.dtype.type(2.0) * eta
    for k in range(m):
        result[k] = profile[k] * (slope[k] - twice * (r[k] - shift) * inverse[k])


@helper
def _add_channel(m: int, t: Any, here: Any, factors: Any, start: int, c: int) -> None:
    """Add what one channel gives to the row ALONG and to the components of K^xyz b R in ACROSS."""
    rows, width = here.rows, lanes(here.rows)
    zero = spread(rows.dtype.type(0.0))
    channels, count = t.channels.size, t.monomials.size
    lower, every = t.degree * t.degree, (t.degree + 1) * (t.degree + 1)
    own = start + c * channels * width
    first = start + (channels * channels + 4 * c * count) * width
    profile, slope = here.profiles[c], here.profiles[channels + c]
    for k in range(0, m, 2 * width):
        l = k + width  # noqa: E741
        v0, x0, y0, z0, v1, x1, y1, z1 = zero, zero, zero, zero, zero, zero, zero, zero
        at = first
        for q in range(lower):
            power = here.powers[q]
            b0, b1 = load(power, k), load(power, l)
            value, x, y, z = (
                spread(factors[at]),
                spread(factors[at + width]),
                spread(factors[at + 2 * width]),
                spread(factors[at + 3 * width]),
            )
            v0, x0, y0, z0 = v0 + value * b0, x0 + x * b0, y0 + y * b0, z0 + z * b0
            v1, x1, y1, z1 = v1 + value * b1, x1 + x * b1, y1 + y * b1, z1 + z * b1
            at += 4 * width
        for q in range(lower, every):  # no monomial of the highest degree is part of a slope
            power, value = here.powers[q], spread(factors[at])
            v0, v1 = v0 + value * load(power, k), v1 + value * load(power, l)
            at += 4 * width
        for d in range(channels):
            other, value = here.profiles[d], spread(factors[own + d * width])
            v0, v1 = v0 + value * load(other, k), v1 + value * load(other, l)
        _add(rows[ALONG], k, v0 * load(slope, k))
        _add(rows[ALONG], l, v1 * load(slope, l))
        r0, r1 = load(profile, k), load(profile, l)
        _add(rows[ACROSS_X], k, x0 * r0)
        _add(rows[ACROSS_Y], k, y0 * r0)
        _add(rows[ACROSS_Z], k, z0 * r0)
        _add(rows[ACROSS_X], l, x1 * r1)
        _add(rows[ACROSS_Y], l, y1 * r1)
        _add(rows[ACROSS_Z], l, z1 * r1)


@helper
def _add(row: Any, k: int, value: Any) -> None:
    store(row, k, load(row, k) + value)


@helper
def _project(m: int, here: Any) -> None:
    """(1 - u uᵀ)/r of ACROSS; what lies along u goes to ALONG as a factor of r_ij."""
    rows, width = here.rows, lanes(here.rows)
    first = here.powers.shape[0] - 3
    for k in range(0, m, width):
        inverse = load(rows[INVERSE], k)
        x, y, z = load(rows[ACROSS_X], k), load(rows[ACROSS_Y], k), load(rows[ACROSS_Z], k)
        along = (
            x * load(here.powers[first], k) + y * load(here.powers[first + 1], k) + z * load(here.powers[first + 2], k)
        )
        store(rows[ALONG], k, load(rows[ALONG], k) - along * inverse * inverse)
        store(rows[ACROSS_X], k, x * inverse)
        store(rows[ACROSS_Y], k, y * inverse)
        store(rows[ACROSS_Z], k, z * inverse)
