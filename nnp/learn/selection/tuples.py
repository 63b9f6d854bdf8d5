"""Which pairs and triples of elements matter: a suggestion from the structure of the data (paper 3.2.2).

Li et al. kept 13 of the 27 types of symmetry functions for Li3PO4: nine radial ones and the angles between bonds that
occur (O-P-O, O-Li-O, Li-O-Li, ...), and lost no accuracy. Here a bond is a direct neighbour (`distributions`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ase.data import atomic_numbers

from nnp.core.label import Frame
from nnp.learn.distributions import Distributions, distributions

RARE = 0.1
"""A triple that occurs less often per atom of its centre is left out."""


@dataclass(frozen=True, kw_only=True)
class Tuple:
    """A type of symmetry function.

    Attributes:
        kind: "radial" or "angular".
        elements: centre and neighbour, or neighbour, centre and neighbour.
        kept: whether it is suggested to keep it.
        per_atom: direct neighbours (radial) or angles between two of them (angular) for each atom of the centre.
        reason: a sentence.
    """

    kind: str
    elements: tuple[str, ...]
    kept: bool
    per_atom: float
    reason: str

    @property
    def centre(self) -> str:
        """The element around which the functions are."""
        return self.elements[0] if self.kind == "radial" else self.elements[1]

    def to_dict(self) -> dict[str, Any]:
        """As JSON-like data."""
        fields = {"kept": self.kept, "per_atom": self.per_atom, "reason": self.reason}
        return {"kind": self.kind, "elements": list(self.elements), **fields}


def suggest_masks(frames: Sequence[Frame], cutoff: float) -> list[Tuple]:
    """Every pair (centre, neighbour) and triple (neighbour, centre, neighbour), and whether to keep it.

    A pair is kept where the two elements come within the cutoff, a triple where both neighbours are direct ones of the
    same centre atom at least once for every ten centre atoms.

    Args:
        frames: structures of the data set.
        cutoff: of the symmetry functions, Å.
    """
    symbols = {symbol for frame in frames for symbol in frame.structure.elements}
    return suggested(distributions(frames, sorted(symbols, key=lambda symbol: atomic_numbers[symbol]), cutoff))


def suggested(found: Distributions, centres: Sequence[str] | None = None) -> list[Tuple]:
    """As `suggest_masks`, from distributions; of a guest, whose elements are the `centres`, for it alone."""
    types = [*_radial(found), *_angular(found)]
    return [one if centres is None or one.centre in centres else _useless(one) for one in types]


def _useless(one: Tuple) -> Tuple:
    return replace(one, kept=False, reason=f"atoms of {one.centre} have no networks")


def kept(types: Sequence[Tuple]) -> dict[str, list[list[str]]]:
    """The kept tuples as `element_tuples` of a recipe has them: pairs [centre, neighbour], triples with it between."""
    return {kind: [list(t.elements) for t in types if t.kept and t.kind == kind] for kind in ("radial", "angular")}


def _radial(found: Distributions) -> list[Tuple]:
    result = []
    for a, centre in enumerate(found.elements):
        for b, neighbour in enumerate(found.elements):
            number, (mean, spread) = float(found.direct[a, b]), found.shell[a, b]
            within = bool(found.rdf[a, b].any())
            nearest = found.radii[np.argmax(found.rdf[a, b] > 0.0)]
            if number >= RARE:
                reason = f"{number:.1f} direct neighbours {neighbour} at {mean:.2f} ± {spread:.2f} Å"
            elif within:
                reason = f"{neighbour} from {nearest:.1f} Å on, behind other atoms"
            else:
                reason = f"no {neighbour} within the cutoff of {found.cutoff:g} Å"
            elements = (centre, neighbour)
            result.append(Tuple(kind="radial", elements=elements, kept=within, per_atom=number, reason=reason))
    return result


def _angular(found: Distributions) -> list[Tuple]:
    result = []
    width = 180.0 / len(found.angles)
    for c, centre in enumerate(found.elements):
        for p, (a, b) in enumerate(found.pairs):
            counts = found.adf[c, p] * width
            number = float(counts.sum())
            elements = (found.elements[a], centre, found.elements[b])
            if number >= RARE:
                mean = float(np.average(found.angles, weights=counts))
                spread = float(np.sqrt(np.average((found.angles - mean) ** 2, weights=counts)))
                reason = f"{number:.1f} angles between direct neighbours, at {mean:.0f} ± {spread:.0f}°"
            else:
                missing = [found.elements[x] for x in dict.fromkeys((a, b)) if found.direct[c, x] < RARE]
                reason = _absence(elements, missing)
            kept_here = number >= RARE
            result.append(Tuple(kind="angular", elements=elements, kept=kept_here, per_atom=number, reason=reason))
    return result


def _absence(elements: tuple[str, str, str], missing: Sequence[str]) -> str:
    """Why a triple is left out, given which of its neighbours are no direct ones of the centre."""
    if not missing:
        return f"{elements[0]} and {elements[2]} are hardly ever direct neighbours of the same {elements[1]}"
    verb = "are no direct neighbours" if len(missing) > 1 else "is no direct neighbour"
    return f"{' and '.join(missing)} {verb} of {elements[1]}"
