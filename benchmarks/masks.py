"""Fewer types of symmetry functions at the same error, with networks: the paper's section 3.2.2 made again.

Li et al. kept 13 of the 27 types of Li3PO4 by hand and lost no accuracy. Here networks are trained on all types and on
those that ``nnp.learn.selection.tuples`` suggests, from the training structures or from the perfect crystal, for the
same steps, and judged on other structures. For comparison: without any angle, and with as many other triples at random.

The structures are strained and thermally displaced beta-Li3PO4 of 16 atoms with labels of GFN1-xTB. ``--make FILE``
writes them (minutes; `tblite` is no dependency of ours: ``pip install tblite``), ``--data FILE`` trains on them.
``--json`` prints one line.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.neighborlist import neighbor_list
from ase.spacegroup import crystal
from conditions import conditions
from elements import compared, fitted, residuals, rmse

from nnp.core import reading, recipe, writing
from nnp.core.label import Frame, Label
from nnp.core.structure import Structure
from nnp.learn import descriptor
from nnp.learn.selection import tuples

CUTOFF = 5.0
HIDDEN = (24, 24)
CHOICES = ("suggested", "crystal", "radial", "random")
BETA = {
    "symbols": ("Li", "Li", "P", "O", "O", "O"),
    "basis": (
        (0.248, 0.328, 0.986),
        (0.5, 0.843, 0.989),
        (0.0, 0.824, 0.0),
        (0.208, 0.686, 0.898),
        (0.0, 0.105, 0.900),
        (0.5, 0.182, 0.825),
    ),
    "spacegroup": 31,
    "cellpar": (6.115, 5.2394, 4.8554, 90, 90, 90),
}
"""Beta-Li3PO4: fractional positions, lengths in Å."""


def springs(atoms: Atoms) -> np.ndarray:
    """(3N, 3N) inverse force constants, Å²/eV, of springs between all neighbours; 30 eV/Å² for P-O, weak for far ones.

    They only give thermal displacements their shape: stiff in the phosphate, soft for lithium.
    """
    first, second, vectors, distances = neighbor_list("ijDd", atoms, 4.0)
    constants = np.zeros((len(atoms), 3, len(atoms), 3))
    for i, j, vector, distance in zip(first, second, vectors, distances, strict=True):
        block = 30.0 * (1.55 / distance) ** 6 * np.outer(vector, vector) / distance**2
        constants[i, :, i] += block
        constants[i, :, j] -= block
    whole = constants.reshape(3 * len(atoms), 3 * len(atoms))
    return np.linalg.inv(whole + 0.3 * np.eye(len(whole)))


def distorted(count: int) -> list[Atoms]:
    """Strained cells with displacements of 300 to 2000 K, in half of them a lithium atom out of its place."""
    random, perfect, found = np.random.default_rng(0), crystal(**BETA), []
    shape = np.linalg.cholesky(springs(perfect))
    while len(found) < count:
        atoms = perfect.copy()
        strain = random.normal(scale=0.02, size=(3, 3))
        atoms.set_cell(atoms.cell[:] @ (np.eye(3) + 0.5 * (strain + strain.T)), scale_atoms=True)
        amplitude = np.sqrt(units.kB * random.uniform(300.0, 2000.0))
        atoms.positions += amplitude * (shape @ random.normal(size=3 * len(atoms))).reshape(-1, 3)
        if random.random() < 0.5:
            atoms.positions[random.choice(np.flatnonzero(atoms.numbers == 3))] += random.normal(scale=0.4, size=3)
        if not len(neighbor_list("i", atoms, 1.25)):
            found.append(atoms)
    return found


def labelled(structures: Sequence[Atoms]) -> list[Frame]:
    """Energies and forces of GFN1-xTB; those whose charges do not converge are left out."""
    try:
        from tblite.ase import TBLite
    except ImportError:
        raise SystemExit("--make needs tblite for the labels: pip install tblite, or give --data FILE") from None
    from ase.calculators.calculator import CalculationFailed

    found: list[Frame] = []
    for atoms in structures:
        atoms.calc = TBLite(method="GFN1-xTB", verbosity=0)
        try:
            label = Label(energy=atoms.get_potential_energy(), forces=atoms.get_forces())
        except CalculationFailed:
            continue
        found.append(Frame(structure=Structure.from_atoms(atoms), label=label))
    return found


def choices(frames: Sequence[Frame]) -> dict[str, dict[str, Any]]:
    """The `element_tuples` of each choice of types; those at random are as many others as the suggested triples."""
    types = tuples.suggest_masks(frames, CUTOFF)
    suggested = tuples.kept(types)
    every = tuples.kept([replace(one, kept=True) for one in types])
    others = [triple for triple in every["angular"] if triple not in suggested["angular"]]
    perfect = Frame(structure=Structure.from_atoms(crystal(**BETA)), label=None)
    drawn = np.random.default_rng(0).permutation(len(others))[: len(suggested["angular"])]
    return {
        "all": every,
        "suggested": suggested,
        "crystal": tuples.kept(tuples.suggest_masks([perfect], CUTOFF)),
        "radial": {**suggested, "angular": []},
        "random": {**suggested, "angular": [others[one] for one in sorted(drawn)]},
    }


def judged(
    frames: Sequence[Frame], tests: Sequence[Frame], chosen: Mapping[str, Any], steps: int, seeds: int
) -> tuple[dict[str, Any], np.ndarray]:
    """Errors, sizes and time of networks on the chosen types, and the residuals (seeds, S, 3) of the tests."""
    trained, start = [], time.process_time()
    for seed in range(seeds):
        wanted = recipe.parse(
            {
                "seed": seed,
                "cutoff": CUTOFF,
                "symmetry_functions": {"kind": "wide_angular", "element_tuples": chosen},
                "committee": [{"hidden": HIDDEN}],
                "replicas": None,
                "steps": steps,
                "batch_size": 8,
            }
        )
        trained.append(fitted(frames, wanted))
    seconds = (time.process_time() - start) / seeds
    rows = np.array([residuals(one, tests) for one in trained])
    forces = [rmse(one)["force_rmse_ev_per_a"] for one in rows]
    found = {
        **rmse(np.concatenate(rows)),
        "force_rmse_ev_per_a_std": np.std(forces),
        "train_force_rmse_ev_per_a": np.mean([one.metrics["train"]["force_rmse_ev_per_a"] for one in trained]),
        "train_cpu_seconds": seconds,
    }
    return sizes(trained[0].manifest.symmetry_functions) | {k: round(float(v), 5) for k, v in found.items()}, rows


def sizes(definition: dict[str, Any]) -> dict[str, int]:
    """Functions of all centre elements together, and the weights and biases of the networks behind them."""
    used = descriptor.from_dict(definition)
    counts = [len(used.names_of(element)) for element in used.elements]
    layers = [((count, *HIDDEN), (*HIDDEN, 1)) for count in counts]
    weights = sum((before + 1) * after for one in layers for before, after in zip(*one, strict=True))
    return {"functions": sum(counts), "parameters": weights}


def run(frames: Sequence[Frame], names: Sequence[str], steps: int, seeds: int) -> dict[str, Any]:
    """The named choices of types beside all types on the same structures, the last fifth of them held out."""
    held = max(len(frames) // 5, 1)
    frames, tests = frames[:-held], frames[-held:]
    result: dict[str, Any] = {
        "benchmark": "masks",
        "structures": len(frames),
        "test_structures": len(tests),
        "test_force_rms_ev_per_a": round(float(np.sqrt(np.mean([f.label.forces**2 for f in tests if f.label]))), 4),
    }
    reference, every = None, choices(frames)
    for name in ("all", *names):
        chosen = every[name]
        found, rows = judged(frames, tests, chosen, steps, seeds)
        reference = rows if reference is None else reference
        share = round(found["parameters"] / result.get("all", found)["parameters"], 3)
        own = {"types": len(chosen["radial"]) + len(chosen["angular"])}
        angles = {"angles": ["-".join(triple) for triple in chosen["angular"]]}
        result[name] = {**own, **angles, **found, "ratio_parameters": share, **compared(rows, reference)}
    drawn = {"structures": 0, "random_triples": 0, "first_training": 0}
    told = conditions(split=(frames, tests), seeds=drawn, trainings=seeds, steps=steps)
    return {**result, "conditions": told}


def main() -> None:
    """Make the structures, or train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--data", type=Path, help="labelled structures, independent of each other")
    what.add_argument("--make", type=Path, help="write such a file of Li3PO4, with labels of GFN1-xTB")
    parser.add_argument("--structures", type=int, default=180, help="how many --make writes")
    parser.add_argument("--choices", nargs="*", choices=CHOICES, default=CHOICES, help="beside all types")
    parser.add_argument("--steps", type=int, default=1500, help="of the optimiser")
    parser.add_argument("--seeds", type=int, default=2, help="trainings of each choice")
    parser.add_argument("--json", action="store_true", help="one JSON line")
    given = parser.parse_args()
    if given.make:
        writing.write_extxyz(given.make, labelled(distorted(given.structures)))
        return
    found = run(list(reading.read_frames(given.data)), given.choices, given.steps, given.seeds)
    print(json.dumps(found, indent=None if given.json else 1))


if __name__ == "__main__":
    main()
