"""The card of a potential: what it is for, how good it is, where it ends and where it comes from; JSON-like data."""

import itertools
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase.data import atomic_numbers, covalent_radii

from nnp.core import errors, neighbours, potential
from nnp.core.label import Frame
from nnp.core.structure import Structure
from nnp.learn import portions

VOLUMES = np.linspace(0.85, 1.15, 13)
"""Volumes of the energy-volume curve over that of the structure it starts from."""
DIMER_POINTS = 25
SPEED_ATOMS = 500
"""The structure for the measurement of speed is repeated to at least this many atoms."""
UNKNOWN_TEMPERATURE = "unknown: the temperature of the structures is not part of a label"


def describe(
    served: potential.Potential,
    frames: Sequence[Frame],
    *,
    errors_by_split: Mapping[str, Any],
    uncertainty: Mapping[str, Any],
    lineage: Mapping[str, Any],
    dropped: Sequence[tuple[str, str]],
    notes: Sequence[str],
) -> dict[str, Any]:
    """Write the card.

    Args:
        served: the potential as it will be served.
        frames: all labelled frames, with their split.
        errors_by_split: as `metrics.table`.
        uncertainty: calibration maps with records, and the records on the test set.
        lineage: origin, as the caller knows it.
        dropped: symmetry functions left out.
        notes: warnings about the data.
    """
    described = served.manifest
    train = [frame for frame in frames if frame.split == "train"]
    lowest = min(train, key=_energy_per_atom)
    return {
        "elements": list(described.elements),
        "cutoff_a": described.cutoff,
        "networks": described.networks,
        "symmetry_functions": described.symmetry_functions,
        "dropped_functions": [list(pair) for pair in dropped],
        "reference_energies_ev": described.reference_energies,
        "data": _data(frames),
        "errors": dict(errors_by_split),
        "uncertainty_check": dict(uncertainty),
        "energy_volume": _energy_volume(served, lowest.structure),
        "dimers": _dimers(served, _nearest(train, described.cutoff)),
        "speed": _speed(served, lowest.structure),
        "limits": _limits(train, described.cutoff),
        "notes": list(notes),
        "authors": lineage.get("authors"),
        "licence": lineage.get("licence"),
        "citation": lineage.get("citation"),
        "lineage": dict(lineage),
    }


def describe_unlabelled(
    served: potential.Potential,
    frames: Sequence[Frame],
    probe: Structure,
    *,
    lineage: Mapping[str, Any],
    notes: Sequence[str],
) -> dict[str, Any]:
    """Write the card of a potential whose training data are not here, such as an imported one.

    Args:
        served: the potential as it will be served.
        frames: structures that its replicas saw, or none.
        probe: a structure, for the speed.
        lineage: origin, as the caller knows it; its entry "import" becomes one of the card.
        notes: warnings.
    """
    described = served.manifest
    nearest = min(covalent_radii[atomic_numbers[element]] for element in served.elements) * 2.0
    return {
        "import": lineage.get("import"),
        "elements": list(described.elements),
        "cutoff_a": described.cutoff,
        "networks": described.networks,
        "symmetry_functions": described.symmetry_functions,
        "reference_energies_ev": described.reference_energies,
        "data": {"replicas": {"structures": len(frames), "atoms": sum(len(f.structure) for f in frames)}},
        "errors": {},
        "dimers": _dimers(served, nearest),
        "speed": _speed(served, probe),
        "notes": list(notes),
        "authors": lineage.get("authors"),
        "licence": lineage.get("licence"),
        "citation": lineage.get("citation"),
        "lineage": {key: value for key, value in lineage.items() if key != "import"},
    }


def _energy_per_atom(frame: Frame) -> float:
    return frame.label.energy / len(frame.structure) if frame.label is not None else np.inf


def _data(frames: Sequence[Frame]) -> dict[str, Any]:
    """Numbers of structures and atoms by split and by group."""
    result: dict[str, Any] = {}
    for split in sorted({frame.split or "" for frame in frames}):
        own = [frame for frame in frames if (frame.split or "") == split]
        result[split] = {
            "structures": len(own),
            "atoms": sum(len(frame.structure) for frame in own),
            "groups": dict(sorted(Counter(frame.group or "ungrouped" for frame in own).items())),
        }
    return result


