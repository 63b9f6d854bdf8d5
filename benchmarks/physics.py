"""Physics of a trained silicon potential: energy conservation, lattice and elastic constants, collisions.

    python benchmarks/physics.py --data LABELLED --potential FILE.onnx [--json]
    python benchmarks/physics.py --data LABELLED [--threads N] [--json]          trains the default recipe on the data

NVE         216 atoms of the crystal at 300 K, 1 fs, 50 ps, velocity Verlet of ASE with the float32 graph in this
            process; the drift is the fitted slope of the total energy times the duration.
crystal     the labelled frames that are homogeneous strains (up to 5 %) of the one with the lowest energy: stresses of
            the labels and of the potential on the same frames are fitted by the same expansion to third order (cubic
            symmetry), so that the constants are clamped-ion derivatives of both methods.
collisions  pairs, triples and atoms pushed towards another one in a labelled frame, at 0.2 to 0.6 of the sum of the
            covalent radii: attractive where the force along the closest pair pulls it together. Any elements.
"""

import argparse
import hashlib
import itertools
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.data import atomic_numbers, covalent_radii
from ase.md.velocitydistribution import Stationary, thermalize_momenta
from ase.md.verlet import VelocityVerlet
from calculators import OfFunction
from conditions import conditions

from nnp.core import reading, recipe
from nnp.core.assembly import VOIGT
from nnp.core.label import Frame
from nnp.core.potential import Potential
from nnp.core.structure import Structure

LARGEST_STRAIN = 0.05
FEWEST_STRAINS = 10
"""Without so many strained crystals in the data there is no reference for the elastic constants."""
LATTICE_CONSTANT = 5.47
"""Å, of the crystal in the NVE run where the data do not tell: PBE's."""
NEAREST, FARTHEST = 0.2, 0.6
SAMPLE_FS = 20.0
MATRIX = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])
"""Place in Voigt order of each component of a symmetric matrix."""
Array = npt.NDArray[np.float64]


def in_process(potential: Potential) -> Calculator:
    """An ASE calculator around the file of a potential."""

    def evaluate(atoms: Atoms) -> tuple[float, Array]:
        (found,) = potential.evaluate([Structure.from_atoms(atoms)], ("energy", "forces"), deterministic=True)
        assert found.energy is not None
        assert found.forces is not None
        return found.energy, found.forces

    return OfFunction(evaluate)


def conserved(potential: Potential, lattice_constant: float, picoseconds: float, seed: int) -> dict[str, Any]:
    """Drift and fluctuation of the total energy in NVE, meV per atom."""
    atoms = bulk("Si", a=lattice_constant, cubic=True) * (3, 3, 3)
    random = np.random.default_rng(seed)
    thermalize_momenta(atoms, temperature_K=600.0, rng=random)  # half of it becomes potential energy
    Stationary(atoms)
    atoms.calc = in_process(potential)
    run = VelocityVerlet(atoms, timestep=1.0 * units.fs)
    times, totals, temperatures = [], [], []
    started = time.monotonic()
    run.run(1000)  # 1 ps to share the energy out
    for step in range(round(picoseconds * 1000.0 / SAMPLE_FS)):
        run.run(round(SAMPLE_FS))
        times.append(step * SAMPLE_FS / 1000.0)
        totals.append(1000.0 * atoms.get_total_energy() / len(atoms))
        temperatures.append(atoms.get_temperature())
    slope, start = np.polyfit(times, totals, 1)
    rest = np.array(totals) - (start + slope * np.array(times))
    return {
        "nve_drift_mev_per_atom": round(abs(float(slope)) * picoseconds, 5),
        "nve_fluctuation_mev_per_atom": round(float(rest.std()), 5),
        "nve_temperature_k": round(float(np.mean(temperatures)), 1),
        "nve_picoseconds": picoseconds,
        "nve_atoms": len(atoms),
        "nve_us_per_atom_step": round(
            1e6 * (time.monotonic() - started) / len(atoms) / (1000.0 * (picoseconds + 1)), 2
        ),
    }


def strained(frames: Sequence[Frame]) -> tuple[Frame, list[tuple[Frame, Array]]]:
    """The frame of lowest energy with a stress, and the homogeneous strains of it with their deformation gradients."""
    labelled = [frame for frame in frames if frame.label is not None and frame.label.stress is not None]
    lowest = min(labelled, key=lambda frame: _energy(frame) / len(frame.structure))
    base, found = lowest.structure, []
    for frame in labelled:
        structure = frame.structure
        if not np.array_equal(structure.numbers, base.numbers):
            continue
        apart = structure.positions @ np.linalg.inv(structure.cell) - base.positions @ np.linalg.inv(base.cell)
        apart -= np.round(apart)
        if np.abs(apart - apart[0]).max() > 1e-4:
            continue
        gradient = np.linalg.inv(base.cell) @ structure.cell
        strain = 0.5 * (gradient @ gradient.T - np.eye(3))
        if np.abs(strain).max() <= LARGEST_STRAIN:
            found.append((frame, gradient))
    return lowest, found


