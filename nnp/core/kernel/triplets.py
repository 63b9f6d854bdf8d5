"""Triplets of an atom and two neighbours, some hundred at a time: angular functions and their adjoint.

The pairs of two lists whose third distance lies inside the window are written into the rows of a *batch* that stays in
the caches of the core; every step after that is a loop over a batch without branches. The adjoint writes
dE/dr_ij = α r_ij + β r_ik with

α = U + T f'(r_ij) / (f(r_ij) r_ij) - C cos θ / r_ij² + B,    β = C / (r_ij r_ik) - B

from four numbers of the triplet: U = (∂E/∂r_ij) / r_ij of the exponentials, T = Σ_G dE/dG G (every cutoff function is a
factor of G), C = ∂E/∂cos θ and B = (∂E/∂r_jk) / r_jk.
"""

import math
from typing import Any

import numpy as np

from nnp.core.kernel import windows
from nnp.core.kernel.elementary import arccos, exp, helper
from nnp.core.kernel.lists import ACROSS_X, ACROSS_Y, ACROSS_Z, ALONG, INVERSE, INVERSE2, SLOPE, VALUE, R, X, Y, Z

(
    SQUARE,
    PRODUCT,
    INVERSES,
    WEIGHT,
    COSINE,
    EXPONENT,
    TERM,
    POWER,
    THIRD,
    THIRD_SLOPE,
    ANGLE,
    INVERSE_SINE,
    ANGLE_SLOPE,
    PART,
    T,
    U,
    C,
    B,
) = range(18)
"""Rows of a batch: r_jk², r_ij·r_ik, 1/(r_ij r_ik), product of the f; cos θ; Σ (r - r_s)²; WEIGHT times exponential;
(1 + λ cos)^(ζ-1) or the angle's window; r_jk and its f'/f; θ, 1/sin θ, slope of its window; one shell's share of T;
and the four numbers above (β and α's share replace C and U at the end)."""
ROWS = 18
FULL = 512
"""A batch is worked off when it holds this many triplets; its rows are longer by one row of neighbours."""


@helper
def sum_up(
    first: Any,
    n_first: int,
    second: Any,
    n_second: int,
    same: bool,
    t: Any,
    group: int,
    gradient: bool,
    of_atom: Any,
    batch: Any,
    seconds: Any,
    starts: Any,
) -> None:
    """All triplets of one group of angular functions: values into G of the atom, or the adjoint into the lists.

    Args:
        first: rows of one list (``lists.fill``).
        n_first: its entries.
        second: rows of the other.
        n_second: its entries.
        same: whether both are the same list: every pair counts once.
        t: ``definition.Tables``.
        group: index of the group.
        gradient: whether to take the adjoint.
        of_atom: (D,) G of the atom, added to, or its dE/dG.
        batch: (ROWS, FULL + K + 1) scratch.
        seconds: (FULL + K + 1,) uint32 scratch, entry k of every triplet.
        starts: (K + 2,) scratch, first triplet of every entry j.
    """
    zero, shift = batch.dtype.type(0.0), t.groups[group].shift
    limit = t.windows[t.lists[t.groups[group].first].window].upper ** 2
    if not t.groups[group].narrow:
        limit = batch.dtype.type(np.inf)
    m: Any = np.int64(0)  # not a literal, for which numba would compile everything once more
    done = m
    for j in range(n_first):
        starts[j] = m
        m = _append(first, j, second, j if same else n_second, limit, batch, seconds, m)
        if shift != zero:
            _append_exponents(first[R, j], second, shift, batch[EXPONENT], seconds, starts[j], m)
        if m >= FULL or j == n_first - 1:
            starts[j + 1] = m
            _work(batch, m, t, group, gradient, of_atom)
            if gradient:
                _scatter(batch, seconds, starts, done, j + 1, first, second)
                if shift != zero:
                    _scatter_shift(batch[B], seconds, starts, done, j + 1, first, second, shift)
            m, done = np.int64(0), j + 1