def _energy_volume(served: potential.Potential, structure: Structure) -> dict[str, Any] | None:
    """Energy against volume per atom of the structure of lowest energy, atoms moving with the cell."""
    if structure.volume is None:
        return None
    stretched = []
    for volume in VOLUMES:
        factor = volume ** (1.0 / 3.0)
        stretched.append(
            Structure(
                numbers=structure.numbers,
                positions=structure.positions * factor,
                cell=structure.cell * factor,
                pbc=structure.pbc,
            )
        )
    energies = [p.energy / len(structure) for p in served.evaluate(stretched, ("energy",)) if p.energy is not None]
    return {
        "structure": structure.formula,
        "volume_a3_per_atom": [round(float(v * structure.volume / len(structure)), 5) for v in VOLUMES],
        "energy_ev_per_atom": [round(float(energy), 6) for energy in energies],
    }


def _dimers(served: potential.Potential, nearest: float) -> dict[str, Any]:
    """Energy of each pair of elements against distance (Å) from 0.7 of the nearest, without the reference energies."""
    distances = np.linspace(0.7 * nearest, served.manifest.cutoff, DIMER_POINTS)
    curves = {}
    for first, second in itertools.combinations_with_replacement(served.elements, 2):
        pairs = [
            Structure.from_symbols((first, second), [[0.0, 0.0, 0.0], [r, 0.0, 0.0]], np.zeros((3, 3)), False)
            for r in distances
        ]
        free = sum(served.manifest.reference_energies[symbol] for symbol in (first, second))
        predicted = [p.energy - free for p in served.evaluate(pairs, ("energy",)) if p.energy is not None]
        curves[f"{first}-{second}"] = [round(float(energy), 6) for energy in predicted]
    return {"distance_a": [round(float(r), 5) for r in distances], "energy_ev": curves}


def _speed(served: potential.Potential, structure: Structure) -> dict[str, Any]:
    """Time per atom for energy and forces of one structure, neighbour list included, on the machine that trained."""
    copies = max(1, round((SPEED_ATOMS / len(structure)) ** (1.0 / 3.0) + 0.499))
    atoms = structure.to_atoms().repeat([copies if periodic else 1 for periodic in structure.pbc])
    large = Structure.from_atoms(atoms)
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        served.evaluate([large], ("energy", "forces"))
        seconds.append(time.perf_counter() - start)
    return {
        "atoms": len(large),
        "threads": served.threads,
        "dtype": served.manifest.dtype,
        "us_per_atom": round(1e6 * min(seconds[1:]) / len(large), 2),
        "properties": ["energy", "forces"],
    }


def _limits(train: Sequence[Frame], cutoff: float) -> dict[str, Any]:
    """The range of the training data: outside of it nothing is promised."""
    masses = [float(frame.structure.to_atoms().get_masses().sum()) for frame in train]
    volumes = [frame.structure.volume for frame in train]
    densities = [1.66053907 * m / v for m, v in zip(masses, volumes, strict=True) if v is not None]
    per_atom = [v / len(f.structure) for v, f in zip(volumes, train, strict=True) if v is not None]
    energies = [_energy_per_atom(frame) for frame in train]
    forces = [np.abs(f.label.forces).max() for f in train if f.label is not None and f.label.forces is not None]
    return {
        "nearest_distance_a": round(_nearest(train, cutoff), 4),
        "density_g_per_cm3": _range(densities),
        "volume_a3_per_atom": _range(per_atom),
        "energy_ev_per_atom": _range(energies),
        "largest_force_ev_per_a": round(float(max(forces)), 4) if forces else None,
        "atoms_per_structure": [min(len(f.structure) for f in train), max(len(f.structure) for f in train)],
        "temperature_k": UNKNOWN_TEMPERATURE,
    }


def _nearest(train: Sequence[Frame], cutoff: float) -> float:
    """Shortest distance between two atoms of the training structures, Å."""
    nearest = np.inf
    for part in portions.portions(train):
        table = neighbours.neighbour_table([frame.structure for frame in part], cutoff)
        lengths = np.linalg.norm(table.vectors, axis=1)[table.valid]
        nearest = min(nearest, float(lengths.min(initial=np.inf)))
    if np.isinf(nearest):
        raise errors.InputError("no two atoms of the training structures are within the cutoff")
    return nearest


def _range(values: Sequence[float]) -> list[float] | None:
    return [round(float(min(values)), 5), round(float(max(values)), 5)] if values else None
