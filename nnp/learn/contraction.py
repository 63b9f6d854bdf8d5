"""The constant matrices that turn moments into angular functions and back.

The formulas are in ``angular`` and ``symmetry_functions``: Q = (L+1)² monomials and n channels R are the rows B of a
geometry; Y = (L+1)² harmonics. Everything is linear algebra on these: no loop over channels, degrees or pairs is left.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch

from nnp.learn import angular, harmonics, radial


class Constants(NamedTuple):
    """E elements, n radial channels, C = E·n channels, P pairs of channels, F functions of a pair."""

    n_pairs: int  # P
    first: torch.Tensor | None  # (P,) channel a of each pair; None when pairs are (a, a) for every channel in order
    second: torch.Tensor | None  # (P,) channel b
    harmonics: torch.Tensor  # (Q+n, Y) H, zero rows for the self sums
    functions: torch.Tensor  # (Y, F) T
    factors: torch.Tensor | None  # (P, 1) κ, None where 1 for all
    weights: torch.Tensor | None  # (P, P·F) -w of each pair's functions; None where all zero
    select: torch.Tensor | None  # (C (Q+n), P) κ S from the flat moments; None where no function uses S
    append: torch.Tensor | None  # (P, P_same) which S are functions themselves
    incidence: torch.Tensor | None  # (C, 2P) sums pair contributions into channels
    self_gradient: torch.Tensor | None  # (P, C n) dE/dR rows from dE/dS
    coefficients: torch.Tensor  # (Y+n, 4 (Q+n)) value and three slopes; (Y, ·) where no function uses S
    rows: torch.Tensor  # (6, 4n) a0, a1, a2, v_x, v_y, v_z from the weighted channels

    def columns(self, by_function: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The columns (..., ·) of pairs of channels, of appended self sums, and those that follow them."""
        paired = self.n_pairs * self.functions.shape[1]
        appended = paired + (0 if self.append is None else self.append.shape[1])
        return by_function[..., :paired], by_function[..., paired:appended], by_function[..., appended:]

    def by_self_sum(self, by_pair: torch.Tensor, by_appended: torch.Tensor) -> torch.Tensor | None:
        """dE/dS (..., P) from dE/dG of the pairs' functions and of the appended self sums; None where S is not used."""
        dS = None if self.weights is None else torch.matmul(by_pair, self.weights.transpose(0, 1))
        if self.append is None:
            return dS
        appended = torch.matmul(by_appended, self.append.transpose(0, 1))
        return appended if dS is None else dS + appended


@lru_cache(maxsize=32)
def radial_slopes(
    channels: tuple[radial.Radial, ...], n_elements: int, dtype: torch.dtype, device: torch.device
) -> torch.Tensor:
    """(E·n, 3·E·n): spreads dE/dG of the radial functions to the rows a₀, a₁, a₂ of their slopes, by element."""
    by_row = torch.tensor(radial.slope_coefficients(channels), dtype=dtype, device=device)
    one_element = torch.cat([torch.diag(row) for row in by_row], 1)
    return torch.block_diag(*[one_element] * n_elements)


@lru_cache(maxsize=32)
def constants(part: angular.Angular, n_elements: int, dtype: torch.dtype, device: torch.device) -> Constants:
    """The constant matrices of an angular part for neighbours of ``n_elements`` elements."""
    n, pairs = len(part.channels), part.pairs(n_elements)
    slopes, change = harmonics.derivatives(part.degree), harmonics.harmonics(part.degree)
    Q, Y, C, P = change.shape[0], change.shape[1], n_elements * n, len(pairs)
    legendre, weights, halves = part.legendre()
    same = np.array([a // n == b // n for a, b in pairs])
    kappa = np.where(same & halves, 0.5, 1.0)
    fold = kappa[0] if np.all(kappa == kappa[0]) else 1.0
    degrees = np.repeat(np.arange(part.degree + 1), 2 * np.arange(part.degree + 1) + 1)
    select, self_gradient = np.zeros((C, Q + n, P)), np.zeros((P, C, n))
    incidence = np.zeros((C, 2 * P))
    for p, (a, b) in enumerate(pairs):
        incidence[a, p] += 1.0
        incidence[b, P + p] += 1.0
        if same[p]:
            select[a, Q + b % n, p] = kappa[p]
            self_gradient[p, a, b % n] += kappa[p]
            self_gradient[p, b, a % n] += kappa[p]
    coefficients = np.zeros((Y + n, 4, Q + n))
    coefficients[:Y, 0, :Q] = change.T
    coefficients[Y:, 0, Q:] = np.eye(n)
    coefficients[:Y, 1:, :Q] = np.einsum("qy,kqp->ykp", change, slopes)
    rows = np.zeros((6, n, 4))
    rows[:3, :, 0] = radial.slope_coefficients(part.channels)
    rows[3:, :, 1:] = np.eye(3)[:, None, :]
    diagonal = pairs == [(a, a) for a in range(C)]

    def tensor(array: np.ndarray) -> torch.Tensor:
        return torch.tensor(array, dtype=dtype, device=device)

    uses_self = bool(weights.any()) or part.appends_self_sums
    return Constants(
        n_pairs=P,
        first=None if diagonal else torch.tensor([a for a, _ in pairs], device=device),
        second=None if diagonal else torch.tensor([b for _, b in pairs], device=device),
        harmonics=tensor(np.concatenate([change, np.zeros((n, Y))])),
        functions=tensor(legendre.T[degrees] * fold),
        factors=None if np.all(kappa == fold) else tensor(kappa[:, None] / fold),
        weights=None if not weights.any() else tensor(np.kron(np.eye(P), -weights[None, :])),
        select=tensor(select.reshape(-1, P)) if uses_self else None,
        append=tensor(np.eye(P)[:, same]) if part.appends_self_sums else None,
        incidence=None if diagonal else tensor(incidence),
        self_gradient=tensor(self_gradient.reshape(P, -1)) if uses_self else None,
        coefficients=tensor(coefficients.reshape(Y + n, -1)[: Y + n if uses_self else Y]),
        rows=tensor(rows.reshape(6, -1)),
    )
