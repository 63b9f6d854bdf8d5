"""The job `select`, and a training by the recipe that it gives."""

from pathlib import Path
from typing import Any

from models_store import collection


def test_a_selection_gives_a_recipe_that_trains(laboratory: Any, aluminium_file: Path) -> None:
    assert laboratory.upload(aluminium_file).state == "succeeded"
    pool = {"cutoff": 4.5, "symmetry_functions": {"kind": "power_spectrum", "radial": 4, "channels": 2, "l_max": 2}}
    selection = {"method": "matching_pursuit", "count": 6, "folds": 3}
    job = laboratory.run(laboratory.submit("select", dataset_version="al:1", recipe=pool, selection=selection))
    assert job.state == "succeeded", job.error
    assert (job.result["count"], len(job.result["names"]), job.result["dataset_version"]) == (6, 6, "al:1")
    assert job.result["pool_size"] > 6
    assert [point["count"] for point in job.result["curve"]] == sorted(point["count"] for point in job.result["curve"])
    workplace = laboratory.workplace
    assert workplace.artifacts.read(job.result["files"]["plot"]).startswith(b"\x89PNG")
    with workplace.reading() as session:
        assert list(collection.missing(session, workplace.artifacts)) == []
    quick = {"committee": [{"hidden": [4]}], "replicas": None, "steps": 3}
    trained = laboratory.train(recipe=job.result["recipe"] | quick)
    assert trained.state == "succeeded", trained.error
    rest = pool | {"baseline": [{"kind": "potential", "name": trained.result["potential_version"]}]}
    again = laboratory.run(laboratory.submit("select", dataset_version="al:1", recipe=rest, selection=selection))
    assert again.state == "succeeded", again.error


def test_too_little_data_fails_with_a_sentence(laboratory: Any, aluminium_file: Path) -> None:
    assert laboratory.upload(aluminium_file).state == "succeeded"
    impossible = {"dataset_version": "al:1", "recipe": {"cutoff": 1.0}, "selection": {}}
    job = laboratory.run(laboratory.submit("select", **impossible))
    assert (job.state, job.error["code"]) == ("failed", "input_invalid")
