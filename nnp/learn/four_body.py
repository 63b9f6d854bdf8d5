"""Four-body invariants: three moments coupled to a scalar, at a cost that does not depend on the neighbours.

B_l1,l2,l3(k) = Σ_m1,m2,m3 C_m1,m2,m3 A_k,l1 m1 A_k,l2 m2 A_k,l3 m3 = Σ_{j,j',j''} R R' R'' F_l1,l2,l3(u_j, u_j', u_j'')

with C = ∫ Y_l1 m1 Y_l2 m2 Y_l3 m3 dΩ/4π, normalised so that F(u, u, u) = 1, as P_l(1) = 1. The sum l1 + l2 + l3 is even
(reflections leave F) and the three satisfy the triangle rule: the bispectrum in a real basis. A mixture k is a sum of
channels, A_k = Σ_a w_ka A_a: products of different channels and elements come in through mixtures, and their number is
chosen, not given by the number of elements (Darby et al. 2023, tensor-reduced atomic cluster expansion).

B is homogeneous of degree three, so its slopes H = ∂B/∂A give everything: B = ⅓ H·A, dE/dA = dE/dB·H, dB = H·dA. The
slopes of B_l1,l2,l3 by A_l3 are products of A_l1 and A_l2 times a small constant matrix; atoms and mixtures lie beside
each other along the contiguous axis.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch

from nnp.core.harmonics import coupling, triples

MAX_DEGREE = 4
"""Largest l of the three moments: the couplings grow with its fifth power."""


@dataclass(frozen=True, kw_only=True)
class FourBody:
    """B_l1,l2,l3 for 1 <= l1 <= l2 <= l3 <= l_max of every mixture of channels.

    Attributes:
        l_max: largest l, 2 to ``MAX_DEGREE``: 2, 4 or 9 functions of a mixture.
        mixtures: rows of weights w_k over all channels (element by element); None: every channel by itself.
    """

    l_max: int = 3
    mixtures: tuple[tuple[float, ...], ...] | None = None

    def __post_init__(self) -> None:
        if not 2 <= self.l_max <= MAX_DEGREE:
            raise ValueError(f"l_max of four-body functions must be from 2 to {MAX_DEGREE}, not {self.l_max}")
        if self.mixtures is not None and (not self.mixtures or len({len(row) for row in self.mixtures}) != 1):
            raise ValueError("mixtures of four-body functions must be rows of equal length, at least one")

    def check_channels(self, n_channels: int) -> None:
        """Refuse mixtures of another number of channels.

        Raises:
            ValueError: naming both numbers.
        """
        if self.mixtures is not None and len(self.mixtures[0]) != n_channels:
            raise ValueError(f"mixtures weigh {len(self.mixtures[0])} channels, there are {n_channels}")

    def functions(self) -> list[str]:
        """Names of the F functions of one mixture."""
        return ["l=" + ",".join(map(str, triple)) for triple in triples(self.l_max)]

    def to_dict(self) -> dict[str, Any]:
        """The definition as JSON-like data."""
        rows = None if self.mixtures is None else [list(row) for row in self.mixtures]
        return {"l_max": self.l_max, "mixtures": rows}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "FourBody":
        """The definition that ``to_dict`` wrote."""
        rows = fields.get("mixtures")
        mixtures = None if rows is None else tuple(tuple(float(weight) for weight in row) for row in rows)
        return cls(l_max=fields["l_max"], mixtures=mixtures)


class Block(NamedTuple):
    """The slopes that come from products of the moments of degrees l1 and l2."""

    first: slice  # rows of l1 among the Z harmonics
    second: slice  # of l2
    coupling: torch.Tensor  # (rows of H, (2 l1 + 1)(2 l2 + 1))


class Constants(NamedTuple):
    """C channels, K mixtures, F functions of a mixture, Z = (l_max+1)² - 1 harmonics with l >= 1, T rows of H."""

    mixtures: torch.Tensor | None  # (K, C)
    blocks: tuple[Block, ...]
    function: torch.Tensor  # (T,) which B a row of H is a slope of
    moment: torch.Tensor  # (T,) by which of the Z harmonics
    by_function: torch.Tensor  # (F, T) sums the rows of each function
    by_moment: torch.Tensor  # (Z, T) sums the rows of each harmonic
    place: torch.Tensor  # (Z, Y) puts Z harmonics among all Y of the moments


class Slopes(NamedTuple):
    """Of N atoms and K mixtures."""

    moments: torch.Tensor  # (Z, N·K)
    rows: torch.Tensor  # (T, N·K) H = ∂B/∂A
    mixtures: int  # K


@lru_cache(maxsize=32)
def constants(part: FourBody, n_harmonics: int, dtype: torch.dtype, device: torch.device) -> Constants:
    """The constant matrices for moments of ``n_harmonics`` = Y harmonics."""

    def tensor(array: Any) -> torch.Tensor:
        return torch.tensor(np.asarray(array), dtype=dtype, device=device)

    size = (part.l_max + 1) ** 2 - 1
    blocks, function, moment = [], [], []
    for pair, targets in _targets(part.l_max).items():
        rows = []
        for number, degree in targets:
            times = triples(part.l_max)[number].count(degree)
            coupled = coupling(*pair, degree) * times
            rows.append(coupled.reshape(-1, coupled.shape[2]).T)
            function += [number] * (2 * degree + 1)
            moment += list(range(degree**2 - 1, (degree + 1) ** 2 - 1))
        blocks.append(Block(_rows_of(pair[0]), _rows_of(pair[1]), tensor(np.concatenate(rows))))
    place = np.zeros((size, n_harmonics))
    place[:, 1 : size + 1] = np.eye(size)
    return Constants(
        mixtures=None if part.mixtures is None else tensor(part.mixtures),
        blocks=tuple(blocks),
        function=torch.tensor(function, device=device),
        moment=torch.tensor(moment, device=device),
        by_function=tensor(np.eye(len(triples(part.l_max)))[:, function]),
        by_moment=tensor(np.eye(size)[:, moment]),
        place=tensor(place),
    )


def slopes(c: Constants, moments: torch.Tensor) -> Slopes:
    """H from the moments A (N, C, Y)."""
    mixed = _from_channels(c, moments)
    own = mixed.flatten(0, 1).transpose(0, 1)
    rows = []
    for block in c.blocks:
        products = own[block.first].unsqueeze(1) * own[block.second].unsqueeze(0)
        rows.append(torch.matmul(block.coupling, products.flatten(0, 1)))
    return Slopes(own, torch.cat(rows, 0), mixed.shape[1])


def values(c: Constants, found: Slopes) -> torch.Tensor:
    """B (N, K·F), mixture by mixture."""
    third = found.rows * found.moments.index_select(0, c.moment) * (1.0 / 3.0)
    return _beside(torch.matmul(c.by_function, third), found.mixtures).flatten(-2, -1)


def adjoint(c: Constants, found: Slopes, dE_dB: torch.Tensor) -> torch.Tensor:
    """dE/dA (..., N, C, Y) from dE/dB (..., N, K·F)."""
    if dE_dB.ndim == 3:
        return torch.stack([adjoint(c, found, one) for one in dE_dB])
    seeds = dE_dB.unflatten(-1, (found.mixtures, c.by_function.shape[0])).flatten(0, 1).transpose(0, 1)
    gradient = torch.matmul(c.by_moment, seeds.index_select(0, c.function) * found.rows)
    return _to_channels(c, _beside(gradient, found.mixtures))


def jvp(c: Constants, found: Slopes, dA: torch.Tensor) -> torch.Tensor:
    """Changes dB (..., N, K·F) from dA (..., N, C, Y): the transpose of ``adjoint``."""
    if dA.ndim == 4:
        return torch.stack([jvp(c, found, one) for one in dA])
    changes = _from_channels(c, dA).flatten(0, 1).transpose(0, 1).index_select(0, c.moment)
    return _beside(torch.matmul(c.by_function, changes * found.rows), found.mixtures).flatten(-2, -1)


def committee_adjoint(c: Constants, rows: torch.Tensor, dE_dB: torch.Tensor) -> torch.Tensor:
    """dE/dA (N, M, C, Y) from H (N, K, T) and dE/dB (N, M, K·F), members beside the mixtures."""
    seeds = dE_dB.unflatten(-1, (rows.shape[1], c.by_function.shape[0])).index_select(-1, c.function)
    return _to_channels(c, torch.matmul(seeds * rows.unsqueeze(1), c.by_moment.transpose(0, 1)))


def committee_jvp(c: Constants, rows: torch.Tensor, dA: torch.Tensor) -> torch.Tensor:
    """Changes dB (N, M, K·F) from dA (N, M, C, Y): the transpose of ``committee_adjoint``."""
    changes = _from_channels(c, dA).index_select(-1, c.moment) * rows.unsqueeze(1)
    return torch.matmul(changes, c.by_function.transpose(0, 1)).flatten(-2, -1)


def by_atom(found: Slopes) -> torch.Tensor:
    """H (N, K, T) as the committee's functions take it."""
    return _beside(found.rows, found.mixtures).contiguous()


