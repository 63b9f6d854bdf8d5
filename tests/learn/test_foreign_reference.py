"""Imported potentials against what n2p2 and LAMMPS print: ../shared/reference, tolerances as its READMEs give them."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.data import atomic_numbers

from nnp.core import reading, units
from nnp.core.structure import Structure
from nnp.learn import foreign, runner
from nnp.learn.foreign import export_parts
from tests.learn import foreign_files

SMALL = (0, 4, 5, 6)
"""Of the water structures: periodic, sheared, a cluster, one molecule; the larger ones are left to the runner."""


def _n2p2(shared: Path, name: str) -> tuple[foreign.Imported, list[Structure], list[dict[str, Any]]]:
    folder = shared / "reference" / "n2p2" / name
    frames = reading.read_frames(folder / "input.data", require_labels=False)
    with gzip.open(folder / "reference.json.gz") as file:
        reference = json.load(file)["structures"]
    chosen = SMALL if name.startswith("H2O") else range(len(reference))
    structures = [frame.structure for frame in frames]
    return foreign.read(folder / "potential"), [structures[i] for i in chosen], [reference[i] for i in chosen]


@pytest.mark.parametrize(
    ("name", "engine", "dtype", "energy", "force"),
    [
        ("H2O_RPBE-D3", "torch", "float64", 1e-11, 1e-10),
        ("H2O_RPBE-D3", "onnx", "float64", 1e-9, 1e-9),
        ("H2O_RPBE-D3", "onnx", "float32", 1e-6, None),
        ("DMABN_SCAN", "torch", "float64", 1e-11, 1e-10),
        ("DMABN_SCAN", "torch", "float32", 1e-6, None),
        ("DMABN_SCAN", "onnx", "float64", 1e-9, 1e-9),
    ],
)
def test_n2p2_potentials_predict_what_n2p2_does(
    shared: Path, name: str, engine: str, dtype: str, energy: float, force: float | None
) -> None:
    imported, structures, expected = _n2p2(shared, name)
    found = list(runner.run(imported, structures, dtype, engine))
    assert len(found) == len(expected)
    for one, reference in zip(found, expected, strict=True):
        assert one["energy"] == pytest.approx(reference["energy"], rel=energy)
        difference = np.array(one["forces"]) - np.array(reference["forces"])
        if force is None:
            rms = np.sqrt(np.mean(np.square(reference["forces"])))
            assert np.sqrt((difference**2).mean()) <= 1e-5 * rms
        else:
            assert np.abs(difference).max() <= force
            np.testing.assert_allclose(one["atomic_energies"], reference["atom_energies_nn"], rtol=0.0, atol=force)


@pytest.mark.parametrize("name", ["H2O_RPBE-D3", "DMABN_SCAN"])
def test_functions_stand_in_the_order_of_n2p2(shared: Path, name: str) -> None:
    imported, _, _ = _n2p2(shared, name)
    with gzip.open(shared / "reference" / "n2p2" / name / "reference.json.gz") as file:
        elements = json.load(file)["elements"]
    assert imported.potential.elements == tuple(element["symbol"] for element in elements)
    for element in elements:
        descriptor = imported.potential.symmetry_functions
        lines = [function["line"].split() for function in element["symfunc"]]
        for function, line in zip(export_parts.functions_of(descriptor, element["symbol"]), lines, strict=True):
            count = len(function.neighbours)
            assert function.type == int(line[2])
            assert function.neighbours == tuple(sorted(line[3 : 3 + count], key=lambda e: atomic_numbers[e]))
            if function.compact:
                lower, cutoff = (float(word) * units.BOHR for word in line[3 + count : 5 + count])
                assert (function.lower, function.cutoff, function.core) == (lower, cutoff, line[-1])
            else:
                eta = float(line[3 + count]) / units.BOHR**2
                assert function.eta == pytest.approx(eta, rel=1e-15)


def test_simple_nn_potentials_predict_what_lammps_does(shared: Path) -> None:
    folder = shared / "reference" / "simple-nn"
    frames = _golden(folder)
    found = list(runner.run(foreign.read(folder / "uncertainty" / "potential_saved"), [s for s, _, _ in frames]))
    with np.load(folder / "uncertainty" / "golden_atomic_energies.npz") as file:
        atomic, forces = file["E_potential_saved"][::5], file["forces_reference"][::5]
    for one, (_, lammps, energy), energies, expected in zip(found, frames, atomic, forces, strict=True):
        assert one["energy"] == pytest.approx(lammps, abs=1.3e-4)
        assert one["energy"] == pytest.approx(energy, abs=1e-9)
        np.testing.assert_allclose(one["atomic_energies"], energies, rtol=0.0, atol=1e-9)
        np.testing.assert_allclose(one["forces"], expected, rtol=0.0, atol=1e-9)


def test_a_second_simple_nn_potential_and_its_replica(shared: Path) -> None:
    folder = shared / "reference" / "simple-nn"
    first = _golden(folder)[0][0]
    for path, energy in (("gdf/potential_saved_bestmodel", -556.28193), ("uncertainty/potential_saved_30", -556.479)):
        (found,) = runner.run(foreign.read(folder / path), [first])
        assert found["energy"] == pytest.approx(energy, abs=1e-5 if path.startswith("gdf") else 1e-3)


def _golden(folder: Path) -> list[tuple[Structure, float, float]]:
    import ase.io

    frames = ase.io.read(folder / "uncertainty" / "golden_frames.extxyz", "::5")
    return [
        (Structure.from_atoms(atoms), atoms.info["lammps_PotEng"], atoms.get_potential_energy()) for atoms in frames
    ]


def test_the_runner_prints_one_line_of_json(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shared / "reference" / "n2p2" / "H2O_RPBE-D3"
    blocks = (folder / "input.data").read_text().split("end\n")
    (tmp_path / "input.data").write_text("".join(f"{blocks[i]}end\n" for i in SMALL))
    arguments = [str(folder / "potential"), str(tmp_path / "input.data")]
    assert runner.main([*arguments, "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    document = json.loads(line)
    _, _, expected = _n2p2(shared, "H2O_RPBE-D3")
    assert (document["length_unit"], document["energy_unit"]) == ("bohr", "hartree")
    assert [one["energy"] for one in document["structures"]] == pytest.approx(
        [e["energy"] for e in expected], rel=1e-11
    )
    assert runner.main(arguments) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + len(expected)


def test_the_runner_notices_lengths_in_angstrom(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, data in foreign_files.n2p2().items():
        (tmp_path / name).write_bytes(data)
    atoms = "\n".join(
        f"atom {x} {y} 0.0 {e} 0 0 0 0 0" for x, y, e in ((0, 0, "O"), (0.96, 0, "H"), (-0.24, 0.93, "H"))
    )
    (tmp_path / "input.data").write_text(f"begin\n{atoms}\nenergy 0\ncharge 0\nend\n")
    arguments = [str(tmp_path), str(tmp_path / "input.data"), "--json"]
    assert runner.main(arguments) == 0
    guessed = json.loads(capsys.readouterr().out)
    assert guessed["length_unit"] == "angstrom"
    assert "look like Å" in guessed["warnings"][0]
    assert runner.main([*arguments, "--units", "angstrom,ev"]) == 0
    assert json.loads(capsys.readouterr().out)["structures"] == guessed["structures"]
    assert runner.main([*arguments, "--units", "bohr,hartree"]) == 1
    assert "look like Å" in capsys.readouterr().err


def test_the_runner_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main([str(tmp_path), "input.data"]) == 1
    assert "neither 'input.nn'" in capsys.readouterr().err
