"""Weights by the density of the data around a vacancy in silicon: errors by class of atom, formation and migration.

    python benchmarks/defects.py [--settings off default published] [--seeds 0 1 2] [--temperature K] [--json]

Labels are Stillinger and Weber's (Phys. Rev. B 31, 5262 (1985)). Frames hold the perfect crystal and 215 atoms around
one vacancy, in dynamics at one temperature, and a few lie near the saddle of the vacancy's hop: thousands of atoms like
those of the crystal, some dozens beside the vacancy. The network is small on purpose, and its functions are few. Atoms
that have not four neighbours within 2.95 Å are the defect, the others the bulk.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.md.langevin import Langevin
from ase.optimize import LBFGS
from calculators import OfFunction
from conditions import conditions

from nnp.core import assembly, neighbours, recipe
from nnp.core.label import Frame, Label
from nnp.core.structure import Structure
from nnp.learn import batches, committee, contract, splits, stacks, weights
from nnp.learn import definition as definitions
from nnp.learn import potential as potentials

Array = npt.NDArray[np.float64]

EPSILON, SIGMA, END = 2.1683, 2.0951, 1.8 * 2.0951
PAIR, POWER_SHARE, LAMBDA, GAMMA = 7.049556277, 0.6022245584, 21.0, 1.2
LATTICE_CONSTANT = 5.431
BONDED = 2.95
"""Å; four neighbours within it make an atom of the bulk."""
SPACING = 50
"""Steps of 2 fs between frames."""
INWARDS = 0.15
"""Of a bond length."""
THERMAL = 0.06
"""Å, of the random displacements of frames near the saddle."""


def stillinger_weber(structure: Structure) -> tuple[float, Array]:
    """Energy (eV) and forces (N, 3) (eV/Å) of silicon."""
    table = neighbours.neighbour_table([structure], END)
    vectors = table.vectors
    lengths = np.linalg.norm(vectors, axis=1)
    inside = lengths < END - 1e-6
    r = np.where(inside, lengths, 1.0)
    u = vectors / lengths[:, None]
    gap = np.where(inside, r - END, -1.0)
    fall = np.where(inside, np.exp(SIGMA / gap), 0.0)
    power = POWER_SHARE * (SIGMA / r) ** 4
    pair = 0.5 * EPSILON * PAIR * fall
    slope = pair * (-4.0 * power / r - (power - 1.0) * SIGMA / gap**2)
    h = np.where(inside, np.exp(GAMMA * SIGMA / gap), 0.0)
    angle = np.einsum("nak,nal->nkl", u, u) + 1.0 / 3.0
    angle[:, np.arange(h.shape[1]), np.arange(h.shape[1])] = 0.0
    strength = EPSILON * LAMBDA
    by_h = strength * np.einsum("nl,nkl->nk", h, angle**2)
    energy = (pair * (power - 1.0)).sum() + 0.5 * (h * by_h).sum()
    along = slope - by_h * h * GAMMA * SIGMA / gap**2
    turning = 2.0 * strength * np.einsum("nk,nl,nkl,nal->nak", h, h, angle, u, optimize=True)
    turning -= (turning * u).sum(axis=1, keepdims=True) * u
    return float(energy), assembly.forces(along[:, None] * u + turning / r[:, None], table.reverse)


def labels() -> Calculator:
    """Stillinger and Weber's potential for ASE."""
    return OfFunction(lambda atoms: stillinger_weber(Structure.from_atoms(atoms)))


def learnt(potential: potentials.Potential) -> Calculator:
    """A trained potential in double precision for ASE."""

    def evaluate(atoms: Atoms) -> tuple[float, Array]:
        (found,) = contract.evaluate(potential, [Structure.from_atoms(atoms)])
        return found.energy, found.forces

    return OfFunction(evaluate)


def crystal() -> Atoms:
    """216 atoms."""
    return bulk("Si", a=LATTICE_CONSTANT, cubic=True) * (3, 3, 3)


