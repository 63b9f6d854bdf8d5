"""Principal components in place of functions, with networks: the paper's section 3.2.1 made again.

Crystalline silicon at 300, 600 and 900 K, Stillinger-Weber dynamics in LAMMPS (extra ``bench``): networks on 41 wide
functions, and on their leading 20, 15 and 10 principal components, trained for the same steps and judged on other
trajectories. The paper lost little at 20 and much at 15 or 10. ``--json`` prints one line.
"""

import argparse
import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from calculators import lammps_potential, lammps_silicon
from conditions import conditions
from elements import fitted, residuals, rmse

from nnp.core import recipe
from nnp.core.label import Frame, Label
from nnp.core.structure import Structure

TEMPERATURES = (300, 600, 900)
COMPONENTS = (None, 20, 15, 10)
WIDE = {"radial": 9, "channels": 4, "zetas": [1, 2, 4, 8]}


def silicon(frames: int, seed: int) -> list[Frame]:
    """Snapshots of 64 atoms every 50 fs at each temperature, with energies and forces of Stillinger-Weber."""
    potential = lammps_potential("Si.sw")
    atoms, found = bulk("Si", cubic=True) * (2, 2, 2), []
    length = float(atoms.cell[0, 0])
    for temperature in TEMPERATURES:
        engine = lammps_silicon(atoms.positions, length)
        engine.commands_string(
            f"pair_style sw\npair_coeff * * {potential} Si\ntimestep 0.001\n"
            f"velocity all create {2 * temperature} {seed + temperature}\nfix move all nve\n"
            f"fix bath all langevin {temperature} {temperature} 0.1 {seed + temperature}\nthermo 1\nrun 1000\n"
            "unfix bath"  # its random forces would be among the labels
        )
        for _ in range(frames):
            engine.command("run 50")
            positions = np.array(engine.gather_atoms("x", 1, 3)).reshape(-1, 3)
            forces = np.array(engine.gather_atoms("f", 1, 3)).reshape(-1, 3)
            structure = Structure.from_atoms(Atoms("Si64", positions=positions, cell=atoms.cell, pbc=True))
            found.append(Frame(structure=structure, label=Label(energy=engine.get_thermo("pe"), forces=forces)))
        engine.close()
    return found


def judged(
    frames: Sequence[Frame], tests: Sequence[Frame], count: int | None, steps: int, seeds: int
) -> dict[str, float]:
    """Errors on the tests, on the functions or on principal components: mean, and deviation over the seeds."""
    found, start = [], time.process_time()
    compression = None if count is None else {"components": count}
    for seed in range(seeds):
        wanted = recipe.parse(
            {
                "seed": seed,
                "cutoff": 5.0,
                "symmetry_functions": {"kind": "wide_angular", **WIDE, "compression": compression},
                "committee": [{"hidden": [24, 24]}],
                "replicas": None,
                "steps": steps,
                "batch_size": 4,
            }
        )
        found.append(rmse(residuals(fitted(frames, wanted), tests)))
    result = {key: float(np.mean([one[key] for one in found])) for key in found[0]}
    result["force_rmse_ev_per_a_std"] = float(np.std([one["force_rmse_ev_per_a"] for one in found]))
    result["cpu_seconds"] = (time.process_time() - start) / seeds
    return {key: round(value, 5) for key, value in result.items()}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON line")
    parser.add_argument("--frames", type=int, default=30, help="training frames of each temperature")
    parser.add_argument("--steps", type=int, default=1500, help="of the optimiser")
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    frames, tests = silicon(given.frames, seed=1), silicon(max(given.frames // 3, 2), seed=2)
    result: dict[str, Any] = {
        "structures": len(frames),
        "test_structures": len(tests),
        "force_rms_ev_per_a": round(float(np.sqrt(np.mean([f.label.forces**2 for f in tests if f.label]))), 4),
    }
    for count in COMPONENTS:
        found = judged(frames, tests, count, given.steps, given.seeds)
        whole = result["41"] if count else found
        result[str(count or 41)] = {
            **found,
            "ratio_force": round(found["force_rmse_ev_per_a"] / whole["force_rmse_ev_per_a"], 3),
        }
    drawn = {"training_frames": 1, "test_frames": 2, "last_training": given.seeds - 1}
    told = conditions(split=(frames, tests), seeds=drawn, steps=given.steps, trainings=given.seeds)
    print(json.dumps(result | {"conditions": told}, indent=None if given.json else 1))


if __name__ == "__main__":
    main()
