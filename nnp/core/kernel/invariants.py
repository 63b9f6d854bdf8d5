"""From the sums over the neighbours to moment functions and back, for as many atoms at once as a vector holds.

A_a,lm harmonics of the sums M, p_l(a, b) = Σ_m A_a,lm A_b,lm, G = κ Σ_l T_F,l p_l - w κ S, then κ S of the pairs whose
self sums are functions, then four-body products of mixtures of the A (``nnp.learn.angular``, ``four_body``). Every
number below stands for one of each atom: the last axis of all arrays is the lane.
"""

from typing import Any

from nnp.core.kernel.elementary import helper
from nnp.core.kernel.vectors import lanes, load, spread, store


@helper
def values(t: Any, sums: Any, moments: Any, mixed: Any, G: Any) -> None:
    """Write the moments A and the functions G.

    Args:
        t: ``moment_definition.Invariants``.
        sums: (E, n_radial + n² + n Q, lanes) flat, of ``neighbour_sums.add_sums``.
        moments: (C, Y, lanes) flat, result.
        mixed: (K, Y, lanes) flat, scratch.
        G: (D, lanes) flat, result.
    """
    _radial(t, sums, G)
    if t.degree < 0:
        return
    _harmonics(t, sums, moments)
    _pairs(t, sums, moments, G)
    _mix(t, moments, mixed)
    _triples(t, mixed, G)


@helper
def _zero(array: Any) -> Any:
    return spread(array.dtype.type(0.0))


@helper
def sum_rows(t: Any) -> int:
    """Sums of one element."""
    n = t.channels
    return t.radial + n * n + n * (t.monomials.start.size - 1)


@helper
def _radial(t: Any, sums: Any, G: Any) -> None:
    width, rows = lanes(G), sum_rows(t)
    for g in range(t.radial_column.size):
        if t.radial_column[g] >= 0:
            for f in range(t.radial):
                found = _zero(G)
                for e in range(t.member.shape[1]):
                    found = found + spread(t.member[g, e]) * load(sums, (e * rows + f) * width)
                store(G, (t.radial_column[g] + f) * width, found)


@helper
def _harmonics(t: Any, sums: Any, moments: Any) -> None:
    width, rows, n, harmonics = lanes(moments), sum_rows(t), t.channels, t.harmonics.start.size - 1
    monomials = t.monomials.start.size - 1
    first = t.radial + n * n
    for g in range(t.radial_column.size):
        for c in range(n):
            for y in range(harmonics):
                found = _zero(moments)
                for e in range(t.member.shape[1]):
                    if t.member[g, e] != 0:
                        start, here = e * rows + first + c * monomials, _zero(moments)
                        for i in range(t.harmonics.start[y], t.harmonics.start[y + 1]):
                            row = start + t.harmonics.entries[i].column
                            here = here + spread(t.harmonics.entries[i].factor) * load(sums, row * width)
                        found = found + spread(t.member[g, e]) * here
                store(moments, ((g * n + c) * harmonics + y) * width, found)


@helper
def _pairs(t: Any, sums: Any, moments: Any, G: Any) -> None:
    """κ Σ_l T_F,l p_l - w κ S of every pair, and κ S where it is a function."""
    width, harmonics, n = lanes(G), t.harmonics.start.size - 1, t.channels
    for p in range(t.pairs.size):
        pair = t.pairs[p]
        a, b = (pair.first_group * n + pair.first) * harmonics, (pair.second_group * n + pair.second) * harmonics
        own = _self_sum(t, sums, p)
        if pair.own_column >= 0:
            store(G, pair.own_column * width, own)
        for f in range(t.own.size):
            store(G, (pair.column + f) * width, _zero(G) - spread(t.own[f]) * own)
        for degree in range(t.degree + 1):
            found = _zero(G)
            for y in range(degree * degree, (degree + 1) * (degree + 1)):
                found = found + load(moments, (a + y) * width) * load(moments, (b + y) * width)
            for f in range(t.own.size):
                factor = t.legendre[f, degree] * pair.factor
                if factor != 0:
                    at = (pair.column + f) * width
                    store(G, at, load(G, at) + spread(factor) * found)


