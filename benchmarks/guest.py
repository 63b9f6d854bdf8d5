"""A guest in a glass (paper, sections 3.2.2 and 4.1.1): energies of the relaxed host learnt by the guest alone.

    python benchmarks/guest.py --cache FILE.npz [--recipes paper default] [--seeds 0 1 2] [--json]

The host is 72 atoms of quenched SiO₂ and the guest a made-up Cu (benchmarks/oxide.py). At 2000 random points of a 50³
grid, none closer than 1.4 Å to the host, the host relaxes around the fixed guest (about three minutes of one core; kept
in the file named by --cache). As in the paper, 1800 points train and 200 test; the networks see the guest in the host
as it was before, labelled with the energy only. The slopes of the learnt energy are compared with the force on the
guest in the relaxed host, which by the envelope theorem is the slope of the relaxed energy; that one is checked
against central differences of relaxed energies.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import oxide
from ase import Atoms
from conditions import conditions

from nnp.core import recipe
from nnp.core.label import Frame, Label
from nnp.core.potential import Potential
from nnp.core.structure import Structure
from nnp.learn import train, weights

Array = npt.NDArray[np.float64]

POINTS, TESTED = 2000, 200
CLOSEST = 1.4
CHECKED, STEP = 20, 0.05
"""Test points at which the slope is checked by central differences, and their step, Å."""
LOW = 1.0
"""eV above the lowest; the barriers of diffusion lie there."""


def made(seed: int) -> dict[str, Array]:
    """The data: host, points, relaxed energies above those of the host alone (eV), forces on the guest (eV/Å)."""
    started = time.process_time()
    host = oxide.glass(seed)
    alone, _ = oxide.energy_and_forces(host)
    points = oxide.grid_points(host, POINTS, CLOSEST, seed + 1)
    energies, forces, moved = np.zeros(POINTS), np.zeros((POINTS, 3)), np.zeros(POINTS)
    slopes = np.full((CHECKED, 3), np.nan)
    for number, point in enumerate(points):
        start = host + Atoms("Cu", [point])
        after, energy = oxide.relaxed(start, len(host))
        energies[number] = energy - alone
        forces[number] = oxide.energy_and_forces(after)[1][-1]
        moved[number] = np.linalg.norm(after.positions - start.positions, axis=1).max()
        if number >= POINTS - CHECKED:
            slopes[number - POINTS + CHECKED] = _differences(after, host)
    return {
        "symbols": np.array(host.get_chemical_symbols()),
        "positions": host.positions,
        "length": np.array(host.cell[0, 0]),
        "points": points,
        "energies": energies,
        "forces": forces,
        "moved": moved,
        "slopes": slopes,
        "cpu_seconds": np.array(time.process_time() - started),
    }


def _differences(after: Atoms, host: Atoms) -> Array:
    """Minus the slope (3,) of the relaxed energy by central differences, from hosts relaxed anew nearby."""
    found = np.zeros(3)
    for axis in range(3):
        energies = []
        for sign in (1.0, -1.0):
            displaced = after.copy()
            displaced.positions[-1, axis] += sign * STEP
            energies.append(oxide.relaxed(displaced, len(host))[1])
        found[axis] = -(energies[0] - energies[1]) / (2.0 * STEP)
    return found


def frames_of(data: dict[str, Array]) -> list[Frame]:
    """The unrelaxed host with the guest at each point, labelled with the relaxed energy; the last ones are the test."""
    found = []
    for number, (point, energy) in enumerate(zip(data["points"], data["energies"], strict=True)):
        atoms = Atoms([*data["symbols"], "Cu"], [*data["positions"], point], cell=[float(data["length"])] * 3, pbc=True)
        split = "test" if number >= POINTS - TESTED else "train"
        label = Label(energy=float(energy))
        found.append(Frame(structure=Structure.from_atoms(atoms), label=label, split=split, name=f"point {number}"))
    return found


PAPER: dict[str, Any] = {
    "centres": ["Cu"],
    "symmetry_functions": {
        "kind": "wide_angular",
        "radial": 6,
        "channels": 2,
        "zetas": [1, 4],
        "lambdas": [-1, 1],
        "element_tuples": {
            "radial": [["Cu", "Si"], ["Cu", "O"]],
            "angular": [["Si", "Cu", "Si"], ["Si", "Cu", "O"], ["O", "Cu", "O"]],
        },
    },
    "committee": [{"hidden": [9, 9], "activation": "tanh"}],
    "replicas": None,
}
"""The paper's network 36-9-9-1: 2 · 6 radial and 3 · 2 · 2 · 2 angular functions of the guest."""
RECIPES: dict[str, dict[str, Any]] = {"paper": PAPER, "default": {"centres": ["Cu"], "replicas": None}}