@helper
def _append(first: Any, j: int, second: Any, n: int, limit: Any, batch: Any, seconds: Any, m: int) -> Any:
    """Add the triplets of entry j and the first n of the second list with r_jk² < limit (Å²); the new number m."""
    x, y, z, squares, products = second[X], second[Y], second[Z], batch[PART], batch[TERM]
    x_j, y_j, z_j = first[X, j], first[Y, j], first[Z, j]
    for k in range(n):
        squares[k] = (x[k] - x_j) ** 2 + (y[k] - y_j) ** 2 + (z[k] - z_j) ** 2
    for k in range(n):
        products[k] = x[k] * x_j + y[k] * y_j + z[k] * z_j
    inverse, value, inverse_j, value_j = second[INVERSE], second[VALUE], first[INVERSE, j], first[VALUE, j]
    to_square, to_product, to_inverses, to_weight = batch[SQUARE], batch[PRODUCT], batch[INVERSES], batch[WEIGHT]
    end = np.uint64(m)  # an unsigned index spares the test for a negative one
    for k in range(n):
        to_square[end] = squares[k]
        to_product[end] = products[k]
        to_inverses[end] = inverse[k] * inverse_j
        to_weight[end] = value[k] * value_j
        seconds[end] = k
        end += np.uint64(squares[k] < limit)
    return np.int64(end)


@helper
def _append_exponents(r_j: Any, second: Any, shift: Any, exponent: Any, seconds: Any, start: int, stop: int) -> None:
    """(r_ij - r_s)² + (r_ik - r_s)² of the triplets start to stop - 1, where r_s is not 0."""
    r = second[R]
    for i in range(start, stop):
        exponent[i] = (r_j - shift) ** 2 + (r[seconds[i]] - shift) ** 2


@helper
def _work(batch: Any, m: int, t: Any, group: int, gradient: bool, of_atom: Any) -> None:
    """Add a batch to G, or leave α's share in row U, T in T, C cos θ in PART, β in C, U alone in B."""
    zero = batch.dtype.type(0.0)
    _prepare(batch, m, t, group)
    if gradient:
        _set(batch[T], m, zero)
        _set(batch[U], m, zero)
        _set(batch[C], m, zero)
    for shell in range(t.shell_start[group], t.shell_start[group + 1]):
        _exponential(batch[EXPONENT], batch[WEIGHT], m, t.shells[shell].eta, batch[TERM])
        _set(batch[PART], m, zero)
        for a in range(t.angular_start[shell], t.angular_start[shell + 1]):
            _angle(batch, m, t, a)
            function = t.angulars[a]
            column, window, factor = function.column, function.shape >= 0, function.factor
            if not gradient:
                of_atom[column] += factor * _sum(batch, m, function.sign, window)
            elif window:
                _add_window(batch, m, factor * of_atom[column])
            else:
                _add_power(batch, m, factor * of_atom[column], function.sign, function.zeta)
        if gradient:
            _add_shell(batch, m, t.shells[shell].eta)
    if gradient:
        _combine(batch, m, t.groups[group].narrow, t.groups[group].shift)


@helper
def _set(row: Any, m: int, value: Any) -> None:
    for i in range(m):
        row[i] = value


@helper
def _prepare(batch: Any, m: int, t: Any, group: int) -> None:
    """Prepare cos θ, Σ (r - r_s)², the third distance with its window, and angles where they are needed."""
    real = batch.dtype.type
    square, product, cosine, exponent = batch[SQUARE], batch[PRODUCT], batch[COSINE], batch[EXPONENT]
    inverses, third, weight, value = batch[INVERSES], batch[THIRD], batch[WEIGHT], batch[POWER]
    for i in range(m):
        cosine[i] = product[i] * inverses[i]
    shift = t.groups[group].shift
    if shift == real(0.0):
        for i in range(m):
            exponent[i] = square[i] + real(2.0) * product[i]
    if t.groups[group].narrow:
        for i in range(m):
            third[i] = math.sqrt(square[i])
        for i in range(m):
            exponent[i] += (third[i] - shift) ** 2
        window = t.windows[t.lists[t.groups[group].first].window]
        windows.fill(third, m, window.shape, window.folded, window.centre, window.inverse, value, batch[THIRD_SLOPE])
        for i in range(m):
            weight[i] *= value[i]
    if t.angulars[t.angular_start[t.shell_start[group]]].shape >= 0:
        _angles(cosine, m, batch[ANGLE], batch[INVERSE_SINE])


