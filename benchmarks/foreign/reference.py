"""Run random potentials through n2p2 or SIMPLE-NN's pair style, and keep files, structures and numbers for the tests.

    python benchmarks/foreign/reference.py n2p2 ./n2p2_probe tests/learn/data/n2p2.json.gz
    python benchmarks/foreign/reference.py simple-nn ./pair_nn tests/learn/data/simple_nn.json.gz
    python benchmarks/foreign/reference.py deviations

The first argument after the program's name is what docs/importing.md says how to build. `deviations` prints, for every
potential kept, how far each engine is from the program.
"""

import argparse
import gzip
import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import random_n2p2
import random_simple_nn

from nnp.core.structure import Structure
from tests.learn import foreign_reference

DATA = Path(__file__).resolve().parents[2] / "tests" / "learn" / "data"
ENGINES = [(e, "float64") for e in ("torch", "onnx", "kernel")] + [(e, "float32") for e in ("onnx", "kernel")]


def n2p2(program: str) -> list[dict[str, Any]]:
    """n2p2's numbers of every random potential; forces of structures longer than the cutoffs alone."""
    entries = []
    for made in random_n2p2.potentials():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for file, text in {**made.files, "input.data": made.structures}.items():
                (folder / file).write_text(text)
            found = _run([program, name, str(folder / "input.data")])
        results = [
            {
                "energy": one["energy"],
                "scale": float(np.abs(one["atomic_nn"]).sum()),
                "forces": _rounded(one["forces"]) if number < random_n2p2.LONG else None,
                "raw": [_rounded(row) for row in one["raw"]],
            }
            for number, one in enumerate(found)
        ]
        entries.append(
            {
                "name": made.name,
                "files": made.files,
                "spelled": made.spelled,
                "structures": made.structures,
                "results": results,
            }
        )
    return entries


def simple_nn(program: str) -> list[dict[str, Any]]:
    """The pair style's numbers of every random potential."""
    entries = []
    for name, (text, elements, structures) in random_simple_nn.potentials().items():
        with tempfile.TemporaryDirectory() as folder:
            potential, places = Path(folder) / "potential_saved", Path(folder) / "structures"
            potential.write_text(text)
            places.write_text("".join(_words(structure) for structure in structures))
            found = _run([program, str(potential), str(places), *elements])
        results = [
            {"energy": one["energy"], "scale": float(np.abs(one["atomic"]).sum()), "forces": _rounded(one["forces"])}
            for one in found
        ]
        kept = [
            {"symbols": s.symbols, "positions": s.positions.tolist(), "cell": s.cell.tolist(), "pbc": bool(s.pbc.all())}
            for s in structures
        ]
        entries.append(
            {"name": name, "files": {"potential_saved": text}, "spelled": {}, "structures": kept, "results": results}
        )
    return entries


def deviations() -> Iterator[str]:
    """A line for every potential and engine: relative error of the energy, largest error of forces and functions."""
    for name in ("n2p2", "simple_nn"):
        for entry in foreign_reference.read(DATA / f"{name}.json.gz"):
            for spelled in ({}, entry["spelled"]) if entry["spelled"] else ({},):
                case = foreign_reference.Case(entry, spelled)
                figures = []
                for engine, dtype in ENGINES:
                    found = case.deviation(engine, dtype)
                    force = found.force if dtype == "float64" else found.force_over_rms
                    figures.append(f"{engine} {dtype[-2:]} {found.energy:.0e} {force:.0e}")
                raw = case.functions() if entry["results"][0].get("raw") else {}
                figures += [f"functions {key} {value:.0e}" for key, value in raw.items()]
                yield f"{case.name:45s} " + "  ".join(figures)


def _words(structure: Structure) -> str:
    rows = [f"{len(structure)} {int(structure.pbc.all())}", " ".join(map(repr, structure.cell.ravel().tolist()))]
    rows += [
        f"{s} {' '.join(map(repr, place))}"
        for s, place in zip(structure.symbols, structure.positions.tolist(), strict=True)
    ]
    return "\n".join(rows) + "\n"


def _run(command: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def _rounded(values: Any) -> Any:
    """To 13 digits: what the tests compare needs no more."""
    if isinstance(values, list):
        return [_rounded(value) for value in values]
    return float(f"{values:.12e}")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", choices=("n2p2", "simple-nn", "deviations"))
    parser.add_argument("executable", nargs="?")
    parser.add_argument("output", nargs="?", type=Path)
    given = parser.parse_args()
    if given.program == "deviations":
        for line in deviations():
            print(line, flush=True)
        return
    entries = {"n2p2": n2p2, "simple-nn": simple_nn}[given.program](given.executable)
    text = json.dumps(entries, separators=(",", ":")).encode()
    given.output.write_bytes(gzip.compress(text, mtime=0))


if __name__ == "__main__":
    main()