def vacancy() -> Atoms:
    """215 atoms, those around the vacancy moved inwards, not relaxed: the ideal vacancy would stay as it is."""
    atoms = crystal()
    empty = _middle(atoms)
    bond = atoms.get_distances(empty, range(len(atoms)), mic=True, vector=True)
    near = np.argsort(np.linalg.norm(bond, axis=1))[1:5]
    atoms.positions[near] -= INWARDS * bond[near]
    del atoms[empty]
    return atoms


def saddle() -> Atoms:
    """215 atoms, a neighbour of the vacancy half-way into it, not relaxed."""
    atoms = crystal()
    empty = _middle(atoms)
    bond = atoms.get_distances(empty, range(len(atoms)), mic=True, vector=True)
    jumping = int(np.argsort(np.linalg.norm(bond, axis=1))[1])
    atoms.positions[jumping] = atoms.positions[empty] + bond[jumping] / 2.0
    del atoms[empty]
    return atoms


def _middle(atoms: Atoms) -> int:
    return int(((atoms.positions - atoms.cell.sum(axis=0) / 2.0) ** 2).sum(axis=1).argmin())


def relaxed(atoms: Atoms, calculator: Calculator, steps: int = 60) -> Atoms:
    """The atoms at rest; by symmetry the saddle stays a saddle."""
    atoms = atoms.copy()
    atoms.calc = calculator
    LBFGS(atoms, logfile=None).run(fmax=0.01, steps=steps)
    return atoms


def energies(calculator: Calculator, places: Sequence[Atoms]) -> dict[str, float]:
    """Formation energy of the vacancy and the energy of the saddle above it, eV.

    Args:
        calculator: labels or a trained potential.
        places: vacancy and saddle at rest by the labels, from where a few steps of relaxation start.
    """
    perfect = crystal()
    perfect.calc = calculator
    hole, top = (relaxed(atoms, calculator, steps=15).get_potential_energy() for atoms in places)
    count = len(perfect)
    return {
        "formation_ev": hole - perfect.get_potential_energy() * (count - 1) / count,
        "migration_ev": top - hole,
    }


def labelled(atoms: Atoms, group: str) -> Frame:
    """A frame with its label."""
    structure = Structure.from_atoms(atoms)
    energy, forces = stillinger_weber(structure)
    return Frame(structure=structure, label=Label(energy=energy, forces=forces), group=group)


def dynamics(start: Atoms, group: str, count: int, temperature: float, seed: int) -> list[Frame]:
    """Frames of Langevin dynamics."""
    random, atoms = np.random.default_rng(seed), start.copy()
    atoms.rattle(0.02, rng=random)
    atoms.calc = labels()
    run = Langevin(atoms, timestep=2.0 * units.fs, temperature_K=temperature, friction=0.02, rng=random, fixcm=False)
    run.run(4 * SPACING)
    found = []
    for _ in range(count):
        run.run(SPACING)
        found.append(labelled(atoms, group))
    return found


def near_saddle(count: int, seed: int) -> list[Frame]:
    """Frames with random displacements around the relaxed saddle."""
    random, top = np.random.default_rng(seed), relaxed(saddle(), labels())
    found = []
    for _ in range(count):
        atoms = top.copy()
        atoms.positions += random.normal(scale=THERMAL, size=atoms.positions.shape)
        found.append(labelled(atoms, "saddle"))
    return found


def trained(
    frames: Sequence[Frame], parts: splits.Split, definition: definitions.Definition, wanted: recipe.Recipe
) -> tuple[potentials.Potential, int]:
    """The potential of one network, and the epoch whose weights were kept."""
    own, size = [frames[i] for i in parts.train], committee.batch_size(wanted, len(parts.train))
    weighed = definitions.atom_weights(definition, own, wanted)
    room = batches.CACHE_BYTES
    groups = batches.divide(own, size, np.random.default_rng([wanted.seed, 2]))
    training = definitions.prepare(definition, own, groups, wanted, room=room, atom_weights=weighed)
    held = [frames[i] for i in parts.validation]
    validation = definitions.prepare(definition, held, batches.divide(held, size, None), wanted, room=room)
    functions, random = definition.functions, np.random.default_rng([wanted.seed, 4])
    members = stacks.initial(wanted.committee, functions.size, functions.elements, 1.0, random)
    plan = committee.plan(wanted, training.atoms, len(training), warm=False)
    best = 0
    for epoch in committee.train(
        members, training=training, validation=validation, wanted=wanted, downhill=plan, resume=None
    ):
        best = epoch.state.best_epoch
    numbers = weights.Weights(
        definition=definition,
        committee=wanted.committee,
        members=tuple(stacks.to_weights(members)),
        replicas=(),
        copies=(),
    )
    return weights.to_potential(numbers), best


