"""Element channels against functions for every neighbour element, on five metals mixed at random.

The data are made here: fcc alloys of Cu, Ag, Au, Ni and Pd, 32 atoms of random composition, compressed or stretched and
rattled, with energies, forces and stresses of the effective-medium theory in ASE. The same frames train two networks
of the default recipe with functions for every element, and with each kind of element channels; all are tested on the
same other frames. Functions for every element get twice the steps: each of their trainings must have come to its end,
which the errors on the training frames show. ``--json`` prints one line.
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
BOOTSTRAP = 1000
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


def residuals(result: train.Trained, frames: Sequence[Frame]) -> np.ndarray:
    """(S, 3) of each frame: energy error in eV/atom, sum of squared force errors in (eV/Å)², number of components."""
    served = potential.Potential.load(result.onnx_float32, threads=1)
    found = served.evaluate([frame.structure for frame in frames], ("energy", "forces"))
    labels = [frame.label for frame in frames if frame.label is not None]
    rows = [
        ((p.energy - t.energy) / len(p.forces), ((p.forces - t.forces) ** 2).sum(), p.forces.size)
        for p, t in zip(found, labels, strict=True)
    ]
    return np.array(rows)


def rmse(rows: np.ndarray) -> dict[str, float]:
    """Root mean square errors of the rows of `residuals`."""
    return {
        "energy_rmse_mev_per_atom": float(np.sqrt(np.mean(rows[:, 0] ** 2)) * 1000.0),
        "force_rmse_ev_per_a": float(np.sqrt(rows[:, 1].sum() / rows[:, 2].sum())),
    }


def compared(rows: np.ndarray, reference: np.ndarray) -> dict[str, Any]:
    """Ratios of errors (seeds, S, 3) to others on the same frames, with 95 % bootstrap intervals over these."""
    random, result = np.random.default_rng(0), {}
    draws = [random.integers(rows.shape[1], size=rows.shape[1]) for _ in range(BOOTSTRAP)]
    for key in rmse(rows[0]):
        shares = [rmse(np.concatenate(rows[:, d]))[key] / rmse(np.concatenate(reference[:, d]))[key] for d in draws]
        whole = rmse(np.concatenate(rows))[key] / rmse(np.concatenate(reference))[key]
        name = f"ratio_{key.split('_')[0]}"
        result[name] = round(whole, 3)
        result[f"{name}_interval"] = [round(float(edge), 3) for edge in np.quantile(shares, (0.025, 0.975))]
    return result


def run(structures: int, steps: int, seeds: int) -> dict[str, Any]:
    """Every choice with every seed on the same frames."""
    frames, tests = alloys(structures, seed=0), alloys(60, seed=1)
    result: dict[str, Any] = {"elements": list(ELEMENTS), "structures": structures, "test_structures": len(tests)}
    rows: dict[str, np.ndarray] = {}
    for name, channels in CHOICES.items():
        trained, start = [], time.process_time()
        for seed in range(seeds):
            wanted = recipe.parse(
                {
                    "seed": seed,
                    "cutoff": 5.5,
                    "symmetry_functions": {"kind": "power_spectrum", "element_channels": channels},
                    "committee": [{"hidden": [64, 32]}, {"hidden": [56, 40]}],
                    "replicas": None,
                    "steps": steps if channels else 2 * steps,
                    "batch_size": 8,
                }
            )
            trained.append(fitted(frames, wanted))
        rows[name] = np.array([residuals(one, tests) for one in trained])
        result[name] = {
            **rmse(np.concatenate(rows[name])),
            "train_force_rmse_ev_per_a": float(trained[0].metrics["train"]["force_rmse_ev_per_a"]),
            "functions": descriptor.from_dict(trained[0].manifest.symmetry_functions).size,
            "cpu_seconds": round((time.process_time() - start) / seeds, 1),
        }
        if channels:
            result[name] |= compared(rows[name], rows["per_element"])
    drawn = {"training_alloys": 0, "test_alloys": 1, "bootstrap": 0, "last_training": seeds - 1}
    return result | {"conditions": conditions(split=(frames, tests), seeds=drawn, steps=steps, trainings=seeds)}


def main() -> None:
    """Run and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON line")
    parser.add_argument("--structures", type=int, default=200, help="training frames")
    parser.add_argument("--steps", type=int, default=1250, help="of the optimiser; twice as many per element")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each kind")
    given = parser.parse_args()
    print(json.dumps(run(given.structures, given.steps, given.seeds), indent=None if given.json else 1))


if __name__ == "__main__":
    main()
