"""The physics contract of a potential: what every version must fulfil before it is registered.

forces        F = -dE/dr                         by central differences, float64
stress        stress = (1/V) dE/dstrain          by central differences, float64, structures periodic in all directions
translation, rotation, permutation               energies and forces do not change, or turn along
continuity    energy and slope join smoothly when a neighbour crosses the cutoff
extensivity   a doubled cell has twice the energy and the same forces
batch         structures joined in one batch give what each gives alone

Central differences use the stencil (f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12h, exact to fourth order. Structures are
displaced a little first, so that no force vanishes by symmetry. Needs no torch; ``nnp.learn.contract`` adds "ONNX
equals torch".
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from ase.data import atomic_numbers

from nnp.core import potential as potentials
from nnp.core import transformations
from nnp.core.assembly import VOIGT
from nnp.core.prediction import Prediction
from nnp.core.structure import Structure

STENCIL = ((-2.0, 1.0 / 12.0), (-1.0, -2.0 / 3.0), (1.0, 2.0 / 3.0), (2.0, -1.0 / 12.0))
ROUNDING = 3e-7
"""Å, what single precision rounds the components of a distance by, about."""
ROUNDINGS = 4.0
"""Single precision may change results by this many times what so much rounding of the positions, or of the atomic
energies, does in any case."""
FORCE_STEPS = (1e-3, 2e-4, 4e-5)
"""Å; the next one is tried where the deviation is too large."""
STRAIN_STEPS = (2e-4, 4e-5)
DISPLACEMENT = 0.1
"""Å, standard deviation of the displacements that take structures off symmetric places."""


@dataclass(frozen=True, kw_only=True)
class Tolerances:
    """Largest deviations that pass; those of single precision are widened by ``allowing_for_rounding``.

    Attributes:
        derivative: of forces and stress from central differences, relative to their largest value, float64.
        invariance_float64: of energies, eV per atom, and of forces, eV/Å (relative where these exceed 1 eV/Å).
        invariance_float32: of forces, as a fraction of their rms over all structures.
        energy_float32: of energies between equal evaluations, eV per atom.
        batch_float32: of forces in a batch from those alone, as a fraction of their rms.
        continuity: of energies, eV, and of forces, eV/Å, 1e-4 Å inside and outside of the cutoff.
    """

    derivative: float = 1e-6
    invariance_float64: float = 1e-10
    invariance_float32: float = 2e-5
    energy_float32: float = 1e-6
    batch_float32: float = 1e-5
    continuity: float = 1e-6


@dataclass(frozen=True, kw_only=True)
class Check:
    """One row of the report: the largest deviation met and the largest that passes, in the unit named."""

    name: str
    value: float
    tolerance: float
    unit: str

    @property
    def passed(self) -> bool:
        """Whether the value is finite and within the tolerance."""
        return bool(np.isfinite(self.value) and self.value <= self.tolerance)


@dataclass(frozen=True, kw_only=True)
class ContractReport:
    """The outcome of all checks."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that did not pass, in order."""
        return tuple(check for check in self.checks if not check.passed)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-like data, one row per check."""
        rows = [{**asdict(check), "passed": check.passed} for check in self.checks]
        finite = [{**row, "value": row["value"] if np.isfinite(row["value"]) else None} for row in rows]
        return {"passed": self.passed, "checks": finite}

    def __str__(self) -> str:
        return "\n".join(
            f"{'ok  ' if row.passed else 'FAIL'} {row.name:28s} {row.value:9.2e} <= {row.tolerance:.0e} {row.unit}"
            for row in self.checks
        )


def check(
    *,
    float64: potentials.Potential,
    float32: potentials.Potential | None,
    structures: Sequence[Structure],
    tolerances: Tolerances | None = None,
    seed: int = 0,
) -> ContractReport:
    """Check a potential on a few structures of up to about a hundred atoms.

    Args:
        float64: the potential in double precision.
        float32: the same in single precision; None leaves its checks out.
        structures: such as the potential was trained for; at least one.
        tolerances: None takes the defaults.
        seed: of displacements, directions and rotations.
    """
    limits = tolerances or Tolerances()
    random = np.random.default_rng(seed)
    displaced = [transformations.moved(s, random.normal(scale=DISPLACEMENT, size=(len(s), 3))) for s in structures]
    checks = [_forces(float64, displaced, limits, random)]
    if any(structure.volume is not None for structure in displaced):
        checks.append(_stress(float64, displaced, limits))
    turned = _turned(displaced, random)
    checks += _invariance(float64, displaced, turned, limits)
    checks += _continuity(float64, limits)
    if float32 is not None:
        checks += _invariance(float32, displaced, turned, allowing_for_rounding(limits, float64, displaced, seed))
    return ContractReport(checks=tuple(checks))


def allowing_for_rounding(
    limits: Tolerances, float64: potentials.Potential, structures: Sequence[Structure], seed: int = 0
) -> Tolerances:
    """The tolerances of single precision, wider where steep energies make more of rounded positions.

    Args:
        limits: as wanted.
        float64: the potential in double precision.
        structures: those that will be checked.
        seed: of the rounding.
    """
    random = np.random.default_rng([seed, 1])
    rounded = [transformations.moved(s, random.normal(scale=ROUNDING, size=(len(s), 3))) for s in structures]
    exact, moved = (
        float64.evaluate(those, ("energy", "forces"), deterministic=True) for those in (structures, rounded)
    )
    energy, force = (ROUNDINGS * found for found in deviation(exact, moved, relative=True))
    return replace(
        limits,
        energy_float32=max(limits.energy_float32, energy),
        invariance_float32=max(limits.invariance_float32, force),
        batch_float32=max(limits.batch_float32, force),
    )


def deviation(first: Sequence[Prediction], second: Sequence[Prediction], *, relative: bool) -> tuple[float, float]:
    """Largest differences of energies (eV per atom) and of force components (eV/Å, or relative to the forces' rms)."""
    energies = [abs(_energy(a) - _energy(b)) / len(_array(a.forces)) for a, b in zip(first, second, strict=True)]
    forces = max(np.abs(_array(a.forces) - _array(b.forces)).max() for a, b in zip(first, second, strict=True))
    every = np.concatenate([_array(prediction.forces) for prediction in first])
    scale = np.sqrt((every**2).mean()) if relative else max(1.0, np.abs(every).max())
    return float(max(energies)), float(forces / max(scale, 1e-12))


def _forces(
    potential: potentials.Potential, structures: list[Structure], limits: Tolerances, random: np.random.Generator
) -> Check:
    """Along three random directions of all atoms and for the largest component of the force."""
    worst, scale = 0.0, 1e-12
    for structure in structures:
        forces = _array(potential.evaluate([structure], ("forces",))[0].forces)
        directions = [random.normal(size=forces.shape) for _ in range(3)]
        largest = np.zeros_like(forces)
        largest.flat[np.abs(forces).argmax()] = 1.0
        directions = [d / np.linalg.norm(d) for d in [*directions, largest]]
        expected = -np.array([(forces * d).sum() for d in directions])
        scale = max(scale, float(np.abs(forces).max()))

        def moved(step: float, structure: Structure = structure, directions: list[Any] = directions) -> list[Structure]:
            return [transformations.moved(structure, step * h * d) for d in directions for h, _ in STENCIL]

        worst = max(worst, _deviation(potential, moved, expected, FORCE_STEPS, limits.derivative * scale))
    return Check(name="forces", value=worst / scale, tolerance=limits.derivative, unit="of the largest force")


def _stress(potential: potentials.Potential, structures: list[Structure], limits: Tolerances) -> Check:
    """For the six strains of every structure that is periodic in all directions."""
    worst, scale = 0.0, 1e-12
    for structure in structures:
        if structure.volume is None:
            continue
        stress = _array(potential.evaluate([structure], ("stress",))[0].stress)
        strains = []
        for a, b in VOIGT:
            strain = np.zeros((3, 3))
            strain[a, b] += 0.5
            strain[b, a] += 0.5
            strains.append(strain)
        scale = max(scale, float(np.abs(stress).max()))

        def strained(step: float, structure: Structure = structure, strains: list[Any] = strains) -> list[Structure]:
            maps = [np.eye(3) + step * h * strain for strain in strains for h, _ in STENCIL]
            return [transformations.mapped(structure, map_) for map_ in maps]

        volume = structure.volume
        most = limits.derivative * scale * volume
        worst = max(worst, _deviation(potential, strained, stress * volume, STRAIN_STEPS, most) / volume)
    return Check(name="stress", value=worst / scale, tolerance=limits.derivative, unit="of the largest stress")


def _deviation(
    potential: potentials.Potential,
    stepped: Callable[[float], list[Structure]],
    expected: npt.NDArray[np.float64],
    steps: Sequence[float],
    tolerance: float,
) -> float:
    """Largest difference of slopes from what is expected, at the first step that passes, or the least of all steps.

    Where energies bend within a step, differences are no slopes; a wrong slope stays wrong at every step.
    """
    least = np.inf
    for step in steps:
        found = float(np.abs(_slopes(potential, stepped(step), step) - expected).max())
        least = min(least, found)
        if least <= tolerance:
            break
    return least


def _slopes(potential: potentials.Potential, structures: list[Structure], step: float) -> npt.NDArray[np.float64]:
    energies = np.array([_energy(p) for p in potential.evaluate(structures, ("energy",))])
    return energies.reshape(-1, len(STENCIL)) @ np.array([weight for _, weight in STENCIL]) / step


@dataclass(frozen=True, kw_only=True)
class _Turned:
    """A changed copy of every structure, and how its forces map back: atoms in this order, vectors by this matrix."""

    name: str
    structures: list[Structure]
    orders: list[npt.NDArray[np.int64]]
    rotation: npt.NDArray[np.float64]
    copies: int = 1


def _turned(structures: list[Structure], random: np.random.Generator) -> list[_Turned]:
    straight, same = [np.arange(len(s)) for s in structures], np.eye(3)
    rotation = np.linalg.qr(random.normal(size=(3, 3)))[0]
    orders = [random.permutation(len(s)) for s in structures]
    offset = random.uniform(-9.0, 9.0, size=3)
    doubled = [s for s in structures if s.pbc.any()]
    turned = [
        _Turned(
            name="translation",
            structures=[transformations.moved(s, np.broadcast_to(offset, s.positions.shape)) for s in structures],
            orders=straight,
            rotation=same,
        ),
        _Turned(
            name="rotation",
            structures=[transformations.mapped(s, rotation) for s in structures],
            orders=straight,
            rotation=rotation,
        ),
        _Turned(
            name="permutation",
            structures=[transformations.ordered(s, order) for s, order in zip(structures, orders, strict=True)],
            orders=orders,
            rotation=same,
        ),
    ]
    if doubled:
        supercells = [transformations.doubled(s) if s.pbc.any() else s for s in structures]
        turned.append(_Turned(name="extensivity", structures=supercells, orders=straight, rotation=same, copies=2))
    return turned


def _invariance(
    potential: potentials.Potential, structures: list[Structure], turned: list[_Turned], limits: Tolerances
) -> list[Check]:
    dtype = potential.manifest.dtype
    single = dtype == "float32"
    alone = potential.evaluate(structures, ("energy", "forces"), deterministic=True)
    pairs: list[tuple[str, list[Prediction]]] = []
    for case in turned:
        found = potential.evaluate(case.structures, ("energy", "forces"), deterministic=True)
        back = [_back(prediction, order, case.rotation) for prediction, order in zip(found, case.orders, strict=True)]
        pairs.append((case.name, back))
    pairs.append(("batch", potential.evaluate(structures, ("energy", "forces"))))
    checks = []
    for name, predictions in pairs:
        energy, force = deviation(alone, predictions, relative=single)
        at_most = limits.batch_float32 if name == "batch" else limits.invariance_float32
        energy_limit = limits.energy_float32 if single else limits.invariance_float64
        force_limit = at_most if single else limits.invariance_float64
        unit = "of the force rms" if single else "eV/Å"
        checks.append(Check(name=f"{name} energy {dtype}", value=energy, tolerance=energy_limit, unit="eV/atom"))
        checks.append(Check(name=f"{name} forces {dtype}", value=force, tolerance=force_limit, unit=unit))
    return checks


def _back(prediction: Prediction, order: npt.NDArray[np.int64], rotation: npt.NDArray[np.float64]) -> Prediction:
    """The prediction of a changed copy, in the frame and order of the original."""
    forces = _array(prediction.forces)
    copies = len(forces) // len(order)
    result = np.empty((len(order), 3))
    result[order] = forces[: len(order)] @ rotation.T
    return Prediction(energy=_energy(prediction) / copies, forces=result)


def _continuity(potential: potentials.Potential, limits: Tolerances) -> list[Check]:
    """An atom that only the middle one of three can see steps over the cutoff: its force must vanish smoothly."""
    cutoff, delta = potential.manifest.cutoff, 1e-4
    inside: list[Structure] = []
    outside: list[Structure] = []
    for first in potential.elements:
        for other in potential.elements:
            numbers = np.array([atomic_numbers[e] for e in (first, first, other)], dtype=np.int32)
            for distance, cases in ((cutoff - delta, inside), (cutoff + delta, outside)):
                positions = np.array([[0.0, 0.0, 0.0], [-0.45 * cutoff, 0.0, 0.0], [0.5, 0.75**0.5, 0.0]])
                positions[2] *= distance
                cell, pbc = np.zeros((3, 3)), np.zeros(3, dtype=bool)
                cases.append(Structure(numbers=numbers, positions=positions, cell=cell, pbc=pbc))
    near, far = (potential.evaluate(cases, ("energy", "forces")) for cases in (inside, outside))
    energies = [abs(_energy(a) - _energy(b)) for a, b in zip(near, far, strict=True)]
    forces = [np.abs(_array(a.forces) - _array(b.forces)).max() for a, b in zip(near, far, strict=True)]
    return [
        Check(name="continuity value", value=float(max(energies)), tolerance=limits.continuity, unit="eV"),
        Check(name="continuity slope", value=float(max(forces)), tolerance=limits.continuity, unit="eV/Å"),
    ]


def _energy(prediction: Prediction) -> float:
    assert prediction.energy is not None
    return prediction.energy


def _array(values: npt.NDArray[np.float64] | None) -> npt.NDArray[np.float64]:
    assert values is not None
    return values
