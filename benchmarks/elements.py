"""Element channels against functions for every neighbour element, on five metals mixed at random.

The data are made here: fcc alloys of Cu, Ag, Au, Ni and Pd, 32 atoms of random composition, compressed or stretched and
rattled, with energies, forces and stresses of the effective-medium theory in ASE. The same frames train one potential
with functions for every element and one with each kind of element channels; all are tested on the same other frames.
``--json`` prints one line.
"""

import argparse
import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from ase.build import bulk
from ase.calculators.emt import EMT
from conditions import conditions

from nnp.core import potential, recipe
from nnp.core.label import Frame, Label
from nnp.core.structure import Structure
from nnp.learn import descriptor, train

ELEMENTS = ("Ni", "Cu", "Pd", "Ag", "Au")
SPACINGS = {"Ni": 3.52, "Cu": 3.61, "Pd": 3.89, "Ag": 4.09, "Au": 4.08}
CHOICES: dict[str, dict[str, Any] | None] = {
    "per_element": None,
    "weighted": {"kind": "weighted", "count": 3},
    "learnable": {"kind": "learnable", "count": 3},
}


def alloys(count: int, seed: int) -> list[Frame]:
    """Labelled frames: composition from a Dirichlet distribution, volume from 0.92 to 1.12 of Vegard's, rattled."""
    random, frames = np.random.default_rng(seed), []
    for _ in range(count):
        symbols = random.choice(ELEMENTS, size=32, p=random.dirichlet(np.full(len(ELEMENTS), 0.7)))
        spacing = float(np.mean([SPACINGS[symbol] for symbol in symbols]))
        atoms = bulk("Cu", cubic=True, a=spacing * random.uniform(0.92, 1.12) ** (1 / 3)) * (2, 2, 2)
        atoms.symbols[:] = symbols
        strain = random.normal(scale=0.01, size=(3, 3))
        atoms.set_cell(atoms.cell[:] @ (np.eye(3) + 0.5 * (strain + strain.T)), scale_atoms=True)
        atoms.rattle(random.uniform(0.02, 0.12), seed=int(random.integers(2**31)))
        atoms.calc = EMT()  # type: ignore[no-untyped-call]
        label = Label(energy=atoms.get_potential_energy(), forces=atoms.get_forces(), stress=atoms.get_stress())
        frames.append(Frame(structure=Structure.from_atoms(atoms), label=label))
    return frames


def fitted(frames: Sequence[Frame], wanted: recipe.Recipe) -> train.Trained:
    """The result of a training."""
    run = train.train(wanted, frames, threads=1)
    while True:
        try:
            next(run)
        except StopIteration as stop:
            return stop.value


def errors(result: train.Trained, frames: Sequence[Frame]) -> dict[str, float]:
    """Root mean square errors on frames."""
    served = potential.Potential.load(result.onnx_float32, threads=1)
    found = served.evaluate([frame.structure for frame in frames], ("energy", "forces"))
    labels = [frame.label for frame in frames if frame.label is not None]
    energies = [(p.energy - t.energy) / len(p.forces) for p, t in zip(found, labels, strict=True)]
    forces = np.concatenate([(p.forces - t.forces).ravel() for p, t in zip(found, labels, strict=True)])
    return {
        "energy_rmse_mev_per_atom": float(np.sqrt(np.mean(np.square(energies))) * 1000.0),
        "force_rmse_ev_per_a": float(np.sqrt(np.mean(forces**2))),
    }


def run(structures: int, epochs: int, seeds: int) -> dict[str, Any]:
    """Every choice with every seed on the same frames."""
    frames, tests = alloys(structures, seed=0), alloys(60, seed=1)
    result: dict[str, Any] = {
        "elements": list(ELEMENTS),
        "structures": structures,
        "test_structures": len(tests),
        "epochs": epochs,
    }
    for name, channels in CHOICES.items():
        found, start = [], time.process_time()
        for seed in range(seeds):
            wanted = recipe.parse(
                {
                    "seed": seed,
                    "cutoff": 5.5,
                    "symmetry_functions": {"kind": "power_spectrum", "element_channels": channels},
                    "committee": [{"hidden": [32, 24]}],
                    "replicas": None,
                    "optimiser": "soap",
                    "learning_rate": 0.01,
                    "ema": 0.98,
                    "steps": epochs * (structures // 8),
                    "batch_size": 8,
                }
            )
            made = fitted(frames, wanted)
            found.append(errors(made, tests))
        result[name] = {key: float(np.mean([one[key] for one in found])) for key in found[0]}
        result[name]["functions"] = descriptor.from_dict(made.manifest.symmetry_functions).size
        result[name]["cpu_seconds"] = round((time.process_time() - start) / seeds, 1)
    for name in ("weighted", "learnable"):
        for key in ("energy_rmse_mev_per_atom", "force_rmse_ev_per_a"):
            result[name][f"ratio_{key.split('_')[0]}"] = result[name][key] / result["per_element"][key]
    used = {"training_frames": 0, "test_frames": 1, "trainings_first": 0, "trainings_last": seeds - 1}
    return {**result, "references": {"per_element": result["per_element"]}} | {
        "conditions": conditions(split=(frames, tests), seeds=used)
    }


def main() -> None:
    """Run and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON line")
    parser.add_argument("--structures", type=int, default=200, help="training frames")
    parser.add_argument("--epochs", type=int, default=40, help="passes over the training frames")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each kind")
    given = parser.parse_args()
    print(json.dumps(run(given.structures, given.epochs, given.seeds), indent=None if given.json else 1))


if __name__ == "__main__":
    main()
