"""The search for hyperparameters: it starts from the given recipe, stays in its budget, goes on where it stopped."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from optuna.trial import FixedTrial

from nnp.core import errors, recipe
from nnp.core.search import Search, parse
from nnp.learn import train
from nnp.learn.finish import Progress
from nnp.learn.search import space
from nnp.learn.search.search import Found, search
from nnp.learn.search.trials import FILE
from tests.learn import toy_data

RECIPE = recipe.parse(
    {
        "cutoff": 4.0,
        "symmetry_functions": {"kind": "power_spectrum", "radial": 4, "channels": 2, "l_max": 2, "four_body": None},
        "committee": [{"hidden": [8]}, {"hidden": [10]}],
        "steps": 12,
        "batch_size": 6,
        "learning_rate": 0.02,
    }
)
HOW = Search(steps=60, trial_steps=8, folds=2)
FRAMES = toy_data.frames(18)


def _all(run: Generator[Progress, None, Found]) -> tuple[list[Progress], Found]:
    seen = []
    while True:
        try:
            seen.append(next(run))
        except StopIteration as stop:
            return seen, stop.value


def _trained(wanted: recipe.Recipe) -> train.Trained:
    run = train.train(wanted, FRAMES)
    while True:
        try:
            next(run)
        except StopIteration as stop:
            return stop.value


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Progress], Found, Path]:
    folder = tmp_path_factory.mktemp("search")
    seen, found = _all(search(RECIPE, FRAMES, HOW, checkpoint_directory=folder, threads=1))
    return seen, found, folder


def test_the_budget_is_kept_and_the_given_recipe_is_the_first_trial(finished: tuple) -> None:
    seen, found, _ = finished
    assert sum(trial.steps for trial in found.trials) <= HOW.steps
    first = found.trials[0].point
    assert (first["layers"], first["nodes_0"], first["cutoff"], first["radial"]) == (1, 8, 4.0, 4)
    assert {progress.stage for progress in seen} == {"trials", "cross-validation"}
    done = [progress.epoch for progress in seen if progress.stage == "trials"]
    assert done == sorted(done)


def test_the_result_is_a_recipe_with_cross_validated_errors(finished: tuple) -> None:
    _, found, _ = finished
    assert found.plot.startswith(b"\x89PNG")
    content = found.to_dict()
    assert recipe.parse(content["recipe"]) == found.recipe
    assert len(found.recipe.committee) == len(RECIPE.committee)
    for name in ("given", "best"):
        force = content["errors"][name]["force_rmse_ev_per_a"]
        assert force["interval"][0] < force["mean"] < force["interval"][1]
        assert len(force["folds"]) == 2
    gain = content["gain"]
    assert gain["interval"][0] < gain["mean"] < gain["interval"][1]
    assert found.improved == (gain["mean"] > np.std(gain["folds"], ddof=1) / np.sqrt(2))  # beyond the scatter
    assert found.improved == (found.recipe.committee != RECIPE.committee)


def test_a_search_goes_on_with_the_trials_it_would_have_tried(finished: tuple, tmp_path: Path) -> None:
    _, found, _ = finished
    run = search(RECIPE, FRAMES, HOW, checkpoint_directory=tmp_path, threads=1)
    for progress in run:
        if progress.metrics.get("trial") == 3.0:
            break
    run.close()
    _, again = _all(search(RECIPE, FRAMES, HOW, checkpoint_directory=tmp_path, threads=1))
    assert [trial.point for trial in again.trials] == [trial.point for trial in found.trials]
    assert again.errors == found.errors


def test_what_does_not_vary_stays_as_it_was_given() -> None:
    best = space.suggest(FixedTrial({"activation": "tanh"}), RECIPE, Search(vary=("activation",)))
    found = space.finished(best, RECIPE, Search(vary=("activation",)))
    assert [member.hidden for member in found.committee] == [(8,), (10,)]
    assert {member.activation for member in found.committee} == {"tanh"}


def test_a_recipe_may_have_another_potential_as_its_baseline() -> None:
    bare = {**RECIPE.model_dump(mode="json"), "committee": [{"hidden": [6]}], "replicas": None, "steps": 3}
    first = _trained(recipe.parse(bare))
    wanted = recipe.parse(bare | {"baseline": [{"kind": "potential", "name": "first"}]})
    how = Search(steps=10, trial_steps=10, folds=2, vary=("loss",))
    _, found = _all(search(wanted, FRAMES, how, baselines={"first": first.checkpoint}, threads=1))
    assert found.recipe.baseline == wanted.baseline


def test_differences_are_taken_before_the_data_are_divided() -> None:
    host, *guests = toy_data.guests(20)
    frames = [replace(host, split="test"), replace(guests[0], split="test"), *guests[1:]]
    bare = {"committee": [{"hidden": [6]}], "replicas": None, "steps": 3, "structure_weights": {"guest 1": 2.0}}
    told = {"centres": ["Li"], "without": ["Li"], "cutoff": 5.2}
    wanted = recipe.parse({**RECIPE.model_dump(mode="json"), **bare, **told})
    _, found = _all(search(wanted, frames, Search(steps=10, trial_steps=10, folds=2, vary=("loss",)), threads=1))
    assert found.recipe.without == ("Li",)
    assert len(found.errors["best"]["force_rmse_ev_per_a"]["folds"]) == 2
    with pytest.raises(errors.RecipeError, match="centres: the data set has no element Cu"):
        next(search(wanted.model_copy(update={"centres": ("Cu",)}), frames))


def test_another_baseline_of_the_same_name_is_another_search(tmp_path: Path) -> None:
    bare = {**RECIPE.model_dump(mode="json"), "committee": [{"hidden": [6]}], "replicas": None, "steps": 3}
    first, second = (_trained(recipe.parse(bare | {"seed": seed})).checkpoint for seed in (0, 1))
    wanted = recipe.parse(bare | {"baseline": [{"kind": "potential", "name": "known"}]})
    run = search(wanted, FRAMES, HOW, baselines={"known": first}, checkpoint_directory=tmp_path, threads=1)
    for progress in run:
        if progress.metrics.get("trial") == 1.0:
            break
    run.close()
    with pytest.raises(errors.CheckpointError, match="another search"):
        next(search(wanted, FRAMES, HOW, baselines={"known": second}, checkpoint_directory=tmp_path, threads=1))


def test_a_record_of_another_search_or_a_damaged_one_is_refused(finished: tuple, tmp_path: Path) -> None:
    _, _, folder = finished
    with pytest.raises(errors.CheckpointError, match="another search"):
        next(search(RECIPE, FRAMES, Search(steps=61), checkpoint_directory=folder))
    (tmp_path / FILE).write_text("{")
    with pytest.raises(errors.CheckpointError, match="damaged"):
        next(search(RECIPE, FRAMES, HOW, checkpoint_directory=tmp_path))


def test_impossible_searches_name_the_field() -> None:
    with pytest.raises(errors.RecipeError, match=r"search\.folds"):
        parse({"folds": 1})
    with pytest.raises(errors.RecipeError, match=r"search\.vary\.0"):
        parse({"vary": ["weather"]})