@helper
def _angles(cosine: Any, m: int, angle: Any, inverse_sine: Any) -> None:
    real = cosine.dtype.type
    for i in range(m):
        angle[i] = arccos(cosine[i])
    for i in range(m):
        inverse_sine[i] = real(1.0) / math.sqrt(max(real(1.0) - cosine[i] * cosine[i], real(1e-30)))


@helper
def _exponential(exponent: Any, weight: Any, m: int, eta: Any, term: Any) -> None:
    if eta == exponent.dtype.type(0.0):
        for i in range(m):
            term[i] = weight[i]
        return
    for i in range(m):
        term[i] = exp(-eta * exponent[i]) * weight[i]


@helper
def _angle(batch: Any, m: int, t: Any, a: int) -> None:
    """(1 + λ cos)^(ζ-1), or the window of θ and its slope, of one angular function."""
    function = t.angulars[a]
    shape, folded = function.shape, np.int64(1)
    if shape >= 0:
        windows.fill(
            batch[ANGLE], m, shape, folded, function.centre, function.inverse, batch[POWER], batch[ANGLE_SLOPE]
        )
    else:
        _power(batch[COSINE], m, function.sign, function.zeta, batch[POWER])


@helper
def _power(cosine: Any, m: int, sign: Any, zeta: Any, power: Any) -> None:
    """(1 + λ cos)^(ζ-1)."""
    real = cosine.dtype.type
    one, zero = real(1.0), real(0.0)
    if zeta == one:
        _set(power, m, one)
    elif zeta == real(2.0):
        for i in range(m):
            power[i] = one + sign * cosine[i]
    elif zeta == real(4.0):
        for i in range(m):
            base = one + sign * cosine[i]
            power[i] = base * base * base
    elif zeta == math.floor(zeta):
        _whole_power(cosine, m, sign, np.int64(zeta) - 1, power)
    else:
        for i in range(m):
            power[i] = max(one + sign * cosine[i], zero) ** (zeta - one)


@helper
def _whole_power(cosine: Any, m: int, sign: Any, exponent: int, power: Any) -> None:
    """(1 + λ cos)^exponent by repeated squaring, one bit of the exponent after the other from the highest."""
    real = cosine.dtype.type
    _set(power, m, real(1.0))
    bit = 1
    while 2 * bit <= exponent:
        bit *= 2
    while bit:
        for i in range(m):
            power[i] *= power[i]
        if exponent & bit:
            for i in range(m):
                power[i] *= real(1.0) + sign * cosine[i]
        bit //= 2


@helper
def _sum(batch: Any, m: int, sign: Any, window: bool) -> Any:
    term, power, cosine = batch[TERM], batch[POWER], batch[COSINE]
    total, one = batch.dtype.type(0.0), batch.dtype.type(1.0)
    if window:
        for i in range(m):
            total += term[i] * power[i]
    else:
        for i in range(m):
            total += term[i] * power[i] * (one + sign * cosine[i])
    return total


@helper
def _add_power(batch: Any, m: int, factor: Any, sign: Any, zeta: Any) -> None:
    term, power, cosine, part, by_cosine = batch[TERM], batch[POWER], batch[COSINE], batch[PART], batch[C]
    one, slope = batch.dtype.type(1.0), factor * sign * zeta
    for i in range(m):
        part[i] += factor * term[i] * power[i] * (one + sign * cosine[i])
    for i in range(m):
        by_cosine[i] += slope * term[i] * power[i]


