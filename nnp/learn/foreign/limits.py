"""What an imported potential cannot do, as codes and sentences; promotion asks for them to be accepted."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.data import atomic_numbers, covalent_radii

from nnp.core import potential as potentials
from nnp.core.structure import Structure
from nnp.learn.behler.function import Function
from nnp.learn.foreign import export_parts
from nnp.learn.potential import Potential

CONTINUITY = ("continuity value", "continuity slope")
"""Checks of the physics contract that look at a neighbour crossing the cutoff."""
KINKED = ("cosine", "polynomial3")
"""Cutoff functions whose second derivative jumps at the cutoff."""
KINKED_CORES = ("p1", "p1a")
SCAN = np.arange(0.20, 0.6001, 0.02)
"""Distances of the dimers over the sum of the covalent radii."""

PRECISE = 1e-4
"""Errors of forces in single precision, as a fraction of their rms, that need no mention."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One limit.

    Attributes:
        code: short name.
        sentence: what it means for a user.
        checks: names of checks of the physics contract that may fail because of it.
    """

    code: str
    sentence: str
    checks: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON-like data."""
        return {"code": self.code, "sentence": self.sentence, "checks": list(self.checks)}


def of(potential: Potential, served: potentials.Potential, rounding: float) -> list[Limit]:
    """The limits of a potential.

    Args:
        potential: the parameters.
        served: the same in double precision.
        rounding: largest error of forces in single precision, as a fraction of their rms.
    """
    return [*_of_cutoffs(potential), *_of_repulsion(served), *_of_networks(potential), *_of_precision(rounding)]


def has_hard_cutoff(potential: Potential) -> bool:
    """Whether energies jump when a neighbour crosses a cutoff."""
    return any(not one.compact and one.cutoff_function == "hard" for one in functions(potential))


def functions(potential: Potential) -> Iterator[Function]:
    """Every symmetry function of every centre element."""
    for element in potential.elements:
        yield from export_parts.functions_of(potential.symmetry_functions, element)


def _of_cutoffs(potential: Potential) -> Iterator[Limit]:
    if has_hard_cutoff(potential):
        yield Limit(
            code="hard_cutoff",
            sentence="The cutoff is hard: energies and forces jump when a neighbour crosses it, so molecular dynamics "
            "does not conserve energy and minimisers may not converge.",
            checks=CONTINUITY,
        )
    kinked = any(
        one.core in KINKED_CORES if one.compact else one.cutoff_function in KINKED for one in functions(potential)
    )
    if kinked:
        yield Limit(
            code="kinked_cutoff",
            sentence="Forces are continuous at the cutoff but have a kink there (as with the cosine cutoff): second "
            "derivatives (phonons, elastic constants) jump when a neighbour crosses it.",
            checks=CONTINUITY[1:],
        )


def _of_repulsion(served: potentials.Potential) -> Iterator[Limit]:
    attractive = []
    for pair in itertools.combinations_with_replacement(served.elements, 2):
        distance = _attractive_below(served, pair)
        if distance is not None:
            attractive.append(f"{pair[0]}-{pair[1]} at {distance:.2f} Å")
    if attractive:
        yield Limit(
            code="no_repulsion",
            sentence="There is no reliable short-range repulsion: two atoms alone attract each other "
            f"below 0.6 times the sum of their covalent radii ({', '.join(attractive)}).",
        )


def _attractive_below(served: potentials.Potential, pair: tuple[str, str]) -> float | None:
    """Largest distance of the scan at which two atoms attract each other, Å; None where they never do."""
    radii = sum(covalent_radii[atomic_numbers[symbol]] for symbol in pair)
    distances = SCAN * radii
    cell, pbc = np.zeros((3, 3)), False
    dimers = [Structure.from_symbols(pair, [[0.0, 0.0, 0.0], [r, 0.0, 0.0]], cell, pbc) for r in distances]
    found = served.evaluate(dimers, ("forces",))
    pull = np.array([0.0 if one.forces is None else one.forces[0, 0] for one in found])
    return float(distances[pull > 0.0].max()) if (pull > 0.0).any() else None


def _of_networks(potential: Potential) -> Iterator[Limit]:
    if len(potential.members) == 1:
        yield Limit(
            code="no_committee",
            sentence="There is one network and no committee: no error estimates of energies and forces are served.",
        )
    if potential.lower is None:
        yield Limit(
            code="no_training_range",
            sentence="The files do not say which range of symmetry functions the potential was trained on: "
            "extrapolation is not noticed.",
        )


def _of_precision(rounding: float) -> Iterator[Limit]:
    if rounding > PRECISE:
        yield Limit(
            code="single_precision",
            sentence=f"Forces in single precision are wrong by up to {rounding:.1e} of their rms (steep networks or "
            "whitened inputs): use the float64 file where that matters.",
        )
