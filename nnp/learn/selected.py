"""Part of the functions of another descriptor: what a selection leaves of a pool.

The inner descriptor computes all of its functions; the columns that are kept are gathered from them, and in the adjoint
dE/dG is put back to their places, with zeros elsewhere. ``narrowed`` first asks the inner descriptor to leave out what
no kept column needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from nnp.learn import descriptor
from nnp.learn.descriptor import Descriptor


@dataclass(frozen=True, kw_only=True)
class Selected(descriptor.Plain):
    """Columns of another descriptor, the same for all centre elements.

    Attributes:
        inner: the descriptor.
        columns: indices of the functions that are kept, ascending.
    """

    inner: Descriptor
    columns: tuple[int, ...]

    def __post_init__(self) -> None:
        kept = self.columns
        if not kept or list(kept) != sorted(set(kept)) or not 0 <= kept[0] <= kept[-1] < self.inner.size:
            raise ValueError(f"columns must be distinct, ascending, and from 0 to {self.inner.size - 1}")

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols."""
        return self.inner.elements

    @property
    def cutoff(self) -> float:
        """Å."""
        return self.inner.cutoff

    @property
    def size(self) -> int:
        """Number D of functions."""
        return len(self.columns)

    def names(self) -> list[str]:
        """Names of the kept functions."""
        names = self.inner.names()
        return [names[column] for column in self.columns]

    def names_of(self, element: str) -> list[str]:
        """Names of the kept functions of a centre element."""
        names = self.inner.names_of(element)
        return [names[column] for column in self.columns if column < len(names)]

    def to_dict(self) -> dict[str, Any]:
        """The definition as JSON-like data."""
        common = {"elements": list(self.elements), "cutoff": self.cutoff}
        return {"kind": "selected", **common, "inner": self.inner.to_dict(), "columns": list(self.columns)}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Selected":
        """The definition that ``to_dict`` wrote."""
        return cls(inner=descriptor.from_dict(fields["inner"]), columns=tuple(int(c) for c in fields["columns"]))

    def geometry(self, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor) -> Any:
        """That of the inner descriptor."""
        return self.inner.geometry(vectors, neighbour_species, species)

    def values(self, geometry: Any) -> torch.Tensor:
        """G (N, D) of the kept functions."""
        return self._gathered(self.inner.values(geometry))

    def adjoint(self, geometry: Any, dE_dG: torch.Tensor) -> torch.Tensor:
        """dE_i/dr_ij (N, 3, K) or (M, N, 3, K) from dE/dG (N, D) or (M, N, D)."""
        return self.inner.adjoint(geometry, self._spread(dE_dG))

    def jvp(self, geometry: Any, dvectors: torch.Tensor) -> torch.Tensor:
        """Changes dG (N, D) or (M, N, D) from dr_ij."""
        return self._gathered(self.inner.jvp(geometry, dvectors))

    def keep(self, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor) -> Sequence[Any]:
        """What the inner descriptor keeps."""
        return self.inner.keep(vectors, neighbour_species, species)

    def committee_adjoint(self, kept: Any, dE_dG: torch.Tensor) -> torch.Tensor:
        """Pair gradients (N, M, 3, K) from dE/dG (N, M, D)."""
        return self.inner.committee_adjoint(kept, self._spread(dE_dG))

    def committee_jvp(self, kept: Any, dvectors: torch.Tensor) -> torch.Tensor:
        """Changes dG (N, M, D) from dr_ij (N, M, 3, K)."""
        return self._gathered(self.inner.committee_jvp(kept, dvectors))

    def _gathered(self, every: torch.Tensor) -> torch.Tensor:
        return every.index_select(-1, torch.tensor(self.columns, device=every.device))

    def _spread(self, dE_dG: torch.Tensor) -> torch.Tensor:
        """(..., D) to the inner descriptor's columns, zero where a function is not kept."""
        place = torch.full((self.inner.size,), self.size)
        place[torch.tensor(self.columns)] = torch.arange(self.size)
        padded = torch.cat([dE_dG, torch.zeros_like(dE_dG[..., :1])], -1)
        return padded.index_select(-1, place.to(dE_dG.device))


def narrowed(inner: Descriptor, columns: Sequence[int]) -> Descriptor:
    """The descriptor of some functions of another one, in ascending order of their columns, without needless work.

    A descriptor that can leave out what no kept column needs has a method ``narrowed(columns)``, which returns the
    smaller descriptor and the places of the kept columns in it, in their order.

    Raises:
        ValueError: no column, or one that the descriptor does not have.
    """
    kept = tuple(sorted({int(column) for column in columns}))
    smaller, places = inner, kept
    if isinstance(inner, Selected):
        return narrowed(inner.inner, [inner.columns[column] for column in kept])
    if hasattr(inner, "narrowed"):
        smaller, places = inner.narrowed(kept)
    if len(places) == smaller.size:
        return smaller
    return Selected(inner=smaller, columns=tuple(sorted(places)))
