"""Compiled symmetry functions of one definition, as the engine calls them."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nnp.core.kernel import compiled, definition, moment_definition

Array = npt.NDArray[Any]
EXAMPLES: dict[str, dict[str, Any]] = {
    "passes": {
        "kind": "behler",
        "elements": ["H"],
        "functions": [{"type": 2, "neighbours": ["H"], "cutoff": 4.0, "eta": 0.1}],
    },
    "moment_passes": {
        "kind": "moments",
        "elements": ["H"],
        "cutoff": 4.0,
        "cutoff_function": "polynomial",
        "radial": [{"eta": 0.1}],
        "angular": None,
    },
}
"""A definition for each of ``compiled.KINDS``: all definitions of a kind share the machine code."""


class Functions(Protocol):
    """Values, and the adjoint; N atoms, K neighbour slots, D functions."""

    def values(self, vectors: Array, neighbour_species: Array, species: Array) -> tuple[Array, Any]:
        """G (N, D) and what the adjoint of the same atoms wants to be given.

        Args:
            vectors: (N, 3, K), Å, contiguous.
            neighbour_species: (N, K) int64.
            species: (N,) int64.
        """

    def adjoint(self, vectors: Array, neighbour_species: Array, species: Array, kept: Any, dE_dG: Array) -> Array:
        """Pair gradients (N, 3, K), eV/Å, from dE/dG (N, D), eV."""


def of(fields: dict[str, Any], dtype: str) -> Functions:
    """The compiled functions of a ``choice.known`` definition; waits for the compiler where nothing is kept yet."""
    made: Functions = Moments(fields, dtype) if moment_definition.known(fields) else Behler(fields, dtype)
    nothing = np.zeros((0, 3, 4), dtype)
    made.values(nothing, np.zeros((0, 4), np.int64), np.zeros(0, np.int64))  # compiles
    compiled.note(kind(fields), dtype)
    return made


def kind(fields: dict[str, Any]) -> str:
    """Which of ``compiled.KINDS`` a known definition needs."""
    return "moment_passes" if moment_definition.known(fields) else "passes"


class Behler:
    """Explicit Behler-Parrinello functions (``passes``)."""

    def __init__(self, fields: dict[str, Any], dtype: str) -> None:
        self._tables = definition.tables(fields, dtype)
        self._size = definition.size(fields)
        self._evaluate = compiled.evaluate("passes")

    def values(self, vectors: Array, neighbour_species: Array, species: Array) -> tuple[Array, Any]:
        """As ``Functions``."""
        G = np.zeros((len(vectors), self._size), vectors.dtype)
        self._evaluate(vectors, neighbour_species, species, self._tables, G, vectors[:0])
        return G, None

    def adjoint(self, vectors: Array, neighbour_species: Array, species: Array, kept: Any, dE_dG: Array) -> Array:  # noqa: ARG002
        """As ``Functions``."""
        g = np.zeros_like(vectors)
        self._evaluate(vectors, neighbour_species, species, self._tables, dE_dG, g)
        return g


class Moments:
    """Functions of moments: radial and wide angular functions, power spectrum, four-body (``moment_passes``)."""

    def __init__(self, fields: dict[str, Any], dtype: str) -> None:
        self._near = moment_definition.neighbours(fields, dtype)
        self._tables = moment_definition.invariants(fields, dtype)
        self._lanes = moment_definition.LANES[dtype]
        self._evaluate = compiled.evaluate("moment_passes")

    def values(self, vectors: Array, neighbour_species: Array, species: Array) -> tuple[Array, Any]:  # noqa: ARG002
        """As ``Functions``; the moments are kept."""
        t, blocks = self._tables, -(-len(vectors) // self._lanes)
        G = np.empty((len(vectors), t.size), vectors.dtype)
        numbers = t.member.shape[0] * t.channels * (t.degree + 1) ** 2
        moments = np.empty((blocks, numbers * self._lanes), vectors.dtype)
        self._evaluate(vectors, neighbour_species, self._near, t, G, moments, vectors[:0])
        return G, moments

    def adjoint(self, vectors: Array, neighbour_species: Array, species: Array, kept: Any, dE_dG: Array) -> Array:  # noqa: ARG002
        """As ``Functions``."""
        g = np.zeros_like(vectors)
        self._evaluate(vectors, neighbour_species, self._near, self._tables, dE_dG, kept, g)
        return g
