"""Accuracy of the default recipe: train on labelled structures, test on others, nothing tuned to either.

    python benchmarks/accuracy.py --train TRAIN --test TEST [--json] [--references mlearn-si]
    python benchmarks/accuracy.py --train DATA --test-fraction 0.1 [--atomic-energies Ti=-1626.7,O=-433.2 --below 1.0]
    python benchmarks/accuracy.py --train TRAIN --folds 5 [--first 1]

The test structures are looked at once, after the training. With --folds and no test, cross-validation on the training
file is done instead, which is how defaults are chosen. Every run prints the hash of its split, seeds and conditions,
errors by group, and 95 % intervals from bootstrap samples of the test structures.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from conditions import conditions

from nnp.core import metrics, potential, reading, recipe
from nnp.core.label import Frame
from nnp.core.prediction import Prediction
from nnp.learn import train

REFERENCES = Path(__file__).with_name("references.json")
SAMPLES = 2000
"""Bootstrap samples."""


def fit(frames: Sequence[Frame], wanted: recipe.Recipe, *, threads: int | None, quiet: bool) -> train.Trained:
    """Train, with one line per stage and every twentieth epoch on standard error."""
    run = train.train(wanted, frames, threads=threads)
    while True:
        try:
            progress = next(run)
        except StopIteration as stop:
            return stop.value
        if not quiet and (progress.epoch is None or progress.epoch % 20 == 0):
            shown = " ".join(f"{name}={value:.4g}" for name, value in progress.metrics.items())
            left = "" if progress.seconds_left is None else f"{progress.seconds_left:.0f} s left"
            print(progress.stage, progress.epoch, progress.epochs, shown, left, progress.message, file=sys.stderr)


def judge(result: train.Trained, frames: Sequence[Frame]) -> dict[str, Any]:
    """Errors on frames, overall with intervals, and by group."""
    served = potential.Potential.load(result.onnx_float32)
    wanted = ("energy", "forces", "stress", "force_uncertainties", "energy_uncertainty")
    predictions = served.evaluate([frame.structure for frame in frames], wanted)
    groups = metrics.by_group(frames, predictions)
    return {
        **metrics.errors(frames, predictions).to_dict(),
        **intervals(frames, predictions),
        "by_group": {name: errors.to_dict() for name, errors in groups.items()},
    }


def intervals(frames: Sequence[Frame], predictions: Sequence[Prediction], seed: int = 0) -> dict[str, Any]:
    """95 % intervals of the root mean square errors: quantiles over bootstrap samples of the structures."""
    each = [metrics.parity([f], [p]) for f, p in zip(frames, predictions, strict=True)]
    picks = np.random.default_rng(seed).integers(0, len(each), size=(SAMPLES, len(each)))
    found = {}
    for name, rows in (
        ("energy_rmse_mev_per_atom_interval", [1000.0 * pairs.energies for pairs in each]),
        ("force_rmse_ev_per_a_interval", [pairs.forces for pairs in each]),
    ):
        squares = np.array([((pair[:, 1] - pair[:, 0]) ** 2).sum() for pair in rows])
        counts = np.array([len(pair) for pair in rows])
        if counts.any():
            sampled = np.sqrt(squares[picks].sum(axis=1) / np.maximum(counts[picks].sum(axis=1), 1))
            found[name] = [float(value) for value in np.quantile(sampled, (0.025, 0.975))]
    return found


def folded(frames: Sequence[Frame], folds: int, wanted: recipe.Recipe) -> list[tuple[list[Frame], list[Frame]]]:
    """Training and held-out frames of each fold, drawn at random with the recipe's seed."""
    order = np.random.default_rng(wanted.seed).permutation(len(frames))
    pairs = []
    for fold in range(folds):
        out = {int(i) for i in order[fold::folds]}
        kept = [replace(frame, split=None) for i, frame in enumerate(frames) if i not in out]
        pairs.append((kept, [frame for i, frame in enumerate(frames) if i in out]))
    return pairs


def read(path: Path, atomic_energies: str | None, below: float | None) -> list[Frame]:
    """The labelled frames of a file; with a limit only those whose energy per atom over the atomic ones is below it."""
    frames = [replace(frame, split=None) for frame in reading.read_frames(path)]
    if below is None:
        return frames
    references = {
        symbol: float(value)
        for symbol, value in (pair.split("=") for pair in (atomic_energies or "").split(",") if pair)
    }

    def formation(frame: Frame) -> float:
        assert frame.label is not None
        atomic = sum(references.get(symbol, 0.0) for symbol in frame.structure.symbols)
        return (frame.label.energy - atomic) / len(frame.structure)

    return [frame for frame in frames if formation(frame) < below]


