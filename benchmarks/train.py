"""Figures of the training: a committee with replicas, a race of the optimisers, memory on a data set that is large.

    python benchmarks/train.py committee --data FILE [--recipe FILE] [--threads N] [--json]
    python benchmarks/train.py race --data FILE [--optimisers adam soap] [--fraction 0.2] [--json]
    python benchmarks/train.py memory [--structures 50000] [--steps 5] [--json]
    python benchmarks/train.py weighting --data FILE [--steps 1300] [--plot PNG] [--json]

`committee` is the whole training of a recipe, from frames to checked ONNX files. `race` trains the committee of the
default recipe with Adam to the end of its budget, then with each rival on `--fraction` of the steps, and asks after how
many CPU seconds the rival's validation loss was at or below Adam's final (best) one; descriptors are computed before
the clock starts, as they are the same for all. `memory` makes a few steps on random 64-atom structures, streamed, after
the definition has been fitted to all of them. `weighting` trains one network with and without weights by the Gaussian
density function (paper eqs. 4, 5) and compares force errors on a held-out fifth by how rare an environment is.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import torch
from ase.build import bulk
from conditions import conditions

from nnp.core import reading, recipe
from nnp.core.label import Frame, Label
from nnp.core.structure import Structure
from nnp.learn import batches, committee, difference, fit, gdf, splits, stacks, train
from nnp.learn import definition as definitions

BINS = 6
"""Classes of held-out atoms by density, equally many atoms in each."""
PUBLISHED = json.loads(Path(__file__).with_name("references.json").read_text())["training"]
RIVALS: dict[str, dict[str, Any]] = {
    "adam": {"optimiser": "adam", "learning_rate": 0.005, "ema": None, "schedule": "one_cycle"},
    "soap": {"optimiser": "soap", "learning_rate": 0.01, "ema": 0.99, "schedule": "one_cycle"},
    "lbfgs": {"optimiser": "lbfgs", "learning_rate": 1.0, "ema": None},
}
"""What each optimiser changes in the default recipe."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one of the four and print its figures."""
    mpl.use("agg")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("committee", "race", "memory", "weighting"))
    parser.add_argument("--data", type=Path, help="labelled structures to train on")
    parser.add_argument("--recipe", type=Path, help="JSON of a recipe to use instead of the default one")
    parser.add_argument("--threads", type=int, default=None, help="threads of `committee`; default: all cores")
    parser.add_argument("--optimisers", nargs="+", default=["soap"], choices=tuple(RIVALS), help="rivals of Adam")
    parser.add_argument("--fraction", type=float, default=0.2, help="steps of a rival over those of Adam")
    parser.add_argument("--steps", type=int, help="budget of Adam in the race; steps of `memory`")
    parser.add_argument("--structures", type=int, default=50_000, help="structures of `memory`, 64 atoms each")
    parser.add_argument("--plot", type=Path, help="where `weighting` draws its errors")
    parser.add_argument("--json", action="store_true", help="print one JSON line and no progress")
    given = parser.parse_args(arguments)
    wanted = recipe.parse(json.loads(given.recipe.read_text())) if given.recipe else recipe.Recipe()
    found: dict[str, Callable[[], dict[str, Any]]] = {
        "committee": lambda: whole(_frames(given.data), wanted, given.threads, quiet=given.json),
        "race": lambda: race(_frames(given.data), wanted, given),
        "memory": lambda: memory(given.structures, given.steps or 5, wanted),
        "weighting": lambda: weighting(_frames(given.data), wanted, given.steps or 1300, given.plot),
    }
    report = {"references": PUBLISHED, **found[given.what]()}
    print(json.dumps(report, indent=None if given.json else 1))


