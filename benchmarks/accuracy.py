"""Accuracy of the default recipe: train on one labelled file, test on another, nothing tuned to either.

    python benchmarks/accuracy.py --train TRAIN --test TEST [--json] [--threads N] [--recipe FILE] [--folds K]

The test file is read once, after the training. With --folds K and no --test, K-fold cross-validation on the training
file is done instead, which is how the defaults were chosen.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nnp.core import metrics, potential, reading, recipe
from nnp.core.label import Frame
from nnp.learn import train


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
    """Errors on frames, overall and by group."""
    served = potential.Potential.load(result.onnx_float32)
    wanted = ("energy", "forces", "stress", "force_uncertainties", "energy_uncertainty")
    predictions = served.evaluate([frame.structure for frame in frames], wanted)
    found = metrics.errors(frames, predictions).to_dict()
    groups = metrics.by_group(frames, predictions)
    return {**found, "by_group": {name: errors.to_dict() for name, errors in groups.items()}}


def folded(frames: Sequence[Frame], folds: int, wanted: recipe.Recipe) -> list[tuple[list[Frame], list[Frame]]]:
    """Training and held-out frames of each fold, drawn at random with the recipe's seed."""
    order = np.random.default_rng(wanted.seed).permutation(len(frames))
    pairs = []
    for fold in range(folds):
        out = {int(i) for i in order[fold::folds]}
        kept = [replace(frame, split=None) for i, frame in enumerate(frames) if i not in out]
        pairs.append((kept, [frame for i, frame in enumerate(frames) if i in out]))
    return pairs


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, required=True, help="labelled structures to train on")
    parser.add_argument("--test", type=Path, help="labelled structures to test on, read after the training")
    parser.add_argument("--folds", type=int, default=5, help="folds of the cross-validation where there is no --test")
    parser.add_argument("--first", type=int, help="do only this many of the folds")
    parser.add_argument("--recipe", type=Path, help="JSON of a recipe to use instead of the default one")
    parser.add_argument("--threads", type=int, default=None, help="threads of the training; default: all cores")
    parser.add_argument("--json", action="store_true", help="print one JSON line and no progress")
    given = parser.parse_args(arguments)
    wanted = recipe.parse(json.loads(given.recipe.read_text())) if given.recipe else recipe.Recipe()
    frames = [replace(frame, split=None) for frame in reading.read_frames(given.train)]

    start = time.monotonic()
    if given.test is None:
        runs = [
            judge(fit(kept, wanted, threads=given.threads, quiet=given.json), out)
            for kept, out in folded(frames, given.folds, wanted)[: given.first]
        ]
        report: dict[str, Any] = {
            name: float(np.sqrt(np.mean([run[name] ** 2 for run in runs])))
            for name in ("energy_rmse_mev_per_atom", "force_rmse_ev_per_a", "stress_rmse_gpa")
            if all(run[name] is not None for run in runs)
        }
        report |= {"folds": runs, "train_seconds": round(time.monotonic() - start, 1)}
    else:
        result = fit(frames, wanted, threads=given.threads, quiet=given.json)
        seconds = time.monotonic() - start
        report = judge(result, list(reading.read_frames(given.test)))
        report |= {"train_seconds": round(seconds, 1), "calibration": result.calibration}
    report |= {
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0, 1),
        "recipe_hash": recipe.recipe_hash(wanted),
        "structures": len(frames),
    }
    print(json.dumps(report, indent=None if given.json else 1))


if __name__ == "__main__":
    main()
