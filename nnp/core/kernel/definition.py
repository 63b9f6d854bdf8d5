"""From the symmetry functions in a manifest to the flat tables that the compiled loops read.

What functions share is listed once: a *window* is a cutoff function or a compact core with its radii, a *list* is the
neighbours of one element (or of all, weighted by atomic number) inside one window, a *group* is a pair of lists whose
triplets several angular functions sum over, and its *shells* are the distinct exponents η in it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from ase.data import atomic_numbers

from nnp.core.behler_names import CORES, CUTOFF_TYPES, WITHOUT_INNER_RADIUS

RADIAL, NARROW, WIDE = (2, 12, 20, 23), (3, 13, 21, 24), (9, 22, 25)
WEIGHTED, COMPACT = (12, 13, 23, 24, 25), (20, 21, 22, 23, 24, 25)
EVERY_ELEMENT = -1
MOST_NEIGHBOURS = 4096
"""A wider neighbour table is left to the graph."""

Rows = npt.NDArray[Any]


class Tables(NamedTuple):
    """The functions of all centre elements as arrays of records; x_start has one entry more than x has owners."""

    windows: Rows
    lists: Rows
    list_start: Rows  # by centre element
    weights: Rows  # atomic number of each element
    radials: Rows
    radial_start: Rows  # by centre element
    groups: Rows
    group_start: Rows  # by centre element
    shells: Rows
    shell_start: Rows  # by group
    angulars: Rows
    angular_start: Rows  # by shell


COLUMNS: dict[str, dict[str, type[int] | type[float]]] = {
    # folded 1: a core of |r - centre|, 2: with argument (2 - t) t; 0: a cutoff function of r - centre, its inner radius
    "windows": {"shape": int, "folded": int, "centre": float, "inverse": float, "lower": float, "upper": float},
    "lists": {"element": int, "window": int},
    "radials": {"list": int, "eta": float, "shift": float, "column": int},
    "groups": {"first": int, "second": int, "narrow": int, "shift": float},
    "shells": {"eta": float},
    # shape of a window over the angle with its centre (radian) and 1 / half-width, or -1 for (1 + λ cos)^ζ
    "angulars": {
        "shape": int,
        "centre": float,
        "inverse": float,
        "sign": float,
        "zeta": float,
        "factor": float,
        "column": int,
    },
}


def size(fields: dict[str, Any]) -> int:
    """Number D of columns, the most functions of a centre element; 0 where the kernel does not know the kind."""
    return max((len(functions) for functions in _functions(fields) or []), default=0)


def tables(fields: dict[str, Any], dtype: npt.DTypeLike) -> Tables:
    """The tables of a definition of which ``size`` is not 0.

    Args:
        fields: ``Manifest.symmetry_functions``.
        dtype: of the parameters.
    """
    elements = list(fields["elements"])
    collected = _Collected(elements=elements)
    for functions in _functions(fields) or []:
        collected.add_centre(functions)
    return collected.tables(np.dtype(dtype))


def _functions(fields: dict[str, Any]) -> list[list[dict[str, Any]]] | None:
    """The functions of every centre element, or None where one is of an unknown kind."""
    if fields.get("kind") == "behler":
        per_element = [fields] * len(fields["elements"])
    elif fields.get("kind") == "by_centre":
        per_element = [fields["descriptors"][element] for element in fields["elements"]]
    else:
        return None
    known = all(
        one.get("kind") == "behler" and list(one["elements"]) == list(fields["elements"]) for one in per_element
    )
    types = {f["type"] for one in per_element for f in one.get("functions", [])}
    return [one["functions"] for one in per_element] if known and types <= {*RADIAL, *NARROW, *WIDE} else None


Angular = tuple[int, float, float, float, float, float, int]
GroupKey = tuple[int, int, bool, float]
"""The two lists, whether the third distance counts, and r_s."""


@dataclass
class _Collected:
    """What ``add_centre`` gathers from one centre element after the other."""

    elements: list[str]
    windows: list[tuple[int, int, float, float, float, float]] = field(default_factory=list)
    lists: list[tuple[int, int]] = field(default_factory=list)
    list_start: list[int] = field(default_factory=lambda: [0])
    radial: list[tuple[int, float, float, int]] = field(default_factory=list)
    radial_start: list[int] = field(default_factory=lambda: [0])
    groups: list[tuple[GroupKey, dict[float, list[Angular]]]] = field(default_factory=list)
    group_start: list[int] = field(default_factory=lambda: [0])

    def add_centre(self, functions: Sequence[dict[str, Any]]) -> None:
        """The functions of the next centre element, in the order of their columns."""
        mine: dict[tuple[int, int], int] = {}
        groups: dict[GroupKey, dict[float, list[Angular]]] = {}
        for column, function in enumerate(functions):
            window = self._window(function)
            names = function.get("neighbours", ())
            wanted = [EVERY_ELEMENT] if function["type"] in WEIGHTED else [self.elements.index(name) for name in names]
            lists = [mine.setdefault((element, window), len(self.lists) + len(mine)) for element in wanted]
            eta, shift = function.get("eta", 0.0), function.get("shift", 0.0)
            if function["type"] in RADIAL:
                self.radial.append((lists[0], eta, shift, column))
                continue
            key = (lists[0], lists[-1], function["type"] in NARROW, shift)
            groups.setdefault(key, {}).setdefault(eta, []).append(_angular(function, column))
        self.lists += list(mine)
        self.groups += list(groups.items())
        self.list_start.append(len(self.lists))
        self.radial_start.append(len(self.radial))
        self.group_start.append(len(self.groups))

    def _window(self, function: dict[str, Any]) -> int:
        """Index of the window of a function; a new one where it is the first with it."""
        upper = float(function["cutoff"])
        if function["type"] in COMPACT:
            core, lower = function.get("core", "p2"), float(function.get("lower", 0.0))
            shape, folded = CUTOFF_TYPES.index(CORES[core.removesuffix("a")]), 2 if core.endswith("a") else 1
            window = (shape, folded, (lower + upper) / 2.0, 2.0 / (upper - lower), lower, upper)
        else:
            name = function.get("cutoff_function", "cosine")
            inner = 0.0 if name in WITHOUT_INNER_RADIUS else function.get("alpha", 0.0) * upper
            window = (CUTOFF_TYPES.index(name), 0, inner, 1.0 / (upper - inner), -1.0, upper)
        if window not in self.windows:
            self.windows.append(window)
        return self.windows.index(window)

    def tables(self, real: np.dtype[Any]) -> Tables:
        """Everything as arrays."""
        shells = [shell for _, shells in self.groups for shell in shells.items()]
        return Tables(
            windows=_rows("windows", self.windows, real),
            lists=_rows("lists", self.lists, real),
            list_start=np.array(self.list_start),
            weights=np.array([atomic_numbers[element] for element in self.elements], real),
            radials=_rows("radials", self.radial, real),
            radial_start=np.array(self.radial_start),
            groups=_rows("groups", [key for key, _ in self.groups], real),
            group_start=np.array(self.group_start),
            shells=_rows("shells", [(eta,) for eta, _ in shells], real),
            shell_start=_starts([len(shells) for _, shells in self.groups]),
            angulars=_rows("angulars", [function for _, functions in shells for function in functions], real),
            angular_start=_starts([len(functions) for _, functions in shells]),
        )


def _angular(function: dict[str, Any], column: int) -> Angular:
    if function["type"] not in COMPACT:
        zeta = float(function.get("zeta", 1.0))
        return -1, 0.0, 0.0, float(function.get("lambda_", 1.0)), zeta, 2.0 ** (1.0 - zeta), column
    left, right = (math.radians(angle) for angle in function.get("angles", (0.0, 180.0)))
    shape = CUTOFF_TYPES.index(CORES[function.get("core", "p2").removesuffix("a")])
    return shape, (left + right) / 2.0, 2.0 / (right - left), 0.0, 1.0, 1.0, column


def _rows(name: str, rows: Sequence[tuple[float, ...]], real: np.dtype[Any]) -> Rows:
    types = [(column, real if kind is float else np.int64) for column, kind in COLUMNS[name].items()]
    return np.array(rows, np.dtype(types, align=True))


def _starts(sizes: Sequence[int]) -> Rows:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