@helper
def _self_sum(t: Any, sums: Any, p: int) -> Any:
    """κ S of a pair."""
    width, rows, found, pair = lanes(sums), sum_rows(t), _zero(sums), t.pairs[p]
    place = t.radial + pair.first * t.channels + pair.second
    for e in range(t.member.shape[1]):
        weight = t.member[pair.first_group, e] * t.member[pair.second_group, e] * pair.own
        if weight != 0:
            found = found + spread(weight) * load(sums, (e * rows + place) * width)
    return found


@helper
def _mix(t: Any, moments: Any, mixed: Any) -> None:
    width, harmonics = lanes(mixed), t.harmonics.start.size - 1
    for k in range(t.mixtures.shape[0]):
        for y in range(harmonics):
            found = _zero(mixed)
            for a in range(t.mixtures.shape[1]):
                if t.mixtures[k, a] != 0:
                    found = found + spread(t.mixtures[k, a]) * load(moments, (a * harmonics + y) * width)
            store(mixed, (k * harmonics + y) * width, found)


@helper
def _triples(t: Any, mixed: Any, G: Any) -> None:
    width, harmonics, start = lanes(G), t.harmonics.start.size - 1, t.triples_column
    for k in range(t.mixtures.shape[0]):
        for f in range(t.triples):
            store(G, (start + k * t.triples + f) * width, _zero(G))
        first = k * harmonics
        for i in range(t.products.size):
            at = (start + k * t.triples + t.products[i].function) * width
            a, b, c = first + t.products[i].first, first + t.products[i].second, first + t.products[i].third
            product = load(mixed, a * width) * load(mixed, b * width) * load(mixed, c * width)
            store(G, at, load(G, at) + spread(t.products[i].factor) * product)


@helper
def factors(t: Any, moments: Any, mixed: Any, seeds: Any, slopes: Any, dE_dG: Any, result: Any) -> None:
    """Write what ``neighbour_sums.add_gradients`` needs, from dE/dG.

    Args:
        t: ``moment_definition.Invariants``.
        moments: (C, Y, lanes) flat, of ``values``.
        mixed: (K, Y, lanes) flat, scratch.
        seeds: (K, Y, lanes) flat, scratch.
        slopes: (C, Y, lanes) flat, scratch: dE/dA.
        dE_dG: (D, lanes) flat.
        result: (E, n_radial + n² + 4 n Q, lanes) flat.
    """
    _radial_factors(t, dE_dG, result)
    if t.degree < 0:
        return
    _pair_slopes(t, moments, dE_dG, slopes, result)
    _mix(t, moments, mixed)
    _triple_slopes(t, mixed, seeds, dE_dG, slopes)
    _moment_factors(t, slopes, result)


@helper
def factor_rows(t: Any) -> int:
    """Factors of one element."""
    n = t.channels
    return t.radial + n * n + 4 * n * (t.monomials.start.size - 1)


@helper
def _radial_factors(t: Any, dE_dG: Any, result: Any) -> None:
    width, rows = lanes(result), factor_rows(t)
    for e in range(t.member.shape[1]):
        for f in range(t.radial):
            found = _zero(result)
            for g in range(t.radial_column.size):
                if t.radial_column[g] >= 0:
                    found = found + spread(t.member[g, e]) * load(dE_dG, (t.radial_column[g] + f) * width)
            store(result, (e * rows + f) * width, found)