@helper
def _add_window(batch: Any, m: int, factor: Any) -> None:
    term, power, part, by_cosine = batch[TERM], batch[POWER], batch[PART], batch[C]
    slope, inverse_sine = batch[ANGLE_SLOPE], batch[INVERSE_SINE]
    for i in range(m):
        part[i] += factor * term[i] * power[i]
    for i in range(m):
        by_cosine[i] -= factor * term[i] * power[i] * slope[i] * inverse_sine[i]


@helper
def _add_shell(batch: Any, m: int, eta: Any) -> None:
    part, total, by_exponent = batch[PART], batch[T], batch[U]
    factor = batch.dtype.type(-2.0) * eta
    for i in range(m):
        total[i] += part[i]
    for i in range(m):
        by_exponent[i] += factor * part[i]


@helper
def _combine(batch: Any, m: int, narrow: int, shift: Any) -> None:
    real = batch.dtype.type
    one, zero = real(1.0), real(0.0)
    total, along, across, part, alone = batch[T], batch[U], batch[C], batch[PART], batch[B]
    cosine, inverses, third, third_slope, term = (
        batch[COSINE],
        batch[INVERSES],
        batch[THIRD],
        batch[THIRD_SLOPE],
        batch[TERM],
    )
    for i in range(m):
        part[i] = across[i] * cosine[i]
    for i in range(m):
        alone[i] = along[i]
    if narrow:
        for i in range(m):
            term[i] = one / third[i]
        for i in range(m):
            term[i] = along[i] * (one - shift * term[i]) + total[i] * third_slope[i] * term[i]
    else:
        _set(term, m, zero)
    for i in range(m):
        across[i] = across[i] * inverses[i] - term[i]
    for i in range(m):
        along[i] += term[i]


@helper
def _scatter(batch: Any, seconds: Any, starts: Any, j: int, stop: int, first: Any, second: Any) -> None:
    """Add α r_ij + β r_ik of the entries j to stop - 1 to both lists, as factors of r and sums of other vectors."""
    along, total, part, across = batch[U], batch[T], batch[PART], batch[C]
    zero = batch.dtype.type(0.0)
    x, y, z, slope, inverse2 = second[X], second[Y], second[Z], second[SLOPE], second[INVERSE2]
    to_along, to_x, to_y, to_z = second[ALONG], second[ACROSS_X], second[ACROSS_Y], second[ACROSS_Z]
    for entry in range(j, stop):
        x_j, y_j, z_j = first[X, entry], first[Y, entry], first[Z, entry]
        sum_along, sum_x, sum_y, sum_z = zero, zero, zero, zero
        slope_j, inverse2_j = first[SLOPE, entry], first[INVERSE2, entry]
        for i in range(starts[entry], starts[entry + 1]):
            k, beta = seconds[i], across[i]
            to_along[k] += along[i] + slope[k] * total[i] - inverse2[k] * part[i]
            to_x[k] += beta * x_j
            to_y[k] += beta * y_j
            to_z[k] += beta * z_j
            sum_along += along[i] + slope_j * total[i] - inverse2_j * part[i]
            sum_x += beta * x[k]
            sum_y += beta * y[k]
            sum_z += beta * z[k]
        first[ALONG, entry] += sum_along
        first[ACROSS_X, entry] += sum_x
        first[ACROSS_Y, entry] += sum_y
        first[ACROSS_Z, entry] += sum_z


@helper
def _scatter_shift(
    alone: Any, seconds: Any, starts: Any, j: int, stop: int, first: Any, second: Any, shift: Any
) -> None:
    """-U r_s / r of both distances: what r_s changes in α."""
    for entry in range(j, stop):
        for i in range(starts[entry], starts[entry + 1]):
            k = seconds[i]
            second[ALONG, k] -= shift * second[INVERSE, k] * alone[i]
            first[ALONG, entry] -= shift * first[INVERSE, entry] * alone[i]
