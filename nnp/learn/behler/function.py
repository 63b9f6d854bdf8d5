"""One symmetry function of one centre element.

With R(r) = exp(-η (r - r_s)²) f_c(r), pairs j < k of neighbours, and lengths in Å (n2p2's numbers of the types):

2   Σ_j R(r_ij)                                                        12  the same over all elements, weighted by Z_j
3   2^(1-ζ) Σ_{j<k} (1 + λ cos θ_ijk)^ζ R(r_ij) R(r_ik) R(r_jk)        13  likewise, weighted by Z_j Z_k
9   2^(1-ζ) Σ_{j<k} (1 + λ cos θ_ijk)^ζ R(r_ij) R(r_ik)
20  Σ_j C(r_ij)                                                        23  likewise
21  Σ_{j<k} C(r_ij) C(r_ik) C(r_jk) C_θ(θ_ijk)                         24  likewise
22  Σ_{j<k} C(r_ij) C(r_ik) C_θ(θ_ijk)                                 25  likewise

C is compact: core(|r - (lo+hi)/2| / ((hi-lo)/2)) between ``lower`` and ``cutoff``, C_θ between the two angles (without
asymmetry), 0 outside. Sources: Behler, J. Chem. Phys. 134, 074106 (2011), G², G⁴, G⁵ = types 2, 3, 9; Gastegger et al.,
J. Chem. Phys. 148, 241709 (2018), 12 and 13; Bircher, Singraber, Dellago, arXiv:2010.14414, 20 to 25.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

from ase.data import atomic_numbers

from nnp.learn.behler import cutoffs

RADIAL, NARROW, WIDE = (2, 12, 20, 23), (3, 13, 21, 24), (9, 22, 25)
WEIGHTED = (12, 13, 23, 24, 25)
COMPACT = (20, 21, 22, 23, 24, 25)
TYPES = tuple(sorted(RADIAL + NARROW + WIDE))
"""The types of symmetry functions, by n2p2's numbers."""


@dataclass(frozen=True, kw_only=True)
class Function:
    """One symmetry function; a field that its type does not use keeps its default.

    Attributes:
        type: n2p2's number, one of ``TYPES``.
        neighbours: element of the neighbours of a radial function, two (in any order) of an angular one, none of a
            weighted one.
        cutoff: R_c, Å; a neighbour counts when r < R_c.
        eta: η, 1/Å² (2, 3, 9, 12, 13).
        shift: r_s, Å (2, 3, 9, 12, 13).
        zeta: ζ > 0, an integer or not (3, 9, 13).
        lambda_: λ (3, 9, 13).
        cutoff_function: one of ``cutoffs.CUTOFF_TYPES`` (2, 3, 9, 12, 13).
        alpha: inner radius of the cutoff function as a fraction of R_c (2, 3, 9, 12, 13).
        lower: lower end of the radial window, Å, may be negative (20 to 25).
        angles: ends of the angular window, degrees (21, 22, 24, 25).
        core: core function of the windows, one of ``cutoffs.SUBTYPES`` (20 to 25).

    Raises:
        ValueError: a value is impossible or belongs to another type.
    """

    type: int
    neighbours: tuple[str, ...] = ()
    cutoff: float
    eta: float = 0.0
    shift: float = 0.0
    zeta: float = 1.0
    lambda_: float = 1.0
    cutoff_function: str = "cosine"
    alpha: float = 0.0
    lower: float = 0.0
    angles: tuple[float, float] = (0.0, 180.0)
    core: str = "p2"

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise ValueError(f"unknown type of symmetry function {self.type}; known: {', '.join(map(str, TYPES))}")
        _check_neighbours(self)
        _check_fields(self)
        if self.compact:
            _check_windows(self)
        else:
            _check_exponential(self)
        object.__setattr__(self, "neighbours", tuple(sorted(self.neighbours, key=lambda e: atomic_numbers[e])))

    @property
    def weighted(self) -> bool:
        """Whether it sums over all elements, weighted by atomic numbers."""
        return self.type in WEIGHTED

    @property
    def compact(self) -> bool:
        """Whether it is made of windows (20 to 25)."""
        return self.type in COMPACT

    @property
    def angular(self) -> bool:
        """Whether it sums over pairs of neighbours."""
        return self.type not in RADIAL

    @property
    def narrow(self) -> bool:
        """Whether the distance of the two neighbours matters."""
        return self.type in NARROW

    @property
    def name(self) -> str:
        """Readable: the type, the elements and every value that is not its default."""
        values = [f"{key.rstrip('_')}={_short(value)}" for key, value in list(self.to_dict().items())[1:]]
        values = [value for value in values if not value.startswith("neighbours=")]
        return " ".join([f"type {self.type}", "-".join(self.neighbours) or "all", *values])

    def to_dict(self) -> dict[str, Any]:
        """The fields that are not defaults, as JSON-like data."""
        result = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                result[field.name] = list(value) if isinstance(value, tuple) else value
        return result

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Function":
        """The function that ``to_dict`` wrote.

        Raises:
            TypeError: a field is missing or unknown.
            ValueError: see the class.
        """
        given: dict[str, Any] = {k: tuple(value) if isinstance(value, list) else value for k, value in fields.items()}
        return cls(**given)


def _short(value: object) -> str:
    if isinstance(value, list):
        return "..".join(_short(item) for item in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _check_neighbours(function: Function) -> None:
    wanted = 0 if function.weighted else 2 if function.angular else 1
    if len(function.neighbours) != wanted:
        raise ValueError(
            f"a function of type {function.type} has {wanted} neighbour elements, not {function.neighbours}"
        )
    unknown = [element for element in function.neighbours if element not in atomic_numbers]
    if unknown:
        raise ValueError(f"unknown chemical element {unknown[0]!r}")


def _check_fields(function: Function) -> None:
    """Fields of other types keep their defaults."""
    unused = {"eta", "shift", "cutoff_function", "alpha"} if function.compact else {"lower", "core"}
    if function.compact or not function.angular:
        unused |= {"zeta", "lambda_"}
    if not (function.compact and function.angular):
        unused.add("angles")
    given = sorted(unused & set(function.to_dict()))
    if given:
        raise ValueError(f"a function of type {function.type} has no {', '.join(given)}")


def _check_exponential(function: Function) -> None:
    if not function.cutoff > 0.0:
        raise ValueError(f"the cutoff must be positive, not {function.cutoff}")
    if function.cutoff_function not in cutoffs.CUTOFF_TYPES:
        known = ", ".join(cutoffs.CUTOFF_TYPES)
        raise ValueError(f"unknown cutoff function {function.cutoff_function!r}; known: {known}")
    if not 0.0 <= function.alpha < 1.0:
        raise ValueError(f"alpha must be at least 0 and below 1, not {function.alpha}")
    if not function.zeta > 0.0:
        raise ValueError(f"zeta must be positive, not {function.zeta}")


def _check_windows(function: Function) -> None:
    left, right = function.angles
    if function.core not in cutoffs.SUBTYPES:
        raise ValueError(f"unknown core function {function.core!r}; known: {', '.join(cutoffs.SUBTYPES)}")
    if not (function.cutoff > 0.0 and function.lower < function.cutoff):
        raise ValueError(f"the window from {function.lower} to {function.cutoff} Å is empty")
    if not (left < right and right - left <= 360.0):
        raise ValueError(f"the window from {left} to {right} degrees is empty or wider than 360 degrees")
    if (left < 0.0 and left + right != 0.0) or (right > 180.0 and left + right != 360.0):
        raise ValueError(f"the window from {left} to {right} degrees leaves 0 to 180 without being centred on an end")
