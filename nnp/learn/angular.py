"""Wide angular functions in moment form: three-body sums at the cost of a two-body sum, exactly.

G⁵_i = 2^(1-ζ) Σ_{j<k} (1 + λ cos θ_ijk)^ζ R(r_ij) R(r_ik)      (Behler 2011, G⁵: no f_c(r_jk); R = Gaussian · f_c)

For integer ζ the angular factor is a polynomial in u_j·u_k, hence a sum of Legendre polynomials, and with real
harmonics normalised so that Σ_m Y_lm(u) Y_lm(v) = P_l(u·v) every double sum over neighbours is a product of moments
(DESIGN 4.2):

A_a,lm = Σ_j R_a(r_ij) Y_lm(u_ij)       p_l(a, b) = Σ_m A_a,lm A_b,lm       S(a, b) = Σ_j R_a(r_ij) R_b(r_ij)

G⁵ = 2^(1-ζ) κ [ Σ_l c_l p_l(a, b) - δ_ee' (1+λ)^ζ S(a, b) ],    (1+λx)^ζ = Σ_l c_l P_l(x)

with κ = ½ and δ_ee' = 1 for equal elements, κ = 1 and δ_ee' = 0 for different ones.

A channel ``a`` is a radial channel of one neighbour element. The harmonics are those of ``harmonics``; four-body
functions of the same moments are in ``four_body``.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nnp.learn import radial
from nnp.learn.four_body import FourBody

MAX_DEGREE = 8
"""Largest ζ and l: beyond it float32 moments lose digits and direct sums are cheaper (DESIGN 4.2)."""


@dataclass(frozen=True, kw_only=True)
class WideAngular:
    """Every G⁵ of ``channels`` x ``zetas`` x ``lambdas``, for every pair of neighbour elements.

    Attributes:
        channels: radial parts R(r); both neighbours of a triple have the same.
        zetas: integer exponents ζ, 1 to ``MAX_DEGREE``.
        lambdas: signs λ, of -1 and +1.
    """

    channels: tuple[radial.Channel, ...]
    zetas: tuple[int, ...] = (1, 2, 4)
    lambdas: tuple[int, ...] = (-1, 1)

    def __post_init__(self) -> None:
        if not self.channels or not self.zetas or not self.lambdas:
            raise ValueError("wide angular functions need at least one radial channel, one zeta and one lambda")
        radial.check_kind(self.channels)
        if not all(isinstance(zeta, int) and 1 <= zeta <= MAX_DEGREE for zeta in self.zetas):
            raise ValueError(f"zeta must be an integer from 1 to {MAX_DEGREE}, not {self.zetas}")
        if not set(self.lambdas) <= {-1, 1}:
            raise ValueError(f"lambda must be -1 or 1, not {self.lambdas}")

    @property
    def symbol(self) -> str:
        """First word of the names."""
        return "G5"

    @property
    def degree(self) -> int:
        """Largest degree L of the harmonics needed."""
        return max(self.zetas)

    @property
    def appends_self_sums(self) -> bool:
        """Whether self sums are functions of their own; never for G5, which subtracts them."""
        return False

    def functions(self) -> list[str]:
        """Names of the F functions of one pair of channels."""
        return [f"zeta={zeta} lambda={sign:+d}" for zeta in self.zetas for sign in self.lambdas]

    def legendre(self) -> tuple[np.ndarray, np.ndarray, bool]:
        """Coefficients 2^(1-ζ) c_l (F, L+1), self-sum weights 2^(1-ζ) (1+λ)^ζ (F,), and whether κ = ½ applies."""
        rows, weights = [], []
        for zeta in self.zetas:
            for sign in self.lambdas:
                powers = [math.comb(zeta, k) * float(sign) ** k * 2.0 ** (1 - zeta) for k in range(zeta + 1)]
                row = np.polynomial.legendre.poly2leg(powers)
                rows.append(np.pad(row, (0, self.degree + 1 - len(row))))
                weights.append(2.0 ** (1 - zeta) * (1.0 + sign) ** zeta)
        return np.array(rows), np.array(weights), True

    def pairs(self, n_groups: int) -> list[tuple[int, int]]:
        """Channel pairs (e·n + c, e'·n + c) with e <= e'."""
        n = len(self.channels)
        return [(e * n + c, f * n + c) for e in range(n_groups) for f in range(e, n_groups) for c in range(n)]

    def to_dict(self) -> dict[str, Any]:
        """The definition as JSON-like data, read back by ``angular_from_dict``."""
        channels = [channel.to_dict() for channel in self.channels]
        return {"kind": "wide", "channels": channels, "zetas": list(self.zetas), "lambdas": list(self.lambdas)}


@dataclass(frozen=True, kw_only=True)
class PowerSpectrum:
    """p_l(a, b), l = 0..l_max, for every pair of channels (radial, and neighbour element).

    Attributes:
        channels: radial parts R(r).
        l_max: largest l, 0 to ``MAX_DEGREE``.
        cross: pair different radial channels too (otherwise only equal ones).
        self_sums: what becomes of S(a, b), with which every wide G⁵ is a linear map of the inputs: ``append`` them as
            further inputs, ``subtract`` them from every p_l (pure three-body sums; no further input needed), or
            ``none``.
        four_body: functions of three moments of these channels, or None.
    """

    channels: tuple[radial.Channel, ...]
    l_max: int = 4
    cross: bool = True
    self_sums: Literal["append", "subtract", "none"] = "append"
    four_body: FourBody | None = None

    def __post_init__(self) -> None:
        if not self.channels:
            raise ValueError("a power spectrum needs at least one radial channel")
        radial.check_kind(self.channels)
        if not 0 <= self.l_max <= MAX_DEGREE:
            raise ValueError(f"l_max must be from 0 to {MAX_DEGREE}, not {self.l_max}")
        if self.self_sums not in ("append", "subtract", "none"):
            raise ValueError(f"self_sums must be append, subtract or none, not {self.self_sums!r}")
        if self.four_body is not None and self.four_body.l_max > self.l_max:
            raise ValueError(f"l_max of four-body functions is {self.four_body.l_max}, above {self.l_max}")

    @property
    def symbol(self) -> str:
        """First word of the names."""
        return "p"

    @property
    def degree(self) -> int:
        """Highest degree of the monomials in the components of u_ij."""
        return self.l_max

    @property
    def appends_self_sums(self) -> bool:
        """Whether self sums are functions of their own."""
        return self.self_sums == "append"

    def functions(self) -> list[str]:
        """Names of the F functions of one pair of channels."""
        return [f"l={degree}" for degree in range(self.l_max + 1)]

    def legendre(self) -> tuple[np.ndarray, np.ndarray, bool]:
        """As ``WideAngular.legendre``: unit coefficients; self sums subtracted or not; κ = 1."""
        weight = 1.0 if self.self_sums == "subtract" else 0.0
        return np.eye(self.l_max + 1), np.full(self.l_max + 1, weight), False

    def pairs(self, n_groups: int) -> list[tuple[int, int]]:
        """Channel pairs (a, b) = (e·n + c, e'·n + c'), a <= b."""
        n = len(self.channels)
        every = [(a, b) for a in range(n_groups * n) for b in range(a, n_groups * n)]
        return [(a, b) for a, b in every if self.cross or a % n == b % n]

    def to_dict(self) -> dict[str, Any]:
        """The definition as JSON-like data, read back by ``angular_from_dict``."""
        channels = [channel.to_dict() for channel in self.channels]
        fields = {"l_max": self.l_max, "cross": self.cross, "self_sums": self.self_sums}
        four_body = {} if self.four_body is None else {"four_body": self.four_body.to_dict()}
        return {"kind": "power_spectrum", "channels": channels, **fields, **four_body}


@dataclass(frozen=True, kw_only=True)
class ChebyshevAngular:
    """Σ_{j<k} T_n(cos θ_ijk) R(r_ij) R(r_ik), n = 0..order, for every channel (Artrith et al. 2017, aenet).

    A Chebyshev polynomial of the cosine is a sum of Legendre polynomials, so it is exact in moments.

    Attributes:
        channels: radial parts R(r); aenet has one, the cutoff function alone.
        order: largest n, 0 to ``MAX_DEGREE``.
        cross: pair different groups of neighbours too (elements need it, element channels as in aenet do not).
    """

    channels: tuple[radial.Channel, ...] = (radial.Radial(),)
    order: int = 4
    cross: bool = True

    def __post_init__(self) -> None:
        if not self.channels or not 0 <= self.order <= MAX_DEGREE:
            raise ValueError(f"order must be from 0 to {MAX_DEGREE}, not {self.order}, and there must be a channel")
        radial.check_kind(self.channels)

    @property
    def symbol(self) -> str:
        """First word of the names."""
        return "T3"

    @property
    def degree(self) -> int:
        """Largest degree L of the harmonics needed."""
        return self.order

    @property
    def appends_self_sums(self) -> bool:
        """Never: they are subtracted."""
        return False

    def functions(self) -> list[str]:
        """Names of the F functions of one pair of channels."""
        return [f"order={n}" for n in range(self.order + 1)]

    def legendre(self) -> tuple[np.ndarray, np.ndarray, bool]:
        """As ``WideAngular.legendre``; T_n(1) = 1 is the weight of every self sum."""
        powers = [np.polynomial.chebyshev.cheb2poly(np.eye(self.order + 1)[n]) for n in range(self.order + 1)]
        rows = [np.polynomial.legendre.poly2leg(row) for row in powers]
        padded = [np.pad(row, (0, self.order + 1 - len(row))) for row in rows]
        return np.array(padded), np.ones(self.order + 1), True

    def pairs(self, n_groups: int) -> list[tuple[int, int]]:
        """Channel pairs (g·n + c, g'·n + c) with g <= g', or g = g' only."""
        n = len(self.channels)
        groups = [(g, h) for g in range(n_groups) for h in range(g, n_groups if self.cross else g + 1)]
        return [(g * n + c, h * n + c) for g, h in groups for c in range(n)]

    def to_dict(self) -> dict[str, Any]:
        """The definition as JSON-like data, read back by ``angular_from_dict``."""
        channels = [channel.to_dict() for channel in self.channels]
        return {"kind": "chebyshev", "channels": channels, "order": self.order, "cross": self.cross}


Angular = WideAngular | PowerSpectrum | ChebyshevAngular


def four_body_of(part: Angular) -> FourBody | None:
    """The four-body functions of an angular part, if it has any."""
    return part.four_body if isinstance(part, PowerSpectrum) else None


def angular_from_dict(fields: dict[str, Any] | None) -> Angular | None:
    """The angular part from its JSON form."""
    if fields is None:
        return None
    channels = tuple(radial.channel_from_dict(channel) for channel in fields["channels"])
    if fields["kind"] == "wide":
        return WideAngular(channels=channels, zetas=tuple(fields["zetas"]), lambdas=tuple(fields["lambdas"]))
    if fields["kind"] == "power_spectrum":
        triples = fields.get("four_body")
        return PowerSpectrum(
            channels=channels,
            l_max=fields["l_max"],
            cross=fields["cross"],
            self_sums=fields["self_sums"],
            four_body=None if triples is None else FourBody.from_dict(triples),
        )
    if fields["kind"] == "chebyshev":
        return ChebyshevAngular(channels=channels, order=fields["order"], cross=fields["cross"])
    raise ValueError(f"unknown kind of angular functions {fields['kind']!r}; known: wide, power_spectrum, chebyshev")