@dataclass(frozen=True, kw_only=True, eq=False)
class Set:
    """Frames around a vacancy, who trains, judges and tests; vacancy and saddle at rest."""

    frames: Sequence[Frame]
    parts: splits.Split
    places: Sequence[Atoms]


def frames_for(temperature: float, seed: int = 0) -> Set:
    """Training frames: 6 of the crystal, 16 of the vacancy, 2 near the saddle; 3 for validation, 14 for the test."""
    perfect = dynamics(crystal(), "crystal", 10, temperature, seed)
    moving = dynamics(vacancy(), "vacancy", 23, temperature, seed + 1)
    hopping = near_saddle(8, seed + 2)
    train, judge = [*perfect[:6], *moving[:16], *hopping[:2]], [perfect[6], moving[16], hopping[2]]
    frames = [*train, *judge, *perfect[7:], *moving[17:], *hopping[3:]]
    first, second = len(train), len(train) + len(judge)
    parts = splits.Split(
        train=range(first),
        validation=range(first, second),
        test=range(second, len(frames)),
        unlabelled=(),
        excluded=(),
    )
    return Set(frames=frames, parts=parts, places=[relaxed(atoms, labels()) for atoms in (vacancy(), saddle())])


def defective(frames: Sequence[Frame]) -> npt.NDArray[np.bool_]:
    """(N,) which atoms have not four neighbours."""
    found = []
    for frame in frames:
        table = neighbours.neighbour_table([frame.structure], BONDED)
        found.append(table.counts != 4)
    return np.concatenate(found)


def compared(
    data: Set, definition: definitions.Definition, wanted: recipe.Recipe, reference: Mapping[str, float]
) -> dict[str, Any]:
    """Errors of one training on the test frames."""
    started = time.process_time()
    potential, epoch = trained(data.frames, data.parts, definition, wanted)
    seconds = time.process_time() - started
    own, tested = ([data.frames[i] for i in some] for some in (data.parts.train, data.parts.test))
    predictions = contract.evaluate(potential, [frame.structure for frame in tested])
    labels = [frame.label for frame in tested if frame.label is not None]
    squares = np.concatenate(
        [((p.forces - y.forces) ** 2).mean(axis=1) for p, y in zip(predictions, labels, strict=True)]
    )
    energy = np.array(
        [1000.0 * (p.energy - y.energy) / len(p.forces) for p, y in zip(predictions, labels, strict=True)]
    )
    defect = defective(tested)
    hopping = np.repeat([frame.group == "saddle" for frame in tested], [len(frame.structure) for frame in tested])
    weighed = definitions.atom_weights(definition, own, wanted)
    share = np.concatenate(list(weighed.values())) if weighed else np.ones(sum(len(f.structure) for f in own))
    found = energies(learnt(potential), data.places)
    return {
        "seed": wanted.seed,
        "force_rmse_defect_ev_per_a": _rms(squares[defect]),
        "force_rmse_defect_at_saddle_ev_per_a": _rms(squares[defect & hopping]),
        "force_rmse_bulk_ev_per_a": _rms(squares[~defect]),
        "energy_rmse_mev_per_atom": float(np.sqrt((energy**2).mean())),
        **{f"{name.removesuffix('_ev')}_error_ev": found[name] - value for name, value in reference.items()},
        "weight_of_defect": float(share[defective(own)].sum() / share.sum()),
        "largest_weight": float(share.max()),
        "best_epoch": epoch,
        "train_cpu_s": round(seconds, 1),
    }