def elastic(lowest: Frame, gradients: Sequence[Array], stresses: Sequence[Array]) -> tuple[float, dict[str, float]]:
    """Lattice constant (Å) and C11, C12, C44 (GPa) from stresses at deformations: cubic symmetry, to third order.

    The second Piola-Kirchhoff stress J F⁻¹ σ F⁻ᵀ is the slope of the energy per volume by Lagrange's strain.
    """
    volume = lowest.structure.volume
    assert volume is not None
    rows, targets = [], []
    for gradient, stress in zip(gradients, stresses, strict=True):
        inverse = np.linalg.inv(gradient.T)
        second = np.linalg.det(gradient) * inverse @ stress[MATRIX] @ inverse.T
        strain = 0.5 * (gradient @ gradient.T - np.eye(3))
        rows.append(_slopes(np.array([strain[a, b] * (1.0 if a == b else 2.0) for a, b in VOIGT])))
        targets.append([second[a, b] for a, b in VOIGT])
    solution, *_ = np.linalg.lstsq(np.concatenate(rows), np.concatenate(targets), rcond=None)
    pressure, c11, c12, c44 = solution[:4]
    stretch = -pressure / (c11 + 2.0 * c12)
    lattice_constant = (8.0 * volume / len(lowest.structure)) ** (1.0 / 3.0) * np.sqrt(1.0 + 2.0 * stretch)
    constants = {"c11_gpa": c11, "c12_gpa": c12, "c44_gpa": c44}
    if np.linalg.matrix_rank(np.concatenate(rows)[:, :4], tol=1e-6) < 4:
        constants = {}  # changes of volume alone, say
    return float(lattice_constant), {name: float(value / units.GPa) for name, value in constants.items()}


def _slopes(strain: Array, step: float = 1e-4) -> Array:
    """Slopes (6, 10) of the terms by the six strains in Voigt order, by central differences."""
    return np.array([(_terms(strain + h) - _terms(strain - h)) / (2.0 * step) for h in step * np.eye(6)])


def _terms(strain: Array) -> Array:
    """What multiplies stress, C11, C12, C44, C111, C112, C123, C144, C155, C456 in the energy of a cubic crystal."""
    a, b, c, d, e, f = strain
    terms = [
        a + b + c,
        (a * a + b * b + c * c) / 2.0,
        a * b + a * c + b * c,
        (d * d + e * e + f * f) / 2.0,
        (a**3 + b**3 + c**3) / 6.0,
        (a * a * (b + c) + b * b * (a + c) + c * c * (a + b)) / 2.0,
        a * b * c,
        (a * d * d + b * e * e + c * f * f) / 2.0,
        (a * (e * e + f * f) + b * (d * d + f * f) + c * (d * d + e * e)) / 2.0,
        d * e * f,
    ]
    return np.array(terms)


def crystal(potential: Potential, frames: Sequence[Frame]) -> dict[str, Any]:
    """Lattice and elastic constants of potential and labels."""
    lowest, chosen = strained(frames)
    if len(chosen) < FEWEST_STRAINS:
        return {"crystal_frames": len(chosen)}
    gradients = [gradient for _, gradient in chosen]
    labels = [frame.label.stress for frame, _ in chosen if frame.label is not None and frame.label.stress is not None]
    predicted = potential.evaluate([frame.structure for frame, _ in chosen], ("stress",))
    reference, wanted = elastic(lowest, gradients, labels)
    own, found = elastic(lowest, gradients, [p.stress for p in predicted if p.stress is not None])
    errors = {
        f"{name.removesuffix('_gpa')}_error_percent": 100.0 * (found[name] / wanted[name] - 1.0) for name in found
    }
    return {
        "crystal_frames": len(chosen),
        "lattice_constant_a": round(own, 4),
        "lattice_constant_of_labels_a": round(reference, 4),
        "lattice_constant_error_percent": round(100.0 * (own / reference - 1.0), 4),
        **{name: round(value, 2) for name, value in found.items()},
        **{f"{name.removesuffix('_gpa')}_of_labels_gpa": round(value, 2) for name, value in wanted.items()},
        **{name: round(value, 2) for name, value in errors.items()},
    }


def collisions(potential: Potential, frames: Sequence[Frame], count: int, seed: int) -> dict[str, Any]:
    """How many random collisions are attractive, by kind, and the weakest repulsion met."""
    random = np.random.default_rng(seed)
    pairs = list(itertools.combinations_with_replacement(potential.elements, 2))
    made: dict[str, list[Atoms]] = {"pairs": [], "triples": [], "embedded": []}
    for number in range(count):
        first, second = pairs[number % len(pairs)]
        kind = ("pairs", "triples", "embedded")[number % 3]
        pair = Atoms(first + second, [[0.0, 0.0, 0.0], _near(first, second, random)])
        if kind == "triples":
            third = str(random.choice(potential.elements))
            pair += Atoms(third, [pair.positions[1] + _near(second, third, random) * random.uniform(1.2, 4.0)])
        made[kind].append(pair if kind != "embedded" else _embedded(frames, first, second, random))
    attractive, weakest = {}, np.inf
    for kind, structures in made.items():
        found = potential.evaluate([Structure.from_atoms(atoms) for atoms in structures], ("forces",))
        along = np.array([_along(a, p.forces) for a, p in zip(structures, found, strict=True) if p.forces is not None])
        attractive[f"collisions_attractive_{kind}"] = int((along <= 0.0).sum())
        weakest = min(weakest, float(along.min(initial=np.inf)))
    return {
        "collisions": count,
        "collisions_attractive": sum(attractive.values()),
        **attractive,
        "collisions_weakest_repulsion_ev_per_a": round(weakest, 3),
    }


