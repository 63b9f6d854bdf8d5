"""The job `preview`."""

import json
from pathlib import Path
from typing import Any

from models_store import collection


def test_a_preview_counts_functions_and_suggests_which_to_keep(laboratory: Any, aluminium_file: Path) -> None:
    assert laboratory.upload(aluminium_file).state == "succeeded"
    grid = {"kind": "wide_angular", "radial": 3, "channels": 2, "zetas": [1], "lambdas": [1, -1]}
    wanted = {"cutoff": 4.5, "symmetry_functions": grid}
    job = laboratory.run(laboratory.submit("preview", dataset_version="al:1", recipe=wanted))
    assert job.state == "succeeded", job.error
    assert (job.result["functions"], job.result["dataset_version"]) == ({"Al": 3 + 2 * 2}, "al:1")
    assert [(one["elements"], one["kept"]) for one in job.result["types"]] == [
        (["Al", "Al"], True),
        (["Al", "Al", "Al"], True),
    ]
    assert all("direct neighbours" in one["reason"] for one in job.result["types"])
    assert job.result["recipe"]["cutoff"] == 4.5
    assert "rdf" not in job.result  # curves are a file
    workplace = laboratory.workplace
    files = {role: workplace.artifacts.read(sha256) for role, sha256 in job.result["files"].items()}
    assert files["plot"].startswith(b"\x89PNG")
    assert len(json.loads(files["numbers"])["rdf"]["Al-Al"]) == 120
    with workplace.reading() as session:
        assert list(collection.missing(session, workplace.artifacts)) == []


def test_a_cutoff_without_neighbours_fails_with_a_sentence(laboratory: Any, aluminium_file: Path) -> None:
    assert laboratory.upload(aluminium_file).state == "succeeded"
    job = laboratory.run(laboratory.submit("preview", dataset_version="al:1", recipe={"cutoff": 1.0}))
    assert (job.state, job.error["code"]) == ("failed", "input_invalid")
