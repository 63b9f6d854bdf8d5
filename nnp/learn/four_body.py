"""Four-body invariants: three moments coupled to a scalar, at a cost that does not depend on the neighbours.

B_l1,l2,l3(k) = Σ_m1,m2,m3 C_m1,m2,m3 A_k,l1 m1 A_k,l2 m2 A_k,l3 m3 = Σ_{j,j',j''} R R' R'' F_l1,l2,l3(u_j, u_j', u_j'')

with C = ∫ Y_l1 m1 Y_l2 m2 Y_l3 m3 dΩ/4π, normalised so that F(u, u, u) = 1, as P_l(1) = 1. The sum l1 + l2 + l3 is even
(reflections leave F) and the three satisfy the triangle rule: the bispectrum in a real basis. A mixture k is a sum of
channels, A_k = Σ_a w_ka A_a: products of different channels and elements come in through mixtures, and their number is
chosen, not given by the number of elements (Darby et al. 2023, tensor-reduced atomic cluster expansion).

B is homogeneous of degree three, so its slopes H = ∂B/∂A give everything: B = ⅓ H·A, dE/dA = dE/dB·H, dB = H·dA, and
H = (products of two moments) · (a constant matrix).
"""

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch

from nnp.learn import harmonics

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


class Constants(NamedTuple):
    """C channels, K mixtures, F functions of a mixture, Z = (l_max+1)² - 1 harmonics with l >= 1, P products of two."""

    mixtures: torch.Tensor | None  # (K, C)
    first: torch.Tensor  # (P,) index of a harmonic
    second: torch.Tensor  # (P,)
    couplings: torch.Tensor  # (P, F·Z)
    place: torch.Tensor  # (Z, Y) puts Z harmonics among all Y of the moments


class Slopes(NamedTuple):
    """Of every atom."""

    moments: torch.Tensor  # (N, K, Z) of the mixtures
    by_moment: torch.Tensor  # (N, K, F, Z) H = ∂B/∂A


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
    powers = np.array([np.prod(unit ** np.array(p)[:, None, None], axis=0) for p in harmonics.exponents(degree)])
    values = np.einsum("qab,qy->yab", powers, harmonics.harmonics(degree))
    blocks = [values[degree**2 : (degree + 1) ** 2] for degree in (l1, l2, l3)]
    integral = np.einsum("iab,jab,kab,a->ijk", *blocks, weights) / (2.0 * (order + 1))
    legendre = [np.polynomial.legendre.legval(z, np.eye(degree + 1)[degree]) for degree in (l1, l2, l3)]
    return integral / (0.5 * np.sum(weights * np.prod(legendre, axis=0)))


@lru_cache(maxsize=32)
def constants(part: FourBody, n_harmonics: int, dtype: torch.dtype, device: torch.device) -> Constants:
    """The constant matrices for moments of ``n_harmonics`` = Y harmonics."""
    forms = _forms(part.l_max)
    size = forms.shape[1]
    pairs = [(i, j) for i in range(size) for j in range(i, size) if np.any(forms[:, i, j])]
    # H_y = 3 Σ_ij form_ijy A_i A_j; products with i < j stand for both orders
    rows = [3.0 * (1.0 if i == j else 2.0) * forms[:, i, j].ravel() for i, j in pairs]
    place = np.zeros((size, n_harmonics))
    place[:, 1 : size + 1] = np.eye(size)

    def tensor(array: Any) -> torch.Tensor:
        return torch.tensor(np.asarray(array), dtype=dtype, device=device)

    return Constants(
        mixtures=None if part.mixtures is None else tensor(part.mixtures),
        first=torch.tensor([i for i, _ in pairs], device=device),
        second=torch.tensor([j for _, j in pairs], device=device),
        couplings=tensor(rows),
        place=tensor(place),
    )


def slopes(c: Constants, moments: torch.Tensor) -> Slopes:
    """H from the moments A (N, C, Y)."""
    size = c.place.shape[0]
    own = moments[..., 1 : size + 1]
    if c.mixtures is not None:
        own = torch.matmul(c.mixtures, own)
    products = own.index_select(-1, c.first) * own.index_select(-1, c.second)
    return Slopes(own, torch.matmul(products, c.couplings).unflatten(-1, (c.couplings.shape[1] // size, size)))


def values(found: Slopes) -> torch.Tensor:
    """B (N, K·F), mixture by mixture."""
    return ((found.by_moment * found.moments.unsqueeze(-2)).sum(-1) * (1.0 / 3.0)).flatten(-2, -1)


def adjoint(c: Constants, found: Slopes, dE_dB: torch.Tensor) -> torch.Tensor:
    """dE/dA (..., N, C, Y) from dE/dB (..., N, K·F)."""
    n_mixtures, n_functions = found.by_moment.shape[-3:-1]
    seeds = dE_dB.unflatten(-1, (n_mixtures, n_functions)).unsqueeze(-1)
    return _to_channels(c, (seeds * found.by_moment).sum(-2))


def jvp(c: Constants, found: Slopes, dA: torch.Tensor) -> torch.Tensor:
    """Changes dB (..., N, K·F) from dA (..., N, C, Y): the transpose of ``adjoint``."""
    return (found.by_moment * _from_channels(c, dA).unsqueeze(-2)).sum(-1).flatten(-2, -1)


def committee_adjoint(c: Constants, by_moment: torch.Tensor, dE_dB: torch.Tensor) -> torch.Tensor:
    """dE/dA (N, M, C, Y) from dE/dB (N, M, K·F), members beside the mixtures."""
    seeds = dE_dB.unflatten(-1, by_moment.shape[1:3]).transpose(1, 2)
    return _to_channels(c, torch.matmul(seeds, by_moment).transpose(1, 2))


def committee_jvp(c: Constants, by_moment: torch.Tensor, dA: torch.Tensor) -> torch.Tensor:
    """Changes dB (N, M, K·F) from dA (N, M, C, Y): the transpose of ``committee_adjoint``."""
    changes = _from_channels(c, dA).transpose(1, 2)  # (N, K, M, Z)
    return torch.matmul(changes, by_moment.transpose(2, 3)).transpose(1, 2).flatten(-2, -1)


def _to_channels(c: Constants, gradient: torch.Tensor) -> torch.Tensor:
    """(..., K, Z) -> (..., C, Y)."""
    if c.mixtures is not None:
        gradient = torch.matmul(c.mixtures.transpose(0, 1), gradient)
    return torch.matmul(gradient, c.place)


def _from_channels(c: Constants, dA: torch.Tensor) -> torch.Tensor:
    """(..., C, Y) -> (..., K, Z), the transpose of ``_to_channels``."""
    own = dA[..., 1 : c.place.shape[0] + 1]
    return own if c.mixtures is None else torch.matmul(c.mixtures, own)


def _forms(l_max: int) -> np.ndarray:
    """(F, Z, Z, Z): B as symmetric trilinear forms of the moments with l >= 1."""
    size = (l_max + 1) ** 2 - 1
    forms = np.zeros((len(triples(l_max)), size, size, size))
    for form, degrees in zip(forms, triples(l_max), strict=True):
        blocks = [slice(degree**2 - 1, (degree + 1) ** 2 - 1) for degree in degrees]
        value = coupling(*degrees)
        for order in itertools.permutations(range(3)):
            form[tuple(blocks[i] for i in order)] += value.transpose(order) / 6.0
    forms[np.abs(forms) < 1e-14] = 0.0
    return forms