def whole(frames: Sequence[Frame], wanted: recipe.Recipe, threads: int | None, *, quiet: bool) -> dict[str, Any]:
    """Wall and CPU seconds of a whole training."""
    wall, cpu = time.monotonic(), time.process_time()
    run = train.train(wanted, frames, threads=threads)
    while True:
        try:
            progress = next(run)
        except StopIteration as stop:
            result = stop.value
            break
        if not quiet and (progress.epoch or 0) % 20 == 0:
            print(progress.stage, progress.epoch, progress.epochs, dict(progress.metrics), file=sys.stderr)
    return {
        "train_wall_s": round(time.monotonic() - wall, 1),
        "train_cpu_s": round(time.process_time() - cpu, 1),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0, 1),
        "committee": len(wanted.committee),
        "replicas": len(wanted.replicas or ()),
        "structures": len(frames),
        "atoms": sum(len(frame.structure) for frame in frames),
        "errors": {split: result.metrics[split] for split in ("train", "validation") if split in result.metrics},
        "conditions": _conditions(wanted, frames, splits.split(frames, wanted)),
    }


def _conditions(wanted: recipe.Recipe, frames: Sequence[Frame], parts: splits.Split) -> dict[str, Any]:
    """Of a training on frames as they were read."""
    return conditions(
        split=[[frames[i] for i in part] for part in (parts.train, parts.validation, parts.test)],
        seeds={"training": wanted.seed},
        recipe_hash=recipe.recipe_hash(wanted),
        torch_threads=torch.get_num_threads(),
    )