def _rms(squares: Array) -> float:
    return float(np.sqrt(squares.mean()))


SETTINGS: dict[str, dict[str, Any] | None] = {
    "off": None,
    "default": {},
    "published": {"exponent": 1.0, "steepness": 1.0},
}
"""Weights in the force loss; "published" has SIMPLE-NN's sigmoid with its automatic centre."""


def recipe_for(given: argparse.Namespace) -> recipe.Recipe:
    """A small network behind a few functions, as the comparison wants it."""
    wanted: dict[str, Any] = {
        "cutoff": given.cutoff,
        "baseline": [],
        "repulsion": None,
        "replicas": None,
        "symmetry_functions": {
            "kind": "wide_angular",
            "radial": 6,
            "channels": given.channels,
            "zetas": [1],
            "lambdas": [-1, 1],
        },
        "committee": [{"hidden": given.hidden, "activation": "tanh"}],
        "patience": 1_000_000,
        "loss": {"energy": given.energy_weight},
    }
    if given.optimiser == "lbfgs":
        wanted |= {"optimiser": "lbfgs", "learning_rate": 1.0, "ema": None, "batch_size": 4}
    return recipe.parse(wanted)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train with every setting and seed; print errors as they come and a summary at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS), choices=tuple(SETTINGS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of the networks")
    parser.add_argument("--temperature", type=float, default=300.0, help="of the dynamics, K")
    parser.add_argument("--hidden", nargs="+", type=int, default=[10, 10], help="widths of the network")
    parser.add_argument("--channels", type=int, default=2, help="widths of the angular functions, two functions each")
    parser.add_argument("--cutoff", type=float, default=4.3, help="Å")
    parser.add_argument("--optimiser", default="lbfgs", choices=("lbfgs", "soap"))
    parser.add_argument("--energy-weight", type=float, default=100.0, help="in the loss, where forces have 1")
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--json", action="store_true", help="print one JSON line and no progress")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    batches.BLOCK_ATOMS = 1024  # few functions and one small network: larger blocks are faster
    data, wanted = frames_for(given.temperature), recipe_for(given)
    definition = definitions.fit(wanted, data.frames, data.parts)
    groups = max(1, round(len(data.parts.train) / committee.batch_size(wanted, len(data.parts.train))))
    wanted = wanted.model_copy(update={"steps": given.epochs * groups})
    reference = energies(labels(), data.places)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in given.settings}
    for seed in given.seeds:
        for name in given.settings:
            setting = SETTINGS[name]
            weighting = None if setting is None else recipe.GaussianDensityWeighting.model_validate(setting)
            chosen = wanted.model_copy(update={"seed": seed, "force_weighting": weighting})
            rows[name].append(compared(data, definition, chosen, reference))
            if not given.json:
                print(name, json.dumps({k: _short(v) for k, v in rows[name][-1].items()}), file=sys.stderr, flush=True)
    report = {
        **{key: value for key, value in vars(given).items() if key != "json"},
        **{f"{name}_of_labels": _short(value) for name, value in reference.items()},
        "functions": len(definition.functions.names_of("Si")),
        "training_atoms": sum(len(data.frames[i].structure) for i in data.parts.train),
        "mean": {name: {key: _short(_mean(key, some)) for key in some[0]} for name, some in rows.items()},
        "rows": {name: [{k: _short(v) for k, v in row.items()} for row in some] for name, some in rows.items()},
    }
    split = [[data.frames[i] for i in some] for some in (data.parts.train, data.parts.validation, data.parts.test)]
    seeds = {
        "crystal": 0,
        "vacancy": 1,
        "saddle": 2,
        "trainings_first": given.seeds[0],
        "trainings_last": given.seeds[-1],
    }
    report["conditions"] = conditions(split=split, seeds=seeds, recipe_hash=recipe.recipe_hash(wanted))
    print(json.dumps(report, indent=None if given.json else 1))


def _mean(key: str, rows: Sequence[Mapping[str, Any]]) -> float:
    """Mean over seeds; of signed errors, of their sizes."""
    return float(np.mean([abs(row[key]) for row in rows]))


def _short(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
