"""Selection of symmetry functions: the time of a large pool, and every method against random choice.

- pool: 2164 functions (power spectrum of 20 channels up to l = 8, 64 radial) on 5024 copper atoms (157 hot cells of 32,
  EMT labels) with derivatives along 8 directions per structure, and one ranking of 256 of them by elimination; seconds
  of the clock and of the processor, which differ where other work shares the machine;
- methods: 32 functions of a pool of 268 for the silicon of data/si-pbe (every third structure), and of 176 for a seeded
  hot Al-Cu alloy (EMT); loss of a linear model on structures that neither the ranking nor the fit has seen, beside the
  mean of 8 random choices of as many functions;
- principal components of 41 wide functions of silicon at 41, 20, 15 and 10 (paper 3.2.1).

``--json`` prints one line; ``--genetic`` adds 256 of the 2164 functions by the genetic algorithm (minutes).
"""

import argparse
import itertools
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase.build import bulk
from ase.calculators.emt import EMT
from conditions import conditions

from nnp.core import neighbours, reading, recipe
from nnp.core.label import Frame, Label
from nnp.core.structure import Structure
from nnp.learn import definition, grid
from nnp.learn.selection import curve, methods, pool, problem, select
from nnp.learn.selection.similarity import random_choice

SILICON = Path(__file__).resolve().parents[1] / "data" / "si-pbe" / "si-pbe.extxyz"
FOLDS, DIRECTIONS, COUNT, DRAWS = 3, 8, 32, 8


def emt(count: int, repeats: tuple[int, int, int], lattice: float, *, alloy: bool) -> list[Frame]:
    """Hot, strained fcc cells with labels of EMT, from a fixed seed."""
    random = np.random.default_rng(0)
    result = []
    for _ in range(count):
        atoms = bulk("Cu", "fcc", a=lattice, cubic=True) * repeats
        if alloy:
            atoms.symbols[random.random(len(atoms)) < random.random()] = "Al"
        strain = np.eye(3) + random.normal(scale=0.03, size=(3, 3))
        atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
        atoms.positions += random.normal(scale=0.05 + 0.15 * random.random(), size=(len(atoms), 3))
        atoms.calc = EMT()
        label = Label(energy=atoms.get_potential_energy(), forces=atoms.get_forces())
        result.append(Frame(structure=Structure.from_atoms(atoms), label=label))
    return result


def equations(frames: Sequence[Frame], cutoff: float, functions: dict[str, Any]) -> tuple[problem.Problem, float]:
    """The linear model of a pool, and the seconds that its values and slopes took."""
    wanted = recipe.parse({"cutoff": cutoff, "symmetry_functions": functions})
    started = time.perf_counter()
    table = neighbours.neighbour_table([frame.structure for frame in frames], cutoff)
    chosen = grid.symmetry_functions_for(wanted, definition.elements_of(frames), table)
    *_, (_, found) = pool.compute(chosen, frames, DIRECTIONS, np.random.default_rng(0))
    assert found is not None
    seconds = time.perf_counter() - started
    return problem.build(chosen, found, frames, wanted, FOLDS), seconds


def spectrum(radial: int, channels: int, l_max: int) -> dict[str, Any]:
    """A power spectrum without four-body functions."""
    shape = {"radial": radial, "channels": channels, "l_max": l_max}
    return {"kind": "power_spectrum", "four_body": None, **shape}


def hot_copper() -> list[Frame]:
    """157 cells of 32 atoms."""
    return emt(157, (2, 2, 2), 3.7, alloy=False)


def _conditions(*data: Sequence[Frame]) -> dict[str, Any]:
    seeds = {"frames": 0, "folds": 0, "directions": 0, "random_choices": 1, "rankings": 2}
    return conditions(split=data, seeds=seeds, folds=FOLDS, directions=DIRECTIONS)


