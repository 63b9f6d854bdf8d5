"""Imported potentials: how exactly and how fast n2p2's H2O_RPBE-D3 and DMABN_SCAN run here.

Accuracy: energies, forces and atomic energies of every structure of the reference folder against n2p2's own numbers
(native units), in both precisions, by ONNX Runtime alone and with the compiled kernel; raw symmetry functions of the
listed atoms by the kernel. Speed: 1080 atoms of liquid water (H2O_RPBE-D3, about 96 neighbours within 12 Bohr, 27 and
30 functions, networks 25-25), from `Structure` to energy, atomic energies, forces and stress, neighbour table included,
one thread on one core; medians over rounds in which all variants run in turn, wall and CPU time. LAMMPS SNAP
(``Si_Zuo_JPCA2020.snap``, 1000 Si atoms, without neighbour lists) runs in the same rounds as the measure of the
machine's speed: compare ratios between machines, not microseconds. n2p2's own figure for this liquid, without its
neighbour list and without stress, is 216 µs per atom on a core where SNAP takes 151. ``--json`` prints one line.
"""

import argparse
import gzip
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from ase import Atoms
from conditions import conditions
from predict import silicon, snap

from nnp.core import neighbours
from nnp.core.kernel import compiled, definition
from nnp.core.label import Frame
from nnp.core.potential import Potential
from nnp.core.structure import Structure
from nnp.learn import export, foreign

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "reference" / "n2p2"
NAMES = ("H2O_RPBE-D3", "DMABN_SCAN")
PROPERTIES = ("energy", "energies", "forces", "stress")
N2P2_US_PER_ATOM, N2P2_SNAP_US_PER_ATOM = 216.0, 151.0
ENGINES = {"onnx": False, "kernel": True}
DTYPES = ("float32", "float64")


class Reference:
    """One folder: n2p2's numbers, and the potential as files of ours.

    Args:
        folder: with ``potential`` and ``reference.json.gz``.
    """

    def __init__(self, folder: Path) -> None:
        with gzip.open(folder / "reference.json.gz") as file:
            self.values: dict[str, Any] = json.load(file)
        self.imported = foreign.read(folder / "potential")
        self.length, self.energy = self.imported.units.length_a, self.imported.units.energy_ev
        made = self.imported.potential
        self.files = {dtype: export.to_onnx(made, export.describe(made, dtype)) for dtype in DTYPES}
        self.structures = [self._structure(entry) for entry in self.values["structures"]]

    def _structure(self, entry: dict[str, Any]) -> Structure:
        cell = None if entry["lattice"] is None else np.array(entry["lattice"]) * self.length
        places = np.array(entry["positions"]) * self.length
        return Structure.from_atoms(Atoms(entry["symbols"], places, cell=cell, pbc=cell is not None))

    def potential(self, dtype: str, engine: str) -> Potential:
        """Loaded for one thread."""
        return Potential.load(self.files[dtype], threads=1, kernel=ENGINES[engine])

    def errors(self, dtype: str, engine: str) -> dict[str, float]:
        """Largest deviations from n2p2 over all structures."""
        offset = self.values["mean_energy"]
        energies, forces, atomic, relative = [0.0], [0.0], [0.0], [0.0]
        found = self.potential(dtype, engine).evaluate(self.structures, PROPERTIES)
        for entry, one in zip(self.values["structures"], found, strict=True):
            force = one.forces * (self.length / self.energy)
            known = np.array(entry["forces"])
            energies.append(abs(one.energy / self.energy / entry["energy"] - 1.0))
            forces.append(float(np.abs(force - known).max()))
            relative.append(float(np.sqrt(((force - known) ** 2).mean() / (known**2).mean())))
            atomic.append(float(np.abs(one.energies / self.energy - offset - entry["atom_energies_nn"]).max()))
        return {
            "energy_relative_error": max(energies),
            "force_error_ha_per_bohr": max(forces),
            "force_rms_error_over_rms": max(relative),
            "atomic_energy_error_ha": max(atomic),
        }

    def function_error(self, dtype: str) -> float:
        """Largest |G - G_n2p2| / (|G_n2p2| + 0.01) of the listed atoms, by the kernel."""
        fields = self.imported.potential.symmetry_functions.to_dict()
        elements, cutoff = list(self.imported.potential.elements), self.imported.potential.cutoff
        worst = 0.0
        for structure, entry in zip(self.structures, self.values["structures"], strict=True):
            table = neighbours.neighbour_table([structure], cutoff, dtype=dtype)
            species = np.array([elements.index(symbol) for symbol in structure.symbols])
            G = np.zeros((len(species), definition.size(fields)), dtype)
            none = np.zeros((0, *table.vectors.shape[1:]), dtype)
            others = species.take(table.neighbours)
            compiled.evaluate("passes")(table.vectors, others, species, definition.tables(fields, dtype), G, none)
            for atom in entry["symfunc_atoms"]:
                raw = np.array(atom["raw"])
                worst = max(worst, float((np.abs(G[atom["atom"], : len(raw)] - raw) / (np.abs(raw) + 0.01)).max()))
        return worst