def race(frames: Sequence[Frame], wanted: recipe.Recipe, given: argparse.Namespace) -> dict[str, Any]:
    """Adam to the end of its budget, then its rivals on a fraction of the steps."""
    torch.set_num_threads(1)
    adam = wanted.model_copy(update=RIVALS["adam"])
    if given.steps:
        adam = adam.model_copy(update={"steps": given.steps})
    read = frames
    frames, parts, definition = _settled(frames, wanted)
    size = committee.batch_size(wanted, len(parts.train))
    training = _prepared(definition, [frames[i] for i in parts.train], size, wanted, random=True)
    validation = _prepared(definition, [frames[i] for i in parts.validation], size, wanted, random=False)

    def descend(chosen: recipe.Recipe, epochs: int | None) -> list[dict[str, float]]:
        plan = committee.plan(chosen, training.atoms, len(training), warm=False)
        plan = plan if epochs is None else replace(plan, epochs=epochs, patience=max(10, epochs // 2))
        members = _members(definition, chosen)
        start = time.process_time()
        trace = []
        loop = committee.train(
            members, training=training, validation=validation, wanted=chosen, downhill=plan, resume=None
        )
        for epoch in loop:
            trace.append(_point(epoch, definition.unit, time.process_time() - start))
            if not given.json and epoch.epoch % 10 == 0:
                print(chosen.optimiser, trace[-1], file=sys.stderr)
        return trace

    reference = descend(adam, None)
    target = min(point["validation_loss"] for point in reference)
    report: dict[str, Any] = {
        "adam": _summary(reference, target),
        "structures": {"train": len(parts.train), "validation": len(parts.validation)},
        "clock": "CPU seconds of one thread, without descriptors",
    }
    for name in given.optimisers:
        rival = wanted.model_copy(update=RIVALS[name])
        trace = descend(rival, max(1, round(given.fraction * reference[-1]["epoch"])))
        report[name] = {**RIVALS[name], **_summary(trace, target)}
        reached = report[name]["seconds_to_adams_final_loss"]
        report[name]["time_over_adam"] = None if reached is None else round(reached / reference[-1]["seconds"], 3)
    return report | {"conditions": _conditions(wanted, read, parts)}


def memory(structures: int, steps: int, wanted: recipe.Recipe) -> dict[str, Any]:
    """Peak memory and time of fitting the definition to many structures and of a few steps on them."""
    torch.set_num_threads(1)
    wanted = wanted.model_copy(update={"replicas": None, "validation_fraction": 0.01})
    made = _random_frames(structures)
    start = time.monotonic()
    frames, parts, definition = _settled(made, wanted)
    fitted = time.monotonic()
    training = _prepared(definition, [frames[i] for i in parts.train], 16, wanted, random=True)
    prepared = time.monotonic()
    members = _members(definition, wanted)
    for index in np.linspace(0, len(training) - 1, steps).round().astype(int):
        batch = training[int(index)]
        loss = committee.loss(
            committee.squares(committee.predict(members, batch), batch, batch.weights), wanted.loss
        ).sum()
        torch.autograd.grad(loss, [p for stack in members for p in stack.parameters()])
    return {
        "structures": len(frames),
        "atoms": sum(len(frame.structure) for frame in frames),
        "functions": definition.functions.size,
        "batches": len(training),
        "steps": steps,
        "definition_seconds": round(fitted - start, 1),
        "prepare_seconds": round(prepared - fitted, 1),
        "ms_per_step": round(1e3 * (time.monotonic() - prepared) / steps, 1),
        "conditions": _conditions(wanted, made, parts),
    }


def weighting(frames: Sequence[Frame], wanted: recipe.Recipe, steps: int, plot: Path | None) -> dict[str, Any]:
    """Force errors of held-out atoms by their density among the training atoms, with and without weights."""
    torch.set_num_threads(1)
    update = {"committee": wanted.committee[:1], "replicas": None, "steps": steps, "test_fraction": 0.2}
    plain = wanted.model_copy(update={**update, **RIVALS["soap"]})
    weighed = plain.model_copy(update={"force_weighting": recipe.GaussianDensityWeighting()})
    read = frames
    frames, parts, definition = _settled(frames, plain)
    own, held_out = [frames[i] for i in parts.train], [frames[i] for i in parts.test]
    errors = {name: _errors(definition, frames, parts, chosen) for name, chosen in (("off", plain), ("on", weighed))}
    rho = _densities(definition, own, held_out)
    edges = np.quantile(rho, np.linspace(0.0, 1.0, BINS + 1))
    places = np.clip(np.searchsorted(edges, rho, side="right") - 1, 0, BINS - 1)
    rows = [
        {
            "inverse_density": float(np.exp(-np.log(rho[places == b]).mean())),
            "atoms": int((places == b).sum()),
            **{f"force_rmse_{name}_ev_per_a": float(np.sqrt(e[places == b].mean())) for name, e in errors.items()},
        }
        for b in range(BINS)
    ]
    if plot is not None:
        _draw(rows, plot)
    overall = {f"force_rmse_{name}_ev_per_a": float(np.sqrt(e.mean())) for name, e in errors.items()}
    return {"by_density": rows, "overall": overall, "steps": steps, "conditions": _conditions(plain, read, parts)}


def _errors(
    definition: definitions.Definition, frames: Sequence[Frame], parts: splits.Split, wanted: recipe.Recipe
) -> np.ndarray:
    """Mean squared force error (N,) of each held-out atom, (eV/Å)², after a training."""
    size, own = committee.batch_size(wanted, len(parts.train)), [frames[i] for i in parts.train]
    groups = batches.divide(own, size, np.random.default_rng([wanted.seed, 2]))
    atomic = definitions.atom_weights(definition, own, wanted)
    room = batches.CACHE_BYTES
    training = definitions.prepare(definition, own, groups, wanted, room=room, atom_weights=atomic)
    validation = _prepared(definition, [frames[i] for i in parts.validation], size, wanted, random=False)
    plan, members = committee.plan(wanted, training.atoms, len(training), warm=False), _members(definition, wanted)
    for _ in committee.train(
        members, training=training, validation=validation, wanted=wanted, downhill=plan, resume=None
    ):
        pass
    found = []
    with torch.no_grad():
        for batch in _prepared(definition, [frames[i] for i in parts.test], size, wanted, random=False):
            forces = committee.predict(members, batch).mean().forces
            assert forces is not None
            found.append((((forces[0] - batch.forces) * definition.unit) ** 2).mean(1).numpy())
    return np.concatenate(found)


def _densities(definition: definitions.Definition, own: Sequence[Frame], held_out: Sequence[Frame]) -> np.ndarray:
    """ρ (N,) of held-out atoms among the training atoms of their element, at least 1."""
    rows, species = definitions.inputs(definition.functions, definition.scaled, own)
    others, kinds = definitions.inputs(definition.functions, definition.scaled, held_out)
    rho = np.ones(len(others))
    for element in np.unique(kinds):
        width = np.sqrt(gdf.squared_width(rows[species == element], None))
        rho[kinds == element] += gdf.sum_of_kernels(others[kinds == element] / width, rows[species == element] / width)[
            0
        ]
    return rho


def _draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(5.0, 3.5), layout="constrained")
    for name, marker in (("off", "o-"), ("on", "s-")):
        points = [(row["inverse_density"], row[f"force_rmse_{name}_ev_per_a"]) for row in rows]
        axes.loglog(*zip(*points, strict=True), marker, label=f"GDF weights {name}")
    axes.set_xlabel("1/ρ of held-out atoms (rare to the right)")
    axes.set_ylabel("force error / (eV/Å)")
    axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _random_frames(count: int) -> list[Frame]:
    """Displaced silicon cells of 64 atoms with labels of the right size."""
    random = np.random.default_rng(0)
    cell = bulk("Si", "diamond", a=5.43, cubic=True).repeat(2)
    frames = []
    for _ in range(count):
        atoms = cell.copy()
        atoms.positions += random.normal(scale=0.15, size=(64, 3))
        label = Label(energy=-345.0 + random.normal(), forces=random.normal(size=(64, 3)))
        frames.append(Frame(structure=Structure.from_atoms(atoms), label=label))
    return frames


def _frames(path: Path | None) -> list[Frame]:
    if path is None:
        raise SystemExit("name a file of labelled structures with --data")
    return [replace(frame, split=None) for frame in reading.read_frames(path)]


def _settled(
    frames: Sequence[Frame], wanted: recipe.Recipe
) -> tuple[Sequence[Frame], splits.Split, definitions.Definition]:
    """Frames without the baseline, split, and what a training settles before it begins."""
    parts = splits.split(frames, wanted)
    elements = definitions.elements_of(frames)
    terms = difference.settled(wanted.baseline_terms, [frames[i] for i in parts.train], elements, wanted.cutoff)
    known = difference.baseline(terms, elements, {})
    residual = frames if known is None else difference.subtracted(known, frames)
    return residual, parts, definitions.fit(wanted, residual, parts, known)


def _prepared(
    definition: definitions.Definition, frames: Sequence[Frame], size: int, wanted: recipe.Recipe, *, random: bool
) -> batches.Batches:
    groups = batches.divide(frames, size, np.random.default_rng([wanted.seed, 2]) if random else None)
    return definitions.prepare(definition, frames, groups, wanted, room=batches.CACHE_BYTES)


def _members(definition: definitions.Definition, wanted: recipe.Recipe) -> list[stacks.Stack]:
    functions, random = definition.functions, np.random.default_rng([wanted.seed, 4])
    return stacks.initial(wanted.committee, functions.size, functions.elements, 1.0, random)


def _point(epoch: fit.Epoch, unit: float, seconds: float) -> dict[str, float]:
    found = committee.in_units(epoch.validation, unit)
    return {"epoch": epoch.epoch, "seconds": seconds, **{f"validation_{name}": v for name, v in found.items()}}


def _summary(trace: Sequence[dict[str, float]], target: float) -> dict[str, Any]:
    best = min(trace, key=lambda point: point["validation_loss"])
    reached = next((point["seconds"] for point in trace if point["validation_loss"] <= target), None)
    return {
        "epochs": int(trace[-1]["epoch"]),
        "cpu_seconds": round(trace[-1]["seconds"], 1),
        "best": {name: round(value, 5) for name, value in best.items()},
        "seconds_to_adams_final_loss": None if reached is None else round(reached, 1),
    }


if __name__ == "__main__":
    main()
