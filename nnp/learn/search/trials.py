"""Trials: what was tried, how it went, and the file from which a search goes on."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna

from nnp.core import errors
from nnp.learn import checkpoint

FILE = "search.json"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One point of the space.

    Attributes:
        number: from 0.
        state: "complete", "pruned" (cut short) or "failed" (diverged).
        point: parameter name -> value.
        value: lowest validation error √(Σ weight · square) in eV with the weights of the given recipe; None if failed.
        steps: optimiser steps spent.
        course: validation error by epoch.
    """

    number: int
    state: str
    point: Mapping[str, Any]
    value: float | None
    steps: int
    course: Mapping[int, float]

    def to_dict(self) -> dict[str, Any]:
        """As JSON-like data."""
        return {**asdict(self), "course": {str(epoch): value for epoch, value in self.course.items()}}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Trial":
        """The inverse of ``to_dict``."""
        course = {int(epoch): float(value) for epoch, value in fields["course"].items()}
        return cls(**{**fields, "course": course})


STATES = {
    "complete": optuna.trial.TrialState.COMPLETE,
    "pruned": optuna.trial.TrialState.PRUNED,
    "failed": optuna.trial.TrialState.FAIL,
}


def tell(study: optuna.study.Study, trial: Trial, distributions: Mapping[str, Any]) -> None:
    """Let a study know of a finished trial of an earlier run."""
    study.add_trial(
        optuna.trial.create_trial(
            state=STATES[trial.state],
            value=trial.value if trial.state != "failed" else None,
            params=dict(trial.point),
            distributions={name: distributions[name] for name in trial.point},
            intermediate_values=dict(trial.course),
        )
    )


def best(trials: Sequence[Trial]) -> Trial:
    """The completed trial of the lowest error.

    Raises:
        InputError: none was completed.
    """
    done = [trial for trial in trials if trial.state == "complete" and trial.value is not None]
    if not done:
        raise errors.InputError(
            "no trial of the search came to its end: give it more steps, or lower the learning rate"
        )
    return min(done, key=lambda trial: trial.value if trial.value is not None else math.inf)


class Record:
    """The finished trials of a search, in a file of a folder (or nowhere) that always is the old or the new one.

    Args:
        folder: where the file is; None keeps nothing.
        header: what must be equal for a search to go on (hashes of recipe, data, baselines and search).

    Raises:
        CheckpointError: the file is damaged, or belongs to another search.
    """

    def __init__(self, folder: Path | None, header: Mapping[str, str]) -> None:
        self._path = None if folder is None else folder / FILE
        self._header = dict(header)
        self.trials: list[Trial] = []
        if self._path is not None and self._path.exists():
            try:
                content = json.loads(self._path.read_text())
                found = [Trial.from_dict(fields) for fields in content["trials"]]
            except (ValueError, KeyError, TypeError) as error:
                raise errors.CheckpointError(f"the record of the search is damaged: {error}") from error
            if content.get("header") != self._header:
                raise errors.CheckpointError("the record belongs to another search; give this one a folder of its own")
            self.trials = found

    def add(self, trial: Trial) -> None:
        """Keep one more trial."""
        self.trials.append(trial)
        if self._path is not None:
            content = {"header": self._header, "trials": [one.to_dict() for one in self.trials]}
            checkpoint.save(self._path, json.dumps(content).encode())
