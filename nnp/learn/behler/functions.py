"""Behler-Parrinello functions given one by one: the same list for every centre element.

Values, adjoint and jvp go through the same quantities (``sides``, ``pairs``): distances and unit vectors of the
neighbours of each element, the cosine and distance of each pair. Radial and angular parts that functions share are
computed once (``plan``). Pairs are evaluated directly, so the cost grows with (neighbours)²: what potentials of other
codes need; ``symmetry_functions`` has the wide functions in O(neighbours).
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from nnp.learn import descriptor
from nnp.learn.behler import pairs, plan, radial_parts, sides
from nnp.learn.behler.function import Function
from nnp.learn.behler.sides import Gradient, Side


class Geometry(NamedTuple):
    """What values, adjoint and jvp share; sides by neighbour element."""

    vectors: torch.Tensor  # (N, 3, K) Å
    sides: dict[int, Side]  # of the radial functions
    radial: dict[int, tuple[torch.Tensor, torch.Tensor]]  # (N, n, K') R and dR/dr
    angular_sides: dict[int, Side]
    pairs: tuple[pairs.Pairs, ...]


@dataclass(frozen=True, kw_only=True)
class BehlerFunctions(descriptor.Plain):
    """A list of symmetry functions; column d is function d.

    Attributes:
        elements: chemical symbols; ``species`` and ``neighbour_species`` index this tuple.
        functions: at least one; their elements are among ``elements``.

    Raises:
        ValueError: no function, or an element that is not among ``elements``.
    """

    elements: tuple[str, ...]
    functions: tuple[Function, ...]

    def __post_init__(self) -> None:
        if not self.elements or len(set(self.elements)) != len(self.elements):
            raise ValueError(f"elements must be distinct and not empty, not {self.elements}")
        if not self.functions:
            raise ValueError("there must be at least one symmetry function")
        for function in self.functions:
            unknown = sorted(set(function.neighbours) - set(self.elements))
            if unknown:
                raise ValueError(
                    f"{function.name} concerns {unknown[0]}, which is not among {', '.join(self.elements)}"
                )

    @property
    def cutoff(self) -> float:
        """Largest cutoff, Å."""
        return max(function.cutoff for function in self.functions)

    @property
    def size(self) -> int:
        """Number D of functions."""
        return len(self.functions)

    def names(self) -> list[str]:
        """One readable name for each function."""
        return [function.name for function in self.functions]

    def names_of(self, element: str) -> list[str]:
        """As ``names``: all centre elements have the same functions."""
        del element
        return self.names()

    def to_dict(self) -> dict[str, Any]:
        """The definition as JSON-like data."""
        common = {"elements": list(self.elements), "cutoff": self.cutoff}
        return {"kind": "behler", **common, "functions": [function.to_dict() for function in self.functions]}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "BehlerFunctions":
        """The definition that ``to_dict`` wrote."""
        functions = tuple(Function.from_dict(one) for one in fields["functions"])
        return cls(elements=tuple(fields["elements"]), functions=functions)

    def narrowed(self, columns: Sequence[int]) -> tuple["BehlerFunctions", tuple[int, ...]]:
        """The list of some functions alone, and their columns in it."""
        kept = tuple(self.functions[column] for column in columns)
        return BehlerFunctions(elements=self.elements, functions=kept), tuple(range(len(kept)))

    def geometry(self, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor) -> Geometry:
        """What values, adjoint and jvp share; from r_ij (N, 3, K), Å, and the neighbours' elements (N, K)."""
        del species
        plan = self._plan

        def side(element: int, cutoff: float) -> Side:
            return sides.side(vectors, neighbour_species, element, cutoff, 2.0 * self.cutoff)

        own = {e: side(e, max(part.shape.cutoff for part in parts)) for e, parts in enumerate(plan.radial) if parts}
        paired = sorted({e for pair in plan.pairs for e in (pair.first, pair.second)})
        angular = {e: side(e, plan.angular_cutoff(e)) for e in paired}
        return Geometry(
            vectors,
            own,
            {e: radial_parts.evaluate(plan.radial[e], one.r) for e, one in own.items()},
            angular,
            tuple(pairs.geometry(pair, angular[pair.first], angular[pair.second]) for pair in plan.pairs),
        )

    def values(self, geometry: Geometry) -> torch.Tensor:
        """G (N, D), dimensionless."""
        columns = [value.sum(2) for value, _ in geometry.radial.values()]
        for pair, one in zip(self._plan.pairs, geometry.pairs, strict=True):
            columns += pairs.values(one, pair)
        return self._combined(torch.cat(columns, -1))

    def adjoint(self, geometry: Geometry, dE_dG: torch.Tensor) -> torch.Tensor:
        """dE_i/dr_ij (N, 3, K) or (M, N, 3, K), eV/Å, from dE/dG (N, D) or (M, N, D)."""
        if dE_dG.ndim == 3:
            return torch.stack([self.adjoint(geometry, one) for one in dE_dG], 0)
        seeds, start = self._by_column(dE_dG), 0
        result = []
        for element, (_, slopes) in geometry.radial.items():
            stop = start + len(self._plan.radial[element])
            gradient = torch.matmul(seeds[:, start:stop].unsqueeze(1), slopes)
            result.append(sides.spread(geometry.sides[element], Gradient(gradient, None, None), geometry.vectors))
            start = stop
        found: dict[int, Gradient] = {}
        for pair, one in zip(self._plan.pairs, geometry.pairs, strict=True):
            stop = start + pair.size
            for element, part in zip(
                (pair.first, pair.second), pairs.adjoint(one, pair, seeds[:, start:stop]), strict=True
            ):
                if part is not None:
                    found[element] = sides.added(found[element], part) if element in found else part
            start = stop
        result += [
            sides.spread(geometry.angular_sides[element], gradient, geometry.vectors)
            for element, gradient in found.items()
        ]
        return functools.reduce(torch.add, result)

    def jvp(self, geometry: Geometry, dvectors: torch.Tensor) -> torch.Tensor:
        """Changes dG (N, D) or (M, N, D) from dr_ij (N, 3, K) or (M, N, 3, K), Å: the transpose of ``adjoint``."""
        if dvectors.ndim == 4:
            return torch.stack([self.jvp(geometry, one) for one in dvectors], 0)
        columns = [
            torch.matmul(slopes, sides.change(geometry.sides[element], dvectors).r.transpose(1, 2)).squeeze(2)
            for element, (_, slopes) in geometry.radial.items()
        ]
        changes = {element: sides.change(one, dvectors) for element, one in geometry.angular_sides.items()}
        for pair, one in zip(self._plan.pairs, geometry.pairs, strict=True):
            columns += pairs.jvp(one, pair, changes[pair.first], changes[pair.second])
        return self._combined(torch.cat(columns, -1))

    def keep(
        self, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The arguments: what is known of the pairs of neighbours is larger than what it takes to find it again."""
        return vectors, neighbour_species, species

    def committee_adjoint(self, kept: Any, dE_dG: torch.Tensor) -> torch.Tensor:
        """Pair gradients (N, M, 3, K) from dE/dG (N, M, D)."""
        return super().committee_adjoint(self.geometry(*kept), dE_dG)

    def committee_jvp(self, kept: Any, dvectors: torch.Tensor) -> torch.Tensor:
        """Changes dG (N, M, D) from dr_ij (N, M, 3, K)."""
        return super().committee_jvp(self.geometry(*kept), dvectors)

    @functools.cached_property
    def _plan(self) -> plan.Plan:
        return plan.plan(self.functions, self.elements)

    def _combined(self, columns: torch.Tensor) -> torch.Tensor:
        """The D functions from the columns of the plan."""
        places = plan.places(self._plan)
        if places is None:
            return torch.matmul(columns, plan.combination(self._plan, columns))
        weights = torch.tensor(places.weights, dtype=columns.dtype, device=columns.device)
        return columns.index_select(-1, torch.tensor(places.columns, device=columns.device)) * weights

    def _by_column(self, dE_dG: torch.Tensor) -> torch.Tensor:
        """dE/d(columns) from dE/dG: the transpose of ``_combined``."""
        places = plan.places(self._plan)
        if places is None:
            return torch.matmul(dE_dG, plan.combination(self._plan, dE_dG).transpose(0, 1))
        weighted = dE_dG * torch.tensor(places.weights, dtype=dE_dG.dtype, device=dE_dG.device)
        padded = torch.cat([weighted, torch.zeros_like(dE_dG[:, :1])], -1)
        return padded.index_select(-1, torch.tensor(places.functions, device=dE_dG.device))