@helper
def _pair_slopes(t: Any, moments: Any, dE_dG: Any, slopes: Any, result: Any) -> None:
    """dE/dA of the functions of pairs, and D: what κ S passes to the two channels, for every element."""
    width, harmonics, n = lanes(slopes), t.harmonics.start.size - 1, t.channels
    for y in range(t.member.shape[0] * n * harmonics):
        store(slopes, y * width, _zero(slopes))
    for e in range(t.member.shape[1]):
        for i in range(n * n):
            store(result, (e * factor_rows(t) + t.radial + i) * width, _zero(result))
    for p in range(t.pairs.size):
        pair = t.pairs[p]
        a, b = (pair.first_group * n + pair.first) * harmonics, (pair.second_group * n + pair.second) * harmonics
        for degree in range(t.degree + 1):
            found = _zero(slopes)
            for f in range(t.own.size):
                factor = t.legendre[f, degree] * pair.factor
                if factor != 0:
                    found = found + spread(factor) * load(dE_dG, (pair.column + f) * width)
            for y in range(degree * degree, (degree + 1) * (degree + 1)):
                to_a, to_b = (a + y) * width, (b + y) * width
                A, B = load(moments, to_a), load(moments, to_b)
                store(slopes, to_a, load(slopes, to_a) + found * B)
                store(slopes, to_b, load(slopes, to_b) + found * A)
        own = load(dE_dG, pair.own_column * width) if pair.own_column >= 0 else _zero(dE_dG)
        for f in range(t.own.size):
            if t.own[f] != 0:
                own = own - spread(t.own[f]) * load(dE_dG, (pair.column + f) * width)
        _add_self_sum(t, p, own, result)


@helper
def _add_self_sum(t: Any, p: int, own: Any, result: Any) -> None:
    width, pair = lanes(result), t.pairs[p]
    for e in range(t.member.shape[1]):
        weight = t.member[pair.first_group, e] * t.member[pair.second_group, e] * pair.own
        if weight != 0:
            start = e * factor_rows(t) + t.radial
            one = (start + pair.first * t.channels + pair.second) * width
            other = (start + pair.second * t.channels + pair.first) * width
            store(result, one, load(result, one) + spread(weight) * own)
            store(result, other, load(result, other) + spread(weight) * own)


@helper
def _triple_slopes(t: Any, mixed: Any, seeds: Any, dE_dG: Any, slopes: Any) -> None:
    width, harmonics, start = lanes(slopes), t.harmonics.start.size - 1, t.triples_column
    for y in range(t.mixtures.shape[0] * harmonics):
        store(seeds, y * width, _zero(seeds))
    for k in range(t.mixtures.shape[0]):
        first = k * harmonics
        for i in range(t.products.size):
            seed = load(dE_dG, (start + k * t.triples + t.products[i].function) * width) * spread(t.products[i].factor)
            a, b, c = first + t.products[i].first, first + t.products[i].second, first + t.products[i].third
            A, B, C = load(mixed, a * width), load(mixed, b * width), load(mixed, c * width)
            store(seeds, a * width, load(seeds, a * width) + seed * B * C)
            store(seeds, b * width, load(seeds, b * width) + seed * A * C)
            store(seeds, c * width, load(seeds, c * width) + seed * A * B)
        for a in range(t.mixtures.shape[1]):
            if t.mixtures[k, a] != 0:
                weight = spread(t.mixtures[k, a])
                for y in range(harmonics):
                    at = (a * harmonics + y) * width
                    store(slopes, at, load(slopes, at) + weight * load(seeds, (first + y) * width))


@helper
def _moment_factors(t: Any, slopes: Any, result: Any) -> None:
    """K⁰ = dE/dM and its slopes by the components of u."""
    width, n, harmonics = lanes(result), t.channels, t.harmonics.start.size - 1
    monomials = t.monomials.start.size - 1
    for e in range(t.member.shape[1]):
        for c in range(n):
            first = e * factor_rows(t) + t.radial + n * n + 4 * c * monomials
            for q in range(monomials):
                found = _zero(result)
                for g in range(t.radial_column.size):
                    if t.member[g, e] != 0:
                        start, here = (g * n + c) * harmonics, _zero(result)
                        for i in range(t.monomials.start[q], t.monomials.start[q + 1]):
                            row = start + t.monomials.entries[i].column
                            here = here + spread(t.monomials.entries[i].factor) * load(slopes, row * width)
                        found = found + spread(t.member[g, e]) * here
                store(result, (first + 4 * q) * width, found)
            for axis in range(3):
                for q in range(monomials):
                    row, found = axis * monomials + q, _zero(result)
                    for i in range(t.slopes.start[row], t.slopes.start[row + 1]):
                        source = (first + 4 * t.slopes.entries[i].column) * width
                        found = found + spread(t.slopes.entries[i].factor) * load(result, source)
                    store(result, (first + 4 * q + axis + 1) * width, found)