def large_pool(*, genetic: bool) -> dict[str, Any]:
    """Seconds of a pool of 2164 functions on 5024 atoms and of one ranking."""
    frames = hot_copper()
    used = time.process_time()
    built, seconds = equations(frames, 5.5, spectrum(64, 20, 8))
    pool_used = time.process_time() - used
    started = time.perf_counter()
    random = np.random.default_rng(0)
    ranking = methods.METHODS["elimination"](built, 256, built.every_fold, random)
    ranked = time.perf_counter() - started
    result: dict[str, Any] = {
        "pool_functions": built.size,
        "pool_atoms": len(built.species),
        "pool_seconds": round(seconds, 1),
        "ranking_of_256_seconds": round(ranked, 1),
        "together_seconds": round(seconds + ranked, 1),
        "pool_cpu_seconds": round(pool_used, 1),
        "together_cpu_seconds": round(time.process_time() - used, 1),
        "kept": len(ranking),
    }
    if genetic:
        result["genetic_256_of_2164"] = against_chance(built, ["genetic"], 256)
    return result


def against_chance(built: problem.Problem, names: Sequence[str], count: int) -> dict[str, Any]:
    """Loss and force error of methods and of random choices at equal count."""
    random = np.random.default_rng(1)
    chance = []
    for _ in range(DRAWS):
        drawn = random_choice(built, count, (), random)
        chance.append(float(np.sqrt(curve.validated(built, [drawn] * FOLDS).loss)))
    every = curve.point(built, [[int(c) for c in built.candidates]] * FOLDS, built.size, None)
    result: dict[str, Any] = {
        "functions": count,
        "pool_functions": built.size,
        "random_loss_ev": round(float(np.mean(chance)), 4),
        "random_loss_std_ev": round(float(np.std(chance)), 4),
        "all_loss_ev": round(every.loss, 4),
        "all_force_rmse_ev_per_a": round(every.force_rmse_ev_per_a, 4),
    }
    for name in names:
        started = time.perf_counter()
        judged = select.judged(built, name)
        by_fold = list(itertools.islice(curve.rankings(judged, name, count, np.random.default_rng(2)), FOLDS))
        point = curve.point(judged, by_fold, count, None)
        result[name] = {
            "loss_ev": round(point.loss, 4),
            "ratio_to_random": round(point.loss / float(np.mean(chance)), 3),
            "force_rmse_ev_per_a": round(point.force_rmse_ev_per_a, 4),
            "energy_rmse_mev_per_atom": round(point.energy_rmse_mev_per_atom, 2),
            "seconds": round(time.perf_counter() - started, 1),
        }
    return result


def components(frames: Sequence[Frame]) -> dict[str, float]:
    """Force error in eV/Å of 41 functions and of fewer principal components of them."""
    wide = {"kind": "wide_angular", "radial": 9, "channels": 4, "zetas": [1, 2, 4, 8]}
    built, _ = equations(frames, 5.0, wide)
    judged = select.judged(built, "pca")
    ranking = [[int(c) for c in judged.candidates]] * FOLDS
    points = [curve.point(judged, ranking, count, None) for count in (built.size, 20, 15, 10)]
    return {str(point.count): round(point.force_rmse_ev_per_a, 4) for point in points}


def main() -> None:
    """Run everything and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--pool", action="store_true", help="the large pool alone")
    parser.add_argument("--genetic", action="store_true", help="256 of 2164 functions by the genetic algorithm too")
    given = parser.parse_args()
    if given.pool:
        print(json.dumps(large_pool(genetic=given.genetic) | {"conditions": _conditions(hot_copper())}))
        return
    silicon = list(reading.read_frames(SILICON))[::3]
    alloys = emt(100, (2, 2, 1), 3.8, alloy=True)
    names = list(methods.METHODS)
    result = {
        **large_pool(genetic=given.genetic),
        "silicon": against_chance(equations(silicon, 5.0, spectrum(16, 8, 5))[0], names, COUNT),
        "alloys": against_chance(equations(alloys, 4.5, spectrum(6, 4, 3))[0], names, COUNT),
        "pca_of_41_force_rmse_ev_per_a": components(silicon),
        "conditions": _conditions(silicon, alloys, hot_copper()),
    }
    print(json.dumps(result) if given.json else json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
