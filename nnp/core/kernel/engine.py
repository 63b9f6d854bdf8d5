"""ONNX Runtime with the symmetry functions taken out of the graph and given to the compiled kernel.

    vectors → kernel → G → networks (ONNX) → dE/dG → kernel → pair gradients → all that needs them (ONNX)

The graph is cut at the names of ``nnp.core.cuts``, so what surrounds the symmetry functions (networks, replicas,
ranges, densities, a baseline, a repulsion) remains the graph's.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import onnx

from nnp.core import cuts, onnx_graph
from nnp.core.kernel import definition, functions
from nnp.core.manifest import Manifest
from nnp.core.sessions import Sessions

BLOCK_ATOMS = 256
"""More than of the graph alone: the moments of a block need less room than its rows, and each block is five calls."""


class _Plan(NamedTuple):
    """What is fetched in turn: before the networks, from them (with dE/dG), and after the adjoint."""

    known: tuple[str, ...]
    first: tuple[str, ...]
    second: tuple[str, ...]
    of: tuple[str, ...]  # whose pair gradients the adjoint must give: ``mean`` or numbers of members


class KernelSessions(Sessions):
    """As ``Sessions``, on the CPU; equal to them to rounding.

    Args:
        file: the whole graph, with cuts.
        manifest: of the file; ``choice.reason_against`` has nothing against it.
    """

    engine = "onnxruntime, compiled symmetry functions"

    def __init__(self, file: onnx.ModelProto, manifest: Manifest) -> None:
        super().__init__(file, "cpu")
        self.block_atoms = BLOCK_ATOMS
        names = {item.name for item in file.graph.value_info}
        self._functions = functions.of(manifest.symmetry_functions, manifest.dtype)
        self._vectors = cuts.VECTORS if cuts.VECTORS in names else "vectors"
        self._known = names.intersection(cuts.WITHOUT_NETWORKS)
        self._before = tuple(sorted({*self._known, cuts.SYMMETRY_FUNCTIONS}))
        gradients = {name for name in names if name.startswith(cuts.PAIR_GRADIENTS)}
        self._after = tuple(sorted({*self._before, *gradients}))
        self._plans: dict[tuple[str, ...], _Plan] = {}

    def run(self, outputs: Sequence[str], feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """As ``Sessions.run``."""
        if feeds["vectors"].shape[2] > definition.MOST_NEIGHBOURS:
            return super().run(outputs, feeds)
        plan = self._plan(tuple(sorted(outputs)))
        here = dict(feeds)
        if plan.known:
            here |= self.run_part(plan.known, (), here)
        vectors = np.ascontiguousarray(here[self._vectors])
        others, species = (np.ascontiguousarray(here[name], np.int64) for name in ("neighbour_species", "species"))
        here[cuts.SYMMETRY_FUNCTIONS], kept = self._functions.values(vectors, others, species)
        gradients = tuple(cuts.GRADIENT + of for of in plan.of)
        found = self.run_part(tuple(sorted(plan.first + gradients)), self._before, here)
        if not plan.second:
            return found
        for of in plan.of:
            dE_dG = np.ascontiguousarray(found.pop(cuts.GRADIENT + of))
            here[cuts.PAIR_GRADIENTS + of] = self._functions.adjoint(vectors, others, species, kept, dE_dG)
        return found | self.run_part(plan.second, self._after, here)

    def _plan(self, outputs: tuple[str, ...]) -> _Plan:
        if outputs not in self._plans:
            needs = {name: self._inputs([name], self._after) for name in outputs}
            of = {name for needed in needs.values() for name in needed if name.startswith(cuts.PAIR_GRADIENTS)}
            second = tuple(name for name in outputs if of.intersection(needs[name]))
            first = tuple(name for name in outputs if name not in second)
            members = tuple(sorted(name.removeprefix(cuts.PAIR_GRADIENTS) for name in of))
            fetched = [*first, *(cuts.GRADIENT + member for member in members)]
            known = {*self._inputs(fetched, self._before), *self._inputs(second, self._after), self._vectors}
            self._plans[outputs] = _Plan(tuple(sorted(known & self._known)), first, second, members)
        return self._plans[outputs]

    def _inputs(self, outputs: Sequence[str], cut: Sequence[str]) -> set[str]:
        """The inputs of the graph that is cut at these names."""
        return {item.name for item in onnx_graph.pruned(self._file, outputs, cut).graph.input}
