"""The benchmarks: each is run by `make bench` and told of in the documents, and says under which conditions it ran."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from nnp.core import writing
from tests.learn import toy_data

ROOT = Path(__file__).resolve().parents[1]
HELPERS = ("calculators", "conditions", "oxide", "plots")
BENCHMARKS = sorted(path for path in (ROOT / "benchmarks").glob("*.py") if path.stem not in HELPERS)


@pytest.mark.parametrize("script", BENCHMARKS, ids=lambda path: path.stem)
def test_every_benchmark_is_run_and_documented(script: Path) -> None:
    commands = re.findall(r"benchmarks/(\w+)\.py .*--json", (ROOT / "Makefile").read_text())
    assert script.stem in commands
    assert f"benchmarks/{script.name}" in (ROOT / "docs" / "benchmarks.md").read_text()
    assert "conditions(" in script.read_text()


def test_conditions_name_split_seeds_and_machine() -> None:
    found = runpy.run_path(str(ROOT / "benchmarks" / "conditions.py"))["conditions"]
    frames = toy_data.frames(4)
    told = found(split=(frames[:3], frames[3:]), seeds={"training": 7}, rounds=2)
    assert (told["seeds"], told["rounds"]) == ({"training": 7}, 2)
    assert told["split_hash"] != found(split=(frames[:2], frames[2:]), seeds={})["split_hash"]
    assert told["peak_rss_mb"] > 0.0
    assert told["versions"]["numpy"]


def test_a_benchmark_prints_one_line_with_its_conditions(tmp_path: Path) -> None:
    recipe = {
        "cutoff": 4.0,
        "symmetry_functions": {"kind": "power_spectrum", "radial": 3, "channels": 2, "l_max": 1, "four_body": None},
        "committee": [{"hidden": [4]}],
        "replicas": None,
        "steps": 2,
    }
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    data = tmp_path / "data.extxyz"
    writing.write_extxyz(data, toy_data.frames(12))
    given = ["committee", "--data", data, "--recipe", tmp_path / "recipe.json", "--threads", "1", "--json"]
    command = [sys.executable, ROOT / "benchmarks" / "train.py", *given]
    (line,) = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    printed = json.loads(line)
    assert printed["train_wall_s"] > 0.0
    assert len(printed["conditions"]["split_hash"]) == 64
    assert printed["references"]
