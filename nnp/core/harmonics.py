"""Real harmonics on the unit sphere as sums of monomials.

The monomials x^a y^b z^c with c <= 1 and degree <= L are (L+1)² polynomials that span the harmonics of degree <= L on
the unit sphere, and they are closed under d/dx, d/dy, d/dz: one array of monomials gives values and slopes.
"""

import itertools
import math
from collections import defaultdict

import numpy as np

Polynomial = dict[tuple[int, int, int], float]


def exponents(degree: int) -> list[tuple[int, int, int]]:
    """Exponents (a, b, c) of the monomials, in their order."""
    plane = [(order - b, b, 0) for order in range(degree + 1) for b in range(order + 1)]
    return plane + [(a, b, 1) for a, b, _ in plane if a + b < degree]


def derivatives(degree: int) -> np.ndarray:
    """(3, Q, Q): d monomial_q / dx_k = Σ_q' D[k, q, q'] monomial_q'."""
    index = {powers: q for q, powers in enumerate(exponents(degree))}
    result = np.zeros((3, len(index), len(index)))
    for powers, q in index.items():
        for axis in range(3):
            if powers[axis]:
                lower = [p - (k == axis) for k, p in enumerate(powers)]
                result[axis, q, index[lower[0], lower[1], lower[2]]] = powers[axis]
    return result


def harmonics(degree: int) -> np.ndarray:
    """(Q, (L+1)²): real harmonics as sums of monomials, Y_lm = Σ_q monomial_q H[q, lm], Σ_m Y_lm(u) Y_lm(v) = P_l(u·v).

    Y_lm = N_lm d^m P_l(z)/dz^m Re|Im (x+iy)^m with N² = (2-δ_m0) (l-m)!/(l+m)!, and z² = 1 - x² - y².
    """
    index = {powers: q for q, powers in enumerate(exponents(degree))}
    result = np.zeros((len(index), (degree + 1) ** 2))
    column = 0
    for order in range(degree + 1):
        for m in range(-order, order + 1):
            for powers, factor in _reduced(_harmonic(order, m)).items():
                result[index[powers], column] += factor
            column += 1
    return result


def triples(l_max: int) -> list[tuple[int, int, int]]:
    """(l1, l2, l3) with 1 <= l1 <= l2 <= l3 <= l_max, even sum and l3 <= l1 + l2."""
    every = itertools.combinations_with_replacement(range(1, l_max + 1), 3)
    return [(a, b, c) for a, b, c in every if (a + b + c) % 2 == 0 and c <= a + b]


def coupling(l1: int, l2: int, l3: int) -> np.ndarray:
    """(2l1+1, 2l2+1, 2l3+1): C of the module's formula, by a quadrature on the sphere that is exact."""
    order = l1 + l2 + l3
    z, weights = np.polynomial.legendre.leggauss(order // 2 + 1)
    phi = 2.0 * np.pi * np.arange(order + 1) / (order + 1)
    plane = np.sqrt(1.0 - z * z)
    unit = np.stack([np.outer(plane, np.cos(phi)), np.outer(plane, np.sin(phi)), np.outer(z, np.ones_like(phi))])
    degree = max(l1, l2, l3)
    powers = np.array([np.prod(unit ** np.array(p)[:, None, None], axis=0) for p in exponents(degree)])
    values = np.einsum("qab,qy->yab", powers, harmonics(degree))
    blocks = [values[degree**2 : (degree + 1) ** 2] for degree in (l1, l2, l3)]
    integral = np.einsum("iab,jab,kab,a->ijk", *blocks, weights) / (2.0 * (order + 1))
    legendre = [np.polynomial.legendre.legval(z, np.eye(degree + 1)[degree]) for degree in (l1, l2, l3)]
    return integral / (0.5 * np.sum(weights * np.prod(legendre, axis=0)))


def _harmonic(order: int, m: int) -> Polynomial:
    k = abs(m)
    norm = math.sqrt((1 if m == 0 else 2) * math.factorial(order - k) / math.factorial(order + k))
    along_z = np.polynomial.legendre.leg2poly([0.0] * order + [1.0])
    along_z = np.polynomial.polynomial.polyder(along_z, k) if k else along_z
    result: Polynomial = defaultdict(float)
    for b in range(k + 1):
        if (b % 2 == 1) == (m < 0):  # i^b is real for even b: the cosine-like functions
            sign = -1.0 if b % 4 in (2, 3) else 1.0
            for c, factor in enumerate(along_z):
                result[k - b, b, c] += norm * sign * math.comb(k, b) * float(factor)
    return result


def _reduced(polynomial: Polynomial) -> Polynomial:
    """The same polynomial on the unit sphere with powers of z below 2."""
    result: Polynomial = defaultdict(float)
    for (a, b, c), factor in polynomial.items():
        for i in range(c // 2 + 1):
            for j in range(c // 2 - i + 1):
                rest = c // 2 - i - j
                many = math.factorial(c // 2) / (math.factorial(i) * math.factorial(j) * math.factorial(rest))
                result[a + 2 * i, b + 2 * j, c % 2] += factor * many * (-1.0) ** (i + j)
    return {powers: factor for powers, factor in result.items() if factor != 0.0}