def accuracy(references: Mapping[str, Reference]) -> dict[str, Any]:
    """Deviations of every potential, precision and engine from n2p2."""
    result: dict[str, Any] = {}
    for name, reference in references.items():
        result[name] = {
            f"{engine}_{dtype}": reference.errors(dtype, engine) for engine in ENGINES for dtype in reversed(DTYPES)
        }
        for dtype in reversed(DTYPES):
            result[name][f"kernel_{dtype}"]["symmetry_function_error"] = reference.function_error(dtype)
    return result


def speed(reference: Reference, rounds: int) -> dict[str, Any]:
    """Microseconds per atom, wall and CPU, of every precision and engine, and of LAMMPS SNAP."""
    liquid = reference.structures[-1]
    work: dict[str, tuple[Callable[[], Any], int]] = {}
    for dtype in DTYPES:
        for engine in ENGINES:
            one = reference.potential(dtype, engine)
            work[f"{engine}_{dtype}"] = (lambda one=one: one.evaluate([liquid], PROPERTIES), len(liquid))
    cutoff = reference.imported.potential.cutoff
    work["neighbours_float32"] = (
        lambda: neighbours.neighbour_table([liquid], cutoff, dtype="float32"),
        len(liquid),
    )
    crystal = Structure.from_atoms(silicon(1000))
    teacher = snap(crystal)
    if teacher is not None:
        work["reference"] = (teacher, 4 * len(crystal))
    walls: dict[str, list[float]] = {name: [] for name in work}
    cpus: dict[str, list[float]] = {name: [] for name in work}
    for job, _ in work.values():
        job()
    for _ in range(rounds):
        for name, (job, atoms) in work.items():
            wall, cpu = time.perf_counter(), time.process_time()
            job()
            walls[name].append((time.perf_counter() - wall) / atoms * 1e6)
            cpus[name].append((time.process_time() - cpu) / atoms * 1e6)
    result: dict[str, Any] = {
        "atoms": len(liquid),
        "neighbours_per_atom": float(np.mean(reference.values["structures"][-1]["n_neighbors"])),
    }
    for name in work:
        result[f"{name}_us_per_atom"] = median(cpus[name])
        result[f"{name}_wall_us_per_atom"] = median(walls[name])
        if teacher is not None and name != "reference":
            ratios = zip(cpus[name], cpus["reference"], strict=True)
            result[f"{name}_ratio_to_snap"] = median(ours / theirs for ours, theirs in ratios)
    result["n2p2_us_per_atom"] = N2P2_US_PER_ATOM
    result["n2p2_ratio_to_snap"] = N2P2_US_PER_ATOM / N2P2_SNAP_US_PER_ATOM
    return result


def table(result: dict[str, Any]) -> str:
    """For people."""
    figures = result["speed"]
    lines = ["deviation from n2p2       energy (rel.)   force (Ha/Bohr)   force rms/rms"]
    for name in NAMES:
        for variant, e in result["accuracy"][name].items():
            numbers = f"{e['energy_relative_error']:13.1e} {e['force_error_ha_per_bohr']:17.1e}"
            lines.append(f"{name:12s} {variant:15s}{numbers} {e['force_rms_error_over_rms']:15.1e}")
    lines += ["", f"{figures['atoms']} atoms of water, one core   CPU µs/atom   wall µs/atom   ratio to SNAP"]
    for name in [*(f"{engine}_{dtype}" for dtype in DTYPES for engine in ENGINES), "neighbours_float32", "reference"]:
        if f"{name}_us_per_atom" in figures:
            ratio = figures.get(f"{name}_ratio_to_snap", 1.0)
            times = f"{figures[f'{name}_us_per_atom']:12.1f} {figures[f'{name}_wall_us_per_atom']:14.1f}"
            lines.append(f"{name:28s}{times} {ratio:15.3f}")
    lines.append(f"{'n2p2 (published)':28s}{figures['n2p2_us_per_atom']:12.1f} {figures['n2p2_ratio_to_snap']:30.3f}")
    return "\n".join(lines)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON line instead of a table")
    parser.add_argument("--rounds", type=int, default=7, help="rounds over all variants")
    given = parser.parse_args()
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    references = {name: Reference(REFERENCE / name) for name in NAMES}
    result: dict[str, Any] = {"accuracy": accuracy(references), "speed": speed(references[NAMES[0]], given.rounds)}
    structures = [[Frame(structure=structure) for structure in one.structures] for one in references.values()]
    result["conditions"] = conditions(split=structures, seeds={"rattle": 0}, core=core, rounds=given.rounds)
    print(json.dumps(result) if given.json else table(result))


if __name__ == "__main__":
    main()
