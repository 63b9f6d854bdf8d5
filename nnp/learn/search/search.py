"""Search for hyperparameters: one generator from recipe and frames to a better recipe, without any server.

Trials train one network each on one and the same division of the data; Optuna's tree-structured Parzen estimator
proposes them and its median rule cuts the bad ones short. The best and the given recipe are then cross-validated with
their whole committees on folds of whole trajectories, so that the gain stated is not the luck of the search.
"""

import hashlib
import json
import math
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from nnp.core import errors, recipe
from nnp.core.label import Frame
from nnp.core.search import Search
from nnp.learn import definition as definitions
from nnp.learn import difference, splits, train
from nnp.learn.finish import Progress
from nnp.learn.search import plots, space, validation
from nnp.learn.search.trials import Record, Trial, best, tell
from nnp.learn.selection.problem import fold_numbers

FIRST_TRIALS = 5
"""Trials before any is cut short, and before the proposals follow what was found."""
PATIENCE = 0.3
"""Fraction of a trial's epochs before which it is never cut short."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """The result of a search.

    Attributes:
        recipe: the best recipe, with a whole committee; the given one where the best did not beat it in the
            cross-validation by more than the scatter over the folds.
        search: what was asked for.
        trials: everything that was tried.
        errors: for "given" and "best": force_rmse_ev_per_a and energy_rmse_mev_per_atom over the folds, each with
            "mean", "interval" (95 %, Student's t over the folds) and "folds".
        improved: whether `recipe` is the best trial's.
        gain: by how much of the given recipe's error the best one's is lower, fold by fold: "mean" and "interval".
        seconds: time of this call.
        plot: error of the trials in their order, as PNG.
    """

    recipe: recipe.Recipe
    search: Search
    trials: tuple[Trial, ...]
    errors: Mapping[str, Mapping[str, Any]]
    improved: bool
    gain: Mapping[str, Any]
    seconds: float
    plot: bytes

    def to_dict(self) -> dict[str, Any]:
        """All but the plot as JSON-like data."""
        return {
            "recipe": self.recipe.model_dump(mode="json"),
            "search": self.search.model_dump(mode="json"),
            "trials": [trial.to_dict() for trial in self.trials],
            "errors": {name: dict(found) for name, found in self.errors.items()},
            "improved": self.improved,
            "gain": dict(self.gain),
            "seconds": self.seconds,
        }


def search(
    wanted: recipe.Recipe,
    frames: Sequence[Frame],
    how: Search | None = None,
    *,
    baselines: Mapping[str, bytes] | None = None,
    checkpoint_directory: Path | None = None,
    threads: int | None = None,
) -> Generator[Progress, None, Found]:
    """Look for a better recipe near a given one.

    Yields progress in the stages "trials" (epoch/epochs = steps spent of the budget) and "cross-validation"; the value
    of StopIteration is the result. Structures of the recipe's test set are never looked at. With a checkpoint directory
    the same call made again goes on after the last finished trial and proposes what it would have proposed.

    Args:
        wanted: the recipe to start from, which is also the first trial.
        frames: structures with labels.
        how: what varies, budget and folds; None for the defaults.
        baselines: as in `train.train`.
        checkpoint_directory: where finished trials are kept; None keeps nothing.
        threads: as in `train.train`.

    Raises:
        InputError: too few structures, or no trial came to its end.
        RecipeError: the recipe does not fit the data.
        CheckpointError: the record is damaged or belongs to another search.
    """
    how, started = how or Search(), time.monotonic()
    definitions.check_names(wanted, frames)
    frames = difference.learnt(wanted, frames)
    parts = splits.split(frames, wanted)
    own = [replace(frames[i], split=None) for i in sorted((*parts.train, *parts.validation))]
    plain = wanted.model_copy(update={"test_fraction": None})
    fold_of = fold_numbers(own, how.folds, wanted.seed)
    record = Record(checkpoint_directory, _header(wanted, own, how, baselines or {}))
    begin = partial(train.train, baselines=baselines, threads=threads, settled=True)
    yield from _trials(plain, own, fold_of, how, record=record, begin=begin)

    winner = best(record.trials)
    chosen = space.finished(space.suggest(optuna.trial.FixedTrial(dict(winner.point)), plain, how), plain, how)
    found: dict[str, dict[str, Any]] = {}
    for name, candidate in (("given", plain), ("best", chosen)):
        found[name] = yield from validation.cross_validated(name, candidate, own, fold_of, begin)
    given, best_one = (_scores(found[name], wanted.loss) for name in ("given", "best"))
    gain = validation.interval((given - best_one) / given)
    improved = gain["mean"] > validation.standard_error(gain["folds"])
    return Found(
        recipe=(chosen if improved else wanted).model_copy(update={"test_fraction": wanted.test_fraction}),
        search=how,
        trials=tuple(record.trials),
        errors=found,
        improved=improved,
        gain=gain,
        seconds=time.monotonic() - started,
        plot=plots.errors_by_trial(record.trials),
    )


def _trials(
    wanted: recipe.Recipe,
    frames: Sequence[Frame],
    fold_of: np.ndarray,
    how: Search,
    *,
    record: Record,
    begin: validation.Begin,
) -> Generator[Progress, None, None]:
    """Try until the budget is spent; the held-out fold is the validation set of every trial."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    steps = how.trial_steps or max(1, how.steps // 20)
    study = optuna.create_study(pruner=_pruner(how))
    known: dict[str, Any] = {}
    divided = [
        replace(f, split="validation" if fold == 0 else "train") for f, fold in zip(frames, fold_of, strict=True)
    ]
    for trial in record.trials:
        # The distributions of a point follow from the space alone: a dry run at the point names them.
        dry = optuna.trial.FixedTrial(dict(trial.point))
        space.suggest(dry, wanted, how)
        known |= dry.distributions
        tell(study, trial, known)
    spent = sum(max(1, trial.steps) for trial in record.trials)
    while spent < how.steps:
        number = len(record.trials)
        study.sampler = optuna.samplers.TPESampler(
            seed=wanted.seed * 10_000 + number, n_startup_trials=FIRST_TRIALS, multivariate=False
        )
        if number == 0:
            study.enqueue_trial(space.start(wanted, how))
        asked = study.ask()
        candidate = space.suggest(asked, wanted, how).model_copy(update={"steps": min(steps, how.steps - spent)})
        trial = yield from _try(asked, candidate, wanted=wanted, frames=divided, spent=spent, how=how, begin=begin)
        study.tell(asked, trial.value if trial.state == "complete" else None, state=_state(trial))
        record.add(trial)
        spent += max(1, trial.steps)


def _try(
    asked: optuna.trial.Trial,
    candidate: recipe.Recipe,
    *,
    wanted: recipe.Recipe,
    frames: Sequence[Frame],
    spent: int,
    how: Search,
    begin: validation.Begin,
) -> Generator[Progress, None, Trial]:
    """Train the network of a trial up to its end, or until it is cut short."""
    course: dict[int, float] = {}
    state, done = "complete", 0
    run = begin(candidate, frames)
    try:
        for progress in _committee(run):
            epoch, epochs = progress.epoch or 0, max(progress.epochs or 1, 1)
            value = _error(progress.metrics, wanted.loss)
            course[epoch] = min(value, course.get(epoch - 1, math.inf))
            asked.report(course[epoch], epoch)
            done = round((candidate.steps or 0) * epoch / epochs)
            yield Progress(
                stage="trials",
                epoch=min(spent + done, how.steps),
                epochs=how.steps,
                metrics={"trial": float(asked.number), "validation_error": value},
                message=", ".join(f"{name} {given}" for name, given in asked.params.items()) if epoch == 0 else "",
            )
            if epoch >= PATIENCE * epochs and epoch < epochs and how.prune and asked.should_prune():
                state = "pruned"
                break
    except errors.DivergedError:
        state = "failed"
    finally:
        run.close()
    value = min(course.values(), default=math.inf)
    return Trial(
        number=asked.number,
        state=state,
        point=dict(asked.params),
        value=value if state != "failed" and math.isfinite(value) else None,
        steps=done,
        course=course,
    )


def _committee(run: Generator[Progress, None, Any]) -> Iterator[Progress]:
    """The epochs of the committee; what comes after it is not needed."""
    for progress in run:
        if progress.stage == "committee":
            yield progress
        elif progress.stage != "prepare":
            return


def _error(metrics: Mapping[str, float], loss: recipe.Loss) -> float:
    """√(Σ weight · mean square), eV, of validation errors, with the weights of the given recipe for every trial."""
    energy = metrics.get("validation_energy_rmse_mev_per_atom", 0.0) / 1000.0
    force = metrics.get("validation_force_rmse_ev_per_a", 0.0)
    return math.sqrt(loss.energy * energy**2 + loss.force * force**2)


def _scores(found: Mapping[str, Any], loss: recipe.Loss) -> np.ndarray:
    """The error of each fold that `_error` means; where not all folds have all labels, that of the means alone."""
    whole = len({len(value["folds"]) for value in found.values()}) == 1
    folds = zip(*(value["folds"] if whole else [value["mean"]] for value in found.values()), strict=True)
    return np.array(
        [_error({f"validation_{key}": v for key, v in zip(found, one, strict=True)}, loss) for one in folds]
    )


def _pruner(how: Search) -> optuna.pruners.BasePruner:
    if not how.prune:
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(n_startup_trials=FIRST_TRIALS)


def _state(trial: Trial) -> optuna.trial.TrialState:
    states = optuna.trial.TrialState
    return {"complete": states.COMPLETE, "pruned": states.PRUNED, "failed": states.FAIL}[trial.state]


def _header(
    wanted: recipe.Recipe, frames: Sequence[Frame], how: Search, baselines: Mapping[str, bytes]
) -> dict[str, str]:
    asked = hashlib.sha256(json.dumps(how.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()
    known = train.baselines_hash(wanted, baselines)
    return {
        "recipe_hash": recipe.recipe_hash(wanted),
        "data_hash": train.data_hash(frames),
        "search_hash": asked,
        **({} if known is None else {"baselines_hash": known}),
    }
