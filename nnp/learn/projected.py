"""Principal components of another descriptor's functions, inside the graph: fewer inputs for the networks.

G' = (G - o_e) · M_e  with an origin and a matrix for the element e of the atom;  dE/dG = dE/dG' · M_eᵀ

The scaling that follows divides every component by its standard deviation (no smaller than its floor), so the networks
see whitened components (paper, section 3.2.1: 41 functions to 20 components without loss).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from nnp.learn import descriptor
from nnp.learn.descriptor import Descriptor

Rows = tuple[tuple[float, ...], ...]


class Kept(NamedTuple):
    """As ``Geometry``, for the committee."""

    inner: Any
    share: torch.Tensor  # (N, 1, E)


class Geometry(NamedTuple):
    """Of the inner descriptor, and which element an atom is."""

    inner: Any
    share: torch.Tensor | None  # (N, E) 1 for the atom's element; None for one element


@dataclass(frozen=True, kw_only=True)
class Projected(descriptor.Plain):
    """D' components of the D functions of another descriptor.

    Attributes:
        inner: the descriptor.
        origins: for each centre element, D numbers that are subtracted.
        matrices: for each centre element, D rows of D' numbers.
    """

    inner: Descriptor
    origins: Rows
    matrices: tuple[Rows, ...]

    def __post_init__(self) -> None:
        sizes = {(len(rows), len(row)) for rows in self.matrices for row in rows}
        if len(self.origins) != len(self.elements) or len(self.matrices) != len(self.elements):
            raise ValueError(f"there must be an origin and a matrix for each of {', '.join(self.elements)}")
        if (
            len(sizes) != 1
            or {len(row) for row in self.origins} != {self.inner.size}
            or {self.inner.size} != {len(rows) for rows in self.matrices}
        ):
            raise ValueError(f"matrices must have {self.inner.size} rows of equal length, origins as many numbers")

    def __hash__(self) -> int:
        """From a few of the numbers: the matrices are large and the hash is asked for at every use."""
        return hash((self.inner, self.size, self.origins[0][:4]))

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
        """Number D' of components."""
        return len(self.matrices[0][0])

    def names(self) -> list[str]:
        """Names of the components, by falling variance."""
        return [f"PC {number}" for number in range(1, self.size + 1)]

    def names_of(self, element: str) -> list[str]:  # noqa: ARG002
        """As ``names``."""
        return self.names()

    def to_dict(self) -> dict[str, Any]:
        """The definition as JSON-like data."""
        return {
            "kind": "projected",
            "elements": list(self.elements),
            "cutoff": self.cutoff,
            "inner": self.inner.to_dict(),
            "origins": [list(row) for row in self.origins],
            "matrices": [[list(row) for row in rows] for rows in self.matrices],
        }

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Projected":
        """The definition that ``to_dict`` wrote."""
        return cls(
            inner=descriptor.from_dict(fields["inner"]),
            origins=_rows(fields["origins"]),
            matrices=tuple(_rows(rows) for rows in fields["matrices"]),
        )

    def geometry(self, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor) -> Geometry:
        """That of the inner descriptor, and the elements of the atoms."""
        share = None
        if len(self.elements) > 1:
            elements = torch.arange(len(self.elements), device=species.device)
            share = (species.unsqueeze(1) == elements).to(vectors.dtype)
        return Geometry(self.inner.geometry(vectors, neighbour_species, species), share)

    def values(self, geometry: Geometry) -> torch.Tensor:
        """G' (N, D')."""
        G = self.inner.values(geometry.inner)
        origins, matrices = _tensors(self, G.dtype, G.device)
        return self._summed([torch.matmul(G - o, m) for o, m in zip(origins, matrices, strict=True)], geometry.share)

    def adjoint(self, geometry: Geometry, dE_dG: torch.Tensor) -> torch.Tensor:
        """dE_i/dr_ij (N, 3, K) or (M, N, 3, K) from dE/dG' (N, D') or (M, N, D')."""
        _, matrices = _tensors(self, dE_dG.dtype, dE_dG.device)
        inner = self._summed([torch.matmul(dE_dG, m.transpose(0, 1)) for m in matrices], geometry.share)
        return self.inner.adjoint(geometry.inner, inner)

    def jvp(self, geometry: Geometry, dvectors: torch.Tensor) -> torch.Tensor:
        """Changes dG' (N, D') or (M, N, D') from dr_ij."""
        dG = self.inner.jvp(geometry.inner, dvectors)
        _, matrices = _tensors(self, dG.dtype, dG.device)
        return self._summed([torch.matmul(dG, m) for m in matrices], geometry.share)

    def keep(self, vectors: torch.Tensor, neighbour_species: torch.Tensor, species: torch.Tensor) -> Kept:
        """What the inner descriptor keeps, and the elements of the atoms."""
        share = torch.nn.functional.one_hot(species, len(self.elements)).to(vectors.dtype).unsqueeze(1)
        return Kept(self.inner.keep(vectors, neighbour_species, species), share)

    def committee_adjoint(self, kept: Any, dE_dG: torch.Tensor) -> torch.Tensor:
        """Pair gradients (N, M, 3, K) from dE/dG' (N, M, D')."""
        _, matrices = _tensors(self, dE_dG.dtype, dE_dG.device)
        inner = self._summed([torch.matmul(dE_dG, m.transpose(0, 1)) for m in matrices], kept.share)
        return self.inner.committee_adjoint(kept.inner, inner)

    def committee_jvp(self, kept: Any, dvectors: torch.Tensor) -> torch.Tensor:
        """Changes dG' (N, M, D') from dr_ij (N, M, 3, K)."""
        dG = self.inner.committee_jvp(kept.inner, dvectors)
        _, matrices = _tensors(self, dG.dtype, dG.device)
        return self._summed([torch.matmul(dG, m) for m in matrices], kept.share)

    def _summed(self, by_element: Sequence[torch.Tensor], share: torch.Tensor | None) -> torch.Tensor:
        """The rows of each atom's own element, from those for every element."""
        if share is None:
            return by_element[0]
        total = by_element[0] * share[..., 0:1]
        for number in range(1, len(by_element)):
            total = total + by_element[number] * share[..., number : number + 1]
        return total


