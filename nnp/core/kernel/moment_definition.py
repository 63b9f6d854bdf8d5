"""From moment functions in a manifest (``nnp.learn.symmetry_functions``) to the tables that the compiled loops read.

The formulas are those of ``nnp.learn.angular``, ``contraction`` and ``four_body``; engines are tested against each
other. What is sparse (harmonics from monomials, their slopes, couplings) is kept as rows of non-zero factors.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nnp.core import harmonics
from nnp.core.behler_names import CUTOFF_TYPES
from nnp.core.kernel.definition import COLUMNS

CUTOFF_FUNCTIONS = ("polynomial", "polynomial7", "tanh_cubed")
"""Those that both kinds of functions have."""
LANES = {"float32": 8, "float64": 4}
"""Atoms side by side: numbers in a vector (``vectors``)."""
ROUNDING = 1e-12
"""Couplings below this are zero."""
Array = npt.NDArray[Any]


class Neighbours(NamedTuple):
    """What the loops over the neighbours read: E elements, n channels, Q monomials padded to a multiple of 4."""

    windows: Array  # as ``definition.Tables``: the cutoff function,
    lists: Array  # one list for each element,
    weights: Array  # and no weights
    radial: Array  # Gaussians of the radial functions
    channels: Array  # (n,) Gaussians of the moments
    monomials: Array  # (Q,) from which other monomial each comes, by which component of u_ij
    degree: int  # L, or -1 without angular functions


class Sparse(NamedTuple):
    """A matrix by rows: entries start[i] to start[i + 1] - 1 belong to row i."""

    start: Array
    entries: Array


class Invariants(NamedTuple):
    """What the rest reads: G groups of neighbours, C = G·n channels of moments, Y harmonics, D functions."""

    member: Array  # (G, E) weight of an element's neighbours in a group
    radial_column: Array  # (G,) of its first radial function, or -1
    radial: int  # radial functions of a group
    channels: int  # n
    degree: int  # L
    harmonics: Sparse  # (Y, Q)
    monomials: Sparse  # (Q, Y) its transpose
    slopes: Sparse  # (3 Q, Q) ∂/∂u_k of dE/dM
    pairs: Array
    legendre: Array  # (F, L + 1) of p_l
    own: Array  # (F,) w, of the self sum that is subtracted
    mixtures: Array  # (K, C)
    products: Array  # of three moments of a mixture
    triples_column: int  # of the first four-body function
    triples: int  # four-body functions of a mixture
    size: int  # D


RECORDS: dict[str, dict[str, type[int] | type[float]]] = {
    "gaussians": {"eta": float, "shift": float},
    "monomials": {"parent": int, "axis": int},
    "entries": {"column": int, "factor": float},
    # numbers of group and channel; factor κ of p_l, and of S where a function contains it; columns of F and of S or -1
    "pairs": {
        "first_group": int,
        "first": int,
        "second_group": int,
        "second": int,
        "factor": float,
        "own": float,
        "column": int,
        "own_column": int,
    },
    "products": {"function": int, "first": int, "second": int, "third": int, "factor": float},
}


def known(fields: dict[str, Any]) -> bool:
    """Whether the compiled functions know a definition."""
    if fields.get("kind") != "moments" or fields["cutoff_function"] not in CUTOFF_FUNCTIONS:
        return False
    part = fields["angular"]
    channels = [*fields["radial"], *([] if part is None else part["channels"])]
    gaussians = not any("order" in channel for channel in channels)
    kinds = part is None or part["kind"] in ("power_spectrum", "wide")
    return gaussians and kinds and "angular_pairs" not in fields


def neighbours(fields: dict[str, Any], dtype: npt.DTypeLike) -> Neighbours:
    """The tables of the loops over the neighbours.

    Args:
        fields: ``Manifest.symmetry_functions``, ``known``.
        dtype: of the parameters.
    """
    real, part, cutoff = np.dtype(dtype), fields["angular"], float(fields["cutoff"])
    windows = [(CUTOFF_TYPES.index(fields["cutoff_function"]), 0, 0.0, 1.0 / cutoff, -1.0, cutoff)]
    elements = len(fields["elements"])
    degree = _degree(part)
    powers = _powers(degree)
    axis = [2 if c else 0 if a else 1 for a, _, c in powers]
    lower = [(a - (k == 0), b - (k == 1), c - (k == 2)) for (a, b, c), k in zip(powers, axis, strict=True)]
    parent = [powers.index(one) if one in powers else 0 for one in lower]
    return Neighbours(
        windows=records("windows", windows, real, COLUMNS),
        lists=records("lists", [(element, 0) for element in range(elements)], real, COLUMNS),
        weights=np.ones(elements, real),
        radial=_gaussians(fields["radial"], real),
        channels=_gaussians([] if part is None else part["channels"], real),
        monomials=records("monomials", [*zip(parent, axis, strict=True), *[(0, 0)] * (-len(powers) % 4)], real),
        degree=degree,
    )


def invariants(fields: dict[str, Any], dtype: npt.DTypeLike) -> Invariants:
    """The tables of what is made from the sums over the neighbours; arguments as of ``neighbours``."""
    real, part, elements = np.dtype(dtype), fields["angular"], list(fields["elements"])
    weighted = fields.get("element_channels")
    member = np.eye(len(elements)) if weighted is None else np.array(weighted)
    kept = fields.get("radial_elements")
    groups = elements if weighted is None else [None] * len(member)
    has_radial = np.array([kept is None or group in kept for group in groups])
    radial, n = len(fields["radial"]), 0 if part is None else len(part["channels"])
    column = int(has_radial.sum()) * radial
    change, slopes = _harmonics(_degree(part))
    legendre, own = _legendre(part)
    pairs, column = _pairs(part, len(member), weighted is not None, column, len(legendre))
    mixtures, products, triples = _four_body(part, len(member) * n)
    return Invariants(
        member=np.ascontiguousarray(member, real),
        radial_column=np.where(has_radial, (np.cumsum(has_radial) - 1) * radial, -1),
        radial=radial,
        channels=n,
        degree=_degree(part),
        harmonics=_sparse(change.T, real),
        monomials=_sparse(change, real),
        slopes=_sparse(slopes, real),
        pairs=records("pairs", pairs, real),
        legendre=np.ascontiguousarray(legendre, real),
        own=np.ascontiguousarray(own, real),
        mixtures=np.ascontiguousarray(mixtures, real),
        products=records("products", products, real),
        triples_column=column,
        triples=triples,
        size=column + len(mixtures) * triples,
    )


def records(name: str, rows: Sequence[tuple[float, ...]], real: np.dtype[Any], columns: Any = None) -> Array:
    """An array of records, of ``RECORDS`` or of other columns."""
    types = [(key, real if kind is float else np.int64) for key, kind in (columns or RECORDS)[name].items()]
    return np.array(rows, np.dtype(types, align=True))


def _gaussians(channels: Sequence[dict[str, float]], real: np.dtype[Any]) -> Array:
    return records("gaussians", [(one.get("eta", 0.0), one.get("shift", 0.0)) for one in channels], real)


def _degree(part: dict[str, Any] | None) -> int:
    return -1 if part is None else int(part["l_max"] if part["kind"] == "power_spectrum" else max(part["zetas"]))


def _powers(degree: int) -> list[tuple[int, int, int]]:
    """Exponents of the monomials by total degree."""
    return sorted(harmonics.exponents(degree), key=sum) if degree >= 0 else []


def _harmonics(degree: int) -> tuple[Array, Array]:
    """Harmonics (Q, Y) as sums of monomials, and the slopes (3 Q, Q) of monomials."""
    if degree < 0:
        return np.zeros((0, 0)), np.zeros((0, 0))
    order = [harmonics.exponents(degree).index(powers) for powers in _powers(degree)]
    padding = (0, -len(order) % 4)
    change = np.pad(harmonics.harmonics(degree)[order], (padding, (0, 0)))
    derivative = harmonics.derivatives(degree)[:, order][:, :, order]
    slopes = np.pad(derivative.transpose(0, 2, 1), ((0, 0), padding, padding))
    return change, slopes.reshape(-1, len(change))


def _legendre(part: dict[str, Any] | None) -> tuple[Array, Array]:
    """Coefficients (F, L + 1) of the Legendre polynomials, and weights (F,) of the self sum that is subtracted."""
    if part is None:
        return np.zeros((0, 0)), np.zeros(0)
    degree, rows, own = _degree(part), [], []
    if part["kind"] == "power_spectrum":
        return np.eye(degree + 1), np.full(degree + 1, float(part["self_sums"] == "subtract"))
    for zeta, sign in itertools.product(part["zetas"], part["lambdas"]):
        powers = [math.comb(zeta, k) * float(sign) ** k * 2.0 ** (1 - zeta) for k in range(zeta + 1)]
        row = np.polynomial.legendre.poly2leg(powers)
        rows.append(np.pad(row, (0, degree + 1 - len(row))))
        own.append(2.0 ** (1 - zeta) * (1.0 + sign) ** zeta)
    return np.array(rows), np.array(own)


def _pairs(
    part: dict[str, Any] | None, groups: int, weighted: bool, column: int, functions: int
) -> tuple[list[tuple[float, ...]], int]:
    """Records of the pairs of channels whose functions begin at a column, and the column after all of them."""
    if part is None:
        return [], column
    n, spectrum = len(part["channels"]), part["kind"] == "power_spectrum"
    if spectrum:
        every = itertools.combinations_with_replacement(itertools.product(range(groups), range(n)), 2)
        pairs = [(a, b) for a, b in every if part["cross"] or a[1] == b[1]]
    else:
        both = itertools.combinations_with_replacement(range(groups), 2)
        pairs = [((e, c), (f, c)) for e, f in both for c in range(n)]
    appends = part.get("self_sums") == "append"
    found: list[tuple[float, ...]] = []
    last = column + len(pairs) * functions
    for number, (a, b) in enumerate(pairs):
        same = a[0] == b[0]
        factor = 1.0 if spectrum or not same else 0.5
        shared = same or (weighted and not appends)
        own_column = last if appends and same else -1
        last += appends and same
        found.append((*a, *b, factor, factor * shared, column + number * functions, own_column))
    return found, last


def _four_body(part: dict[str, Any] | None, channels: int) -> tuple[Array, list[tuple[float, ...]], int]:
    """Mixtures (K, C), records of products of three harmonics, and the number of functions of a mixture."""
    fields = None if part is None else part.get("four_body")
    if fields is None:
        return np.zeros((0, channels)), [], 0
    factors: dict[tuple[int, ...], float] = {}
    every = harmonics.triples(fields["l_max"])
    for number, degrees in enumerate(every):
        for m, factor in np.ndenumerate(harmonics.coupling(*degrees)):
            if abs(factor) > ROUNDING:
                key = (number, *sorted(degree**2 + one for degree, one in zip(degrees, m, strict=True)))
                factors[key] = factors.get(key, 0.0) + float(factor)
    mixtures = np.eye(channels) if fields["mixtures"] is None else np.array(fields["mixtures"])
    return mixtures, [(*key, factor) for key, factor in factors.items()], len(every)


def _sparse(matrix: Array, real: np.dtype[Any]) -> Sparse:
    rows, columns = np.nonzero(matrix)
    start = np.searchsorted(rows, np.arange(len(matrix) + 1)).astype(np.int64)
    return Sparse(
        start, records("entries", list(zip(columns.tolist(), matrix[rows, columns].tolist(), strict=True)), real)
    )
