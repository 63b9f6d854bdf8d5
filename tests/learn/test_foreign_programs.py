"""Imports against the numbers of the programs themselves, for potentials of ours that use all of their formats."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.learn import foreign_reference

DATA = Path(__file__).parent / "data"
EVERY = {name: foreign_reference.read(DATA / f"{name}.json.gz") for name in ("n2p2", "simple_nn")}
STEP = 16
"""Every so many potentials, other ones for each engine, go through a file: exporting takes its time."""


def _cases(program: str, start: int = 0, step: int = 1) -> Iterator[Any]:
    for entry in EVERY[program][start::step]:
        yield pytest.param(entry, id=entry["name"])


@pytest.mark.parametrize("entry", [*_cases("n2p2"), *_cases("simple_nn")])
def test_energies_and_forces_are_those_of_the_program(entry: dict[str, Any]) -> None:
    for spelled in ({}, entry["spelled"]):
        found = foreign_reference.Case(entry, spelled).deviation("torch", "float64")
        assert found.energy <= 1e-11
        assert found.force <= 1e-10


@pytest.mark.parametrize("entry", [*_cases("n2p2")])
def test_symmetry_functions_are_those_of_n2p2(entry: dict[str, Any]) -> None:
    assert max(foreign_reference.Case(entry).functions().values()) <= 1e-10


@pytest.mark.parametrize(
    ("entry", "engine"),
    [
        pytest.param(*entry.values, engine, id=f"{engine} {entry.id}")
        for engine, start in (("onnx", 0), ("kernel", STEP // 2))
        for program in EVERY
        for entry in _cases(program, start, STEP)
    ],
)
def test_exported_files_predict_the_same(entry: dict[str, Any], engine: str) -> None:
    case = foreign_reference.Case(entry)
    double, single = case.deviation(engine, "float64"), case.deviation(engine, "float32")
    assert double.energy <= 1e-11
    assert double.force <= 1e-9
    assert single.force_over_rms <= 1e-4


def test_the_potentials_use_all_of_n2p2s_format() -> None:
    texts = [entry["files"]["input.nn"] for entry in EVERY["n2p2"]]
    lines = [line.split() for text in texts for line in text.splitlines()]
    types = {int(words[2]) for words in lines if words[0] == "symfunction_short"}
    assert types == {2, 3, 9, 12, 13, 20, 21, 22, 23, 24, 25}
    assert {words[1] for words in lines if words[0] == "cutoff_type"} == set("012345678")
    activations = {words[-1] for words in lines if words[0] == "global_activation_short"}
    assert activations == set("ltsprgcSeh")  # of the output; the hidden layers have them too
    assert {tuple(key for key in SCALINGS if key in text.split()) for text in texts} == {
        (),
        SCALINGS[:1],
        SCALINGS[1:2],
        SCALINGS[:2],
        SCALINGS[2:],
    }


SCALINGS = ("scale_symmetry_functions", "center_symmetry_functions", "scale_symmetry_functions_sigma")
