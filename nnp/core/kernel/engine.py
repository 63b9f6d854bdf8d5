"""ONNX Runtime with the symmetry functions taken out of the graph and given to the compiled kernel.

    vectors → kernel → G → networks (ONNX) → dE/dG → kernel → pair gradients → all that needs them (ONNX)

The graph is cut at the names of ``nnp.core.cuts``, so what surrounds the symmetry functions (networks, replicas,
ranges, densities, a baseline, a repulsion) remains the graph's.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx

from nnp.core import cuts, onnx_graph
from nnp.core.kernel import compiled, definition
from nnp.core.manifest import Manifest
from nnp.core.sessions import Sessions

Array = npt.NDArray[Any]


class _Plan(NamedTuple):
    """Which outputs can be had before and after the adjoint, and whose pair gradients it must give."""

    first: tuple[str, ...]
    second: tuple[str, ...]
    of: tuple[str, ...]


class KernelSessions(Sessions):
    """As ``Sessions``, on the CPU; equal to them to rounding.

    Args:
        file: the whole graph, with cuts.
        manifest: of the file; its symmetry functions are known to ``definition``.
    """

    engine = "onnxruntime, compiled symmetry functions"

    def __init__(self, file: onnx.ModelProto, manifest: Manifest) -> None:
        super().__init__(file, "cpu")
        names = {item.name for item in file.graph.value_info}
        self._tables = definition.tables(manifest.symmetry_functions, manifest.dtype)
        self._size = definition.size(manifest.symmetry_functions)
        self._moved = cuts.VECTORS in names
        self._before = tuple(sorted({cuts.VECTORS, cuts.SYMMETRY_FUNCTIONS} & names))
        self._pair_gradients = tuple(sorted(name for name in names if name.startswith(cuts.PAIR_GRADIENTS)))
        self._plans: dict[tuple[str, ...], _Plan] = {}
        self._evaluate = compiled.evaluate()
        self._values(np.zeros((0, 3, 4), manifest.dtype), np.zeros((0, 4), np.int64), np.zeros(0, np.int64))  # compiles

    def run(self, outputs: Sequence[str], feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """As ``Sessions.run``."""
        if feeds["vectors"].shape[2] > definition.MOST_NEIGHBOURS:
            return super().run(outputs, feeds)
        plan = self._plan(tuple(sorted(outputs)))
        here = dict(feeds)
        if self._moved:
            here |= self.run_part((cuts.VECTORS,), (), here)
        vectors = np.ascontiguousarray(here[cuts.VECTORS if self._moved else "vectors"])
        others, species = (np.ascontiguousarray(here[name], np.int64) for name in ("neighbour_species", "species"))
        here[cuts.SYMMETRY_FUNCTIONS] = self._values(vectors, others, species)
        gradients = tuple(cuts.GRADIENT + of for of in plan.of)
        found = self.run_part(tuple(sorted(plan.first + gradients)), self._before, here)
        if not plan.second:
            return found
        for of in plan.of:
            here[cuts.PAIR_GRADIENTS + of] = self._adjoint(vectors, others, species, found.pop(cuts.GRADIENT + of))
        return found | self.run_part(plan.second, tuple(sorted(self._before + self._pair_gradients)), here)

    def _plan(self, outputs: tuple[str, ...]) -> _Plan:
        if outputs not in self._plans:
            needs = {name: self._needs(name) for name in outputs}
            first = tuple(name for name in outputs if not needs[name])
            of = sorted({name for needed in needs.values() for name in needed})
            self._plans[outputs] = _Plan(first, tuple(name for name in outputs if needs[name]), tuple(of))
        return self._plans[outputs]

    def _needs(self, output: str) -> list[str]:
        """Whose pair gradients an output is made from: ``mean`` or numbers of members."""
        part = onnx_graph.pruned(self._file, [output], [*self._before, *self._pair_gradients])
        inputs = [item.name for item in part.graph.input]
        return [name.removeprefix(cuts.PAIR_GRADIENTS) for name in inputs if name.startswith(cuts.PAIR_GRADIENTS)]

    def _values(self, vectors: Array, neighbour_species: Array, species: Array) -> Array:
        """G (N, D)."""
        G, none = np.zeros((len(vectors), self._size), vectors.dtype), np.zeros((0, *vectors.shape[1:]), vectors.dtype)
        self._evaluate(vectors, neighbour_species, species, self._tables, G, none)
        return G

    def _adjoint(self, vectors: Array, neighbour_species: Array, species: Array, dE_dG: Array) -> Array:
        """Pair gradients (N, 3, K) from dE/dG (N, D)."""
        g = np.zeros(vectors.shape, vectors.dtype)
        self._evaluate(vectors, neighbour_species, species, self._tables, np.ascontiguousarray(dE_dG), g)
        return g