def measured(data: dict[str, Array], wanted: recipe.Recipe) -> dict[str, Any]:
    """Errors on the test points of a potential trained by a recipe."""
    frames, started = frames_of(data), time.process_time()
    run = train.train(wanted, frames, threads=1)
    while True:
        try:
            next(run)
        except StopIteration as stop:
            result = stop.value
            break
    seconds = time.process_time() - started
    potential = Potential.load(result.onnx_float64, threads=1)
    definition = weights.unpack(result.checkpoint).definition
    tested = slice(POINTS - TESTED, POINTS)
    predictions = potential.evaluate([frame.structure for frame in frames[tested]], ("energy", "forces"))
    true, slopes = data["energies"][tested], data["forces"][tested]
    error = np.array([p.energy for p in predictions]) - true
    on_guest = np.array([p.forces[-1] for p in predictions if p.forces is not None])
    low = true < data["energies"].min() + LOW
    return {
        "inputs": len(definition.functions.names_of("Cu")),
        "constant_inputs": sum(element == "Cu" for element, _ in result.dropped),
        "members": len(wanted.committee),
        "energy_rmse_mev_per_system": _rms(1000.0 * error),
        "energy_mae_mev_per_system": float(np.abs(1000.0 * error).mean()),
        "energy_largest_mev": float(np.abs(1000.0 * error).max()),
        "low_energy_rmse_mev_per_system": _rms(1000.0 * error[low]),
        "force_rmse_ev_per_a": _rms(on_guest - slopes),
        "low_force_rmse_ev_per_a": _rms((on_guest - slopes)[low]),
        "train_cpu_s": round(seconds, 1),
    }


def _rms(values: Array) -> float:
    return float(np.sqrt((values**2).mean()))


def data_from(cache: Path) -> dict[str, Array]:
    """The data of the file, made first where there is none."""
    if not cache.exists():
        np.savez_compressed(cache, **made(0))
    with np.load(cache) as found:
        return dict(found)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the data if need be, train with every recipe and seed, print errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="npz file of the data; made where it is not there")
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=tuple(RECIPES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="of the networks")
    parser.add_argument("--json", action="store_true", help="print one JSON line")
    given = parser.parse_args(arguments)
    data = data_from(given.cache)
    energies, checked = data["energies"], data["forces"][-CHECKED:]
    report: dict[str, Any] = {
        "points": len(energies),
        "tested": TESTED,
        "host_atoms": len(data["symbols"]),
        "energies_std_ev": float(energies.std()),
        "energies_range_ev": [float(energies.min()), float(energies.max())],
        "points_below_low": int((energies < energies.min() + LOW).sum()),
        "largest_relaxation_a": float(data["moved"].max()),
        "mean_largest_relaxation_a": float(data["moved"].mean()),
        "force_on_guest_rms_ev_per_a": _rms(data["forces"]),
        "slopes_minus_forces_median_ev_per_a": float(np.median(np.abs(data["slopes"] - checked))),
        "slopes_minus_forces_rms_ev_per_a": _rms(data["slopes"] - checked),
        "data_cpu_s": float(data["cpu_seconds"]),
    }
    for name in given.recipes:
        report[name] = []
        for seed in given.seeds:
            wanted = recipe.parse({**RECIPES[name], "seed": seed})
            report[name].append({"seed": seed, "recipe_hash": recipe.recipe_hash(wanted), **measured(data, wanted)})
    frames = frames_of(data)
    seeds = {"host": 0, "points": 1, "trainings_first": given.seeds[0], "trainings_last": given.seeds[-1]}
    report |= {
        "references": {"Li et al. 2017, Cu in a-Ta2O5 (DFT), 36-9-9-1": {"energy_rmse_mev_per_system": 39.0}},
        "conditions": conditions(split=(frames[:-TESTED], frames[-TESTED:]), seeds=seeds),
    }
    print(json.dumps(report, indent=None if given.json else 1))


if __name__ == "__main__":
    main()