def cross_validated(frames: Sequence[Frame], wanted: recipe.Recipe, given: argparse.Namespace) -> dict[str, Any]:
    """Root mean square over the folds of their errors."""
    pairs = folded(frames, given.folds, wanted)[: given.first]
    runs = [judge(fit(kept, wanted, threads=given.threads, quiet=given.json), out) for kept, out in pairs]
    names = ("energy_rmse_mev_per_atom", "force_rmse_ev_per_a", "stress_rmse_gpa")
    report: dict[str, Any] = {
        name: float(np.sqrt(np.mean([run[name] ** 2 for run in runs])))
        for name in names
        if all(run[name] is not None for run in runs)
    }
    held_out = [out for _, out in pairs]
    return report | {"folds": runs, "conditions": conditions(split=[frames, *held_out], **_told(wanted, frames))}


def tested(frames: Sequence[Frame], wanted: recipe.Recipe, given: argparse.Namespace) -> dict[str, Any]:
    """Train on all or the larger part of the frames, then read and judge the test structures."""
    if given.test_fraction is None:
        kept, out = list(frames), None
    else:
        order = np.random.default_rng(given.split_seed).permutation(len(frames))
        count = round(given.test_fraction * len(frames))
        kept, out = [frames[i] for i in sorted(order[count:])], [frames[i] for i in sorted(order[:count])]
    start = time.monotonic()
    result = fit(kept, wanted, threads=given.threads, quiet=given.json)
    seconds = time.monotonic() - start
    if given.save is not None:
        given.save.write_bytes(result.onnx_float32)
    if out is None:
        out = read(given.test, given.atomic_energies, given.below)
    told = _told(wanted, kept)
    if given.test_fraction is not None:
        told["seeds"]["split"] = given.split_seed
    return judge(result, out) | {
        "train_seconds": round(seconds, 1),
        "calibration": result.calibration,
        "conditions": conditions(split=(kept, out), **told),
    }


def _told(wanted: recipe.Recipe, frames: Sequence[Frame]) -> dict[str, Any]:
    """Conditions of a training."""
    seeds = {"training": wanted.seed, "bootstrap": 0}
    return {"seeds": seeds, "recipe_hash": recipe.recipe_hash(wanted), "training_structures": len(frames)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, required=True, help="labelled structures to train on")
    parser.add_argument("--test", type=Path, help="labelled structures to test on, read after the training")
    parser.add_argument("--test-fraction", type=float, help="test on this fraction of the training file instead")
    parser.add_argument("--split-seed", type=int, default=0, help="seed of that fraction")
    parser.add_argument("--atomic-energies", help="energies of free atoms in eV, as Ti=-1626.67,O=-433.23")
    parser.add_argument("--below", type=float, help="leave out structures above this energy over the atoms, eV/atom")
    parser.add_argument("--folds", type=int, default=5, help="folds of the cross-validation where there is no test")
    parser.add_argument("--first", type=int, help="do only this many of the folds")
    parser.add_argument("--recipe", type=Path, help="JSON of a recipe to use instead of the default one")
    parser.add_argument("--seed", type=int, help="seed of the training")
    parser.add_argument("--references", help="name of the published figures in references.json to print beside")
    parser.add_argument("--threads", type=int, default=None, help="threads of the training; default: all cores")
    parser.add_argument("--save", type=Path, help="where to write the trained potential (ONNX, float32)")
    parser.add_argument("--json", action="store_true", help="print one JSON line and no progress")
    given = parser.parse_args(arguments)
    fields = json.loads(given.recipe.read_text()) if given.recipe else {}
    wanted = recipe.parse(fields if given.seed is None else {**fields, "seed": given.seed})
    frames = read(given.train, given.atomic_energies, given.below)
    validated = given.test is None and given.test_fraction is None
    report = (cross_validated if validated else tested)(frames, wanted, given)
    if given.references:
        report["references"] = json.loads(REFERENCES.read_text())[given.references]
    print(json.dumps(report, indent=None if given.json else 1))


if __name__ == "__main__":
    main()