def fit(
    inner: Descriptor,
    values: npt.NDArray[np.float64],
    species: npt.NDArray[np.integer],
    *,
    components: int | None,
    variance: float | None,
    floor: float,
) -> Projected:
    """Principal components of the scaled functions of sample atoms, for each centre element.

    Args:
        inner: the descriptor.
        values: its functions (N, D).
        species: (N,) elements of the atoms.
        components: how many, at most D; None where ``variance`` decides.
        variance: fraction of the variance of the scaled functions that is kept for every element.
        floor: as ``scaling.fit``: bounds how far functions that hardly vary are amplified.
    """
    parts = [values[species == number] for number in range(len(inner.elements))]
    found = [_components(part, floor) if len(part) else _nothing(inner.size) for part in parts]
    if components is None:
        wanted = 1.0 if variance is None else variance
        components = max(int(np.searchsorted(np.cumsum(s), (wanted - 1e-12) * s.sum())) + 1 for _, s, _ in found)
    count = min(components, inner.size)
    return Projected(
        inner=inner,
        origins=tuple(tuple(origin.tolist()) for origin, _, _ in found),
        matrices=tuple(_rows(matrix[:, :count].tolist()) for _, _, matrix in found),
    )


def _components(values: npt.NDArray[np.float64], floor: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (D,), variances (D,) by falling size and directions (D, D) of the scaled functions."""
    origin, deviation = values.mean(axis=0), values.std(axis=0)
    scale = np.where(deviation > 0.0, 1.0 / np.maximum(deviation, floor * np.median(deviation) + 1e-300), 0.0)
    scaled = (values - origin) * scale
    sizes, directions = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    return origin, np.maximum(sizes[::-1], 0.0), scale[:, None] * directions[:, ::-1]


def _nothing(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For elements that are no centre of any atom."""
    return np.zeros(size), np.zeros(size), np.zeros((size, size))


def _rows(rows: Sequence[Sequence[float]]) -> Rows:
    return tuple(tuple(float(number) for number in row) for row in rows)


@lru_cache(maxsize=16)
def _tensors(
    projected: Projected, dtype: torch.dtype, device: torch.device
) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]:
    origins = torch.tensor(projected.origins, dtype=dtype, device=device)
    return tuple(origins), tuple(torch.tensor(projected.matrices, dtype=dtype, device=device))