def _beside(rows: torch.Tensor, mixtures: int) -> torch.Tensor:
    """(·, N·K) -> (N, K, ·)."""
    return rows.transpose(0, 1).unflatten(0, (-1, mixtures))


def _to_channels(c: Constants, gradient: torch.Tensor) -> torch.Tensor:
    """(..., K, Z) -> (..., C, Y)."""
    if c.mixtures is not None:
        gradient = torch.matmul(c.mixtures.transpose(0, 1), gradient)
    return torch.matmul(gradient, c.place)


def _from_channels(c: Constants, dA: torch.Tensor) -> torch.Tensor:
    """(..., C, Y) -> (..., K, Z), the transpose of ``_to_channels``."""
    own = dA[..., 1 : c.place.shape[0] + 1]
    return own if c.mixtures is None else torch.matmul(c.mixtures, own)


def _rows_of(degree: int) -> slice:
    return slice(degree**2 - 1, (degree + 1) ** 2 - 1)


def _targets(l_max: int) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Degrees (l1, l2) of a product -> (number of the function, degree l3) of the slopes that it gives."""
    result: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for number, triple in enumerate(triples(l_max)):
        for degree in sorted(set(triple)):
            rest = list(triple)
            rest.remove(degree)
            result.setdefault((rest[0], rest[1]), []).append((number, degree))
    return result
