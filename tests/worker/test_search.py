"""The job `search`."""

from pathlib import Path
from typing import Any

QUICK = {
    "cutoff": 4.5,
    "symmetry_functions": {"kind": "power_spectrum", "radial": 4, "channels": 2, "l_max": 2},
    "committee": [{"hidden": [4]}],
    "replicas": None,
    "batch_size": 8,
    "steps": 5,
}


def test_a_search_gives_a_recipe_with_errors_and_a_picture(laboratory: Any, aluminium_file: Path) -> None:
    assert laboratory.upload(aluminium_file).state == "succeeded"
    budget = {"steps": 20, "trial_steps": 10, "folds": 2, "vary": ["loss"]}
    job = laboratory.run(laboratory.submit("search", dataset_version="al:1", recipe=QUICK, search=budget))
    assert job.state == "succeeded", job.error
    assert set(job.result) >= {"recipe", "trials", "errors", "improved"}
    assert set(job.result["errors"]) == {"given", "best"}
    assert job.result["recipe"]["cutoff"] == 4.5  # the cutoff was not to vary
    content = laboratory.workplace.artifacts.read(job.result["files"]["plot"])
    assert content.startswith(b"\x89PNG")
    assert not (laboratory.workplace.checkpoints / job.id).exists()