def _near(first: str, second: str, random: np.random.Generator) -> Array:
    """A vector in a random direction, short enough for a collision, Å."""
    direction = random.normal(size=3)
    return direction / np.linalg.norm(direction) * random.uniform(NEAREST, FARTHEST) * _touching(first, second)


def _touching(first: str, second: str) -> float:
    return float(covalent_radii[atomic_numbers[first]] + covalent_radii[atomic_numbers[second]])


def _embedded(frames: Sequence[Frame], first: str, second: str, random: np.random.Generator) -> Atoms:
    """A frame in which an atom, or a new one where the frame has no other, is pushed to an atom along their line."""
    holding = [frame for frame in frames if first in frame.structure.elements]
    fitting = [frame for frame in holding if second in frame.structure.elements] or holding
    atoms = fitting[random.integers(len(fitting))].structure.to_atoms()
    target = int(random.choice([i for i, symbol in enumerate(atoms.symbols) if symbol == first]))
    others = [i for i, symbol in enumerate(atoms.symbols) if symbol == second and i != target]
    lines = atoms.get_distances(target, others, mic=True, vector=True) if others else np.zeros((0, 3))
    lengths = np.linalg.norm(lines, axis=1)
    if not len(lengths) or lengths.min() > 2.0 * _touching(first, second):
        return atoms + Atoms(second, [atoms.positions[target] + _near(first, second, random)])
    nearest = int(lengths.argmin())
    length = random.uniform(NEAREST, FARTHEST) * _touching(first, second)
    atoms.positions[others[nearest]] = atoms.positions[target] + lines[nearest] / lengths[nearest] * length
    return atoms


def _along(atoms: Atoms, forces: Array) -> float:
    """Half of the difference of the forces along the pair that is closest for its radii; positive = repulsive, eV/Å."""
    vectors = atoms.get_all_distances(mic=True, vector=True)
    radii = covalent_radii[atoms.numbers]
    ratios = np.linalg.norm(vectors, axis=-1) / (radii[:, None] + radii)
    np.fill_diagonal(ratios, np.inf)
    i, j = np.unravel_index(int(ratios.argmin()), ratios.shape)
    unit = vectors[i, j] / np.linalg.norm(vectors[i, j])
    return float((forces[j] - forces[i]) @ unit) / 2.0


def _energy(frame: Frame) -> float:
    assert frame.label is not None
    return frame.label.energy


def trained(frames: Sequence[Frame], threads: int | None) -> bytes:
    """The file of the default recipe trained on all frames."""
    from nnp.learn import train  # torch is needed for this alone

    run = train.train(recipe.Recipe(), frames, threads=threads)
    while True:
        try:
            progress = next(run)
        except StopIteration as stop:
            return stop.value.onnx_float32
        if progress.epoch is None or progress.epoch % 20 == 0:
            print(progress.stage, progress.epoch, progress.epochs, file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="labelled structures: the reference of the crystal")
    parser.add_argument("--potential", type=Path, help="float32 ONNX file; without it the default recipe is trained")
    parser.add_argument("--picoseconds", type=float, default=50.0, help="of the NVE run; 0 leaves it out")
    parser.add_argument("--collisions", type=int, default=10_000, help="number of collisions")
    parser.add_argument("--seed", type=int, default=0, help="of velocities and collisions")
    parser.add_argument("--threads", type=int, default=1, help="threads of evaluation and training")
    parser.add_argument("--json", action="store_true", help="print one JSON line")
    given = parser.parse_args(arguments)
    frames = list(reading.read_frames(given.data))
    file = given.potential.read_bytes() if given.potential else trained(frames, given.threads)
    potential = Potential.load(file, threads=given.threads)
    report: dict[str, Any] = collisions(potential, frames, given.collisions, given.seed)
    if potential.elements == ("Si",):
        report |= crystal(potential, frames)
        if given.picoseconds > 0.0:
            lattice_constant = report.get("lattice_constant_a", LATTICE_CONSTANT)
            report |= conserved(potential, lattice_constant, given.picoseconds, given.seed)
    report["conditions"] = conditions(
        split=[frames],
        seeds={"velocities": given.seed, "collisions": given.seed},
        potential_sha256=hashlib.sha256(file).hexdigest(),
        recipe_hash=potential.manifest.training.get("recipe_hash"),
        dtype=potential.manifest.dtype,
        threads=given.threads,
    )
    print(json.dumps(report, indent=None if given.json else 1))


if __name__ == "__main__":
    main()
