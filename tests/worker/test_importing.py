"""The jobs `import`, `replicas` and `export` on a small n2p2 potential of water, written by hand."""

import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import ase.build
import ase.io
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator

from models_store import aliases, artifacts, errors, potentials
from nnp.core.potential import Potential
from nnp.core.prediction import Prediction
from nnp.core.structure import Structure
from nnp_client import foreign_files
from tests.learn import foreign_files as hand_written


def water(count: int = 8) -> list[ase.Atoms]:
    random = np.random.default_rng(2)
    made = []
    for _ in range(count):
        atoms = ase.build.molecule("H2O")
        atoms.rattle(0.05, rng=random)
        made.append(atoms)
    return made


@pytest.fixture
def structures(tmp_path: Path) -> Path:
    """Molecules without labels."""
    path = tmp_path / "water.extxyz"
    ase.io.write(path, water())
    return path


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Molecules with made-up labels; a quarter of them becomes the test split."""
    path = tmp_path / "labelled.extxyz"
    frames = water(16)
    for atoms in frames:
        atoms.calc = SinglePointCalculator(atoms, energy=-2000.0, forces=np.zeros((3, 3)))
    ase.io.write(path, frames)
    return path


def submit(laboratory: Any, files: dict[str, bytes], name: str = "Water", **options: Any) -> Any:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for file, content in files.items():
            entry = tarfile.TarInfo(f"potential/{file}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    with laboratory.workplace.sessions.begin() as session:
        stored = laboratory.workplace.artifacts.put(stream.getvalue())
        artifacts.register(session, stored)
    payload = {"artifact": stored.sha256, "potential": name, "filename": "water.tar", "units": None}
    return laboratory.run(laboratory.submit("import", **{**payload, "dataset_version": None, **options}))


def resolve(laboratory: Any, reference: str) -> Any:
    with laboratory.workplace.reading() as session:
        return potentials.resolve(session, reference)


def predict(laboratory: Any, reference: str) -> list[Prediction]:
    content = laboratory.workplace.artifacts.read(resolve(laboratory, reference).artifact_hashes["onnx_float64"])
    structures = [Structure.from_atoms(atoms) for atoms in water(3)]
    return Potential.load(content).evaluate(structures, ("energy", "forces", "energy_novelties"))


def test_an_import_is_an_ordinary_version_and_its_export_the_same_potential(laboratory: Any, tmp_path: Path) -> None:
    job = submit(laboratory, hand_written.n2p2(), authors="B. and P.", citation="A paper.")
    assert job.state == "succeeded", job.error
    version = resolve(laboratory, "Water:1")
    assert version.symbols == ("H", "O")
    assert set(version.artifact_hashes) == {"onnx_float32", "onnx_float64", "checkpoint", "source"}
    assert version.artifact_hashes["source"] == job.payload["artifact"]
    assert (version.origin["format"], version.origin["units"]) == ("n2p2", "bohr,hartree")
    assert set(version.origin["files"]) == set(hand_written.n2p2())
    assert (version.recipe, version.dataset_version_id, version.created_by) == (None, None, "anna")
    codes = [limit["code"] for limit in version.limits]
    assert "no_committee" in codes
    assert codes == job.result["limits"]
    assert version.gates["passed"], version.gates
    assert "its errors are not known here" in version.gates["checks"][-1]["detail"]
    assert version.card["authors"] == "B. and P."
    assert version.card["citation"].endswith("A paper.")

    export = laboratory.run(laboratory.submit("export", version="Water:1", format="n2p2"))
    assert export.state == "succeeded", export.error
    archive = tmp_path / "export.tar"
    archive.write_bytes(laboratory.workplace.artifacts.read(export.result["files"]["export"]))
    written = {path.name: path.read_bytes() for path in foreign_files.unpack(archive, tmp_path / "out")}
    again = submit(laboratory, written, name="Again")
    assert again.state == "succeeded", again.error
    for before, after in zip(predict(laboratory, "Water:1"), predict(laboratory, "Again:1"), strict=True):
        assert after.energy == pytest.approx(before.energy, rel=1e-12)
        np.testing.assert_allclose(after.forces, before.forces, atol=1e-10)
    refused = laboratory.run(laboratory.submit("export", version="Water:1", format="simple-nn"))
    assert (refused.state, refused.error["code"]) == ("failed", "export_impossible")


def test_files_that_do_not_fit_fail_the_job_with_file_and_line(laboratory: Any) -> None:
    files = hand_written.n2p2()
    job = submit(laboratory, {**files, "weights.008.data": files["weights.008.data"][:-30]})
    assert (job.state, job.error["code"]) == ("failed", "import_invalid")
    assert "weights.008.data" in job.error["message"]
    assert job.error["detail"]["file"] == "weights.008.data"
    missing = submit(laboratory, {name: files[name] for name in files if name != "weights.001.data"})
    assert "weights.001.data" in missing.error["message"]
    for name, damaged in (("input.nn", gzip.compress(files["input.nn"])[:-9]), ("scaling.data", b"\x00\xff\x01")):
        broken = submit(laboratory, {**files, name: damaged})
        assert (broken.state, broken.error["code"]) == ("failed", "import_invalid")
        assert broken.error["detail"]["file"] == name
    with laboratory.workplace.reading() as session, pytest.raises(errors.NotFound):
        potentials.get(session, "Water")
    assert not (laboratory.workplace.checkpoints / job.id).exists()


def test_replicas_follow_and_other_files_replace_nothing_unmeasured(
    laboratory: Any, structures: Path, labelled: Path
) -> None:
    assert laboratory.upload(structures, dataset="bare").state == "succeeded"
    assert laboratory.upload(labelled, dataset="labelled", test_fraction=0.25).state == "succeeded"
    assert submit(laboratory, hand_written.n2p2()).state == "succeeded"
    with laboratory.workplace.sessions.begin() as session:
        aliases.promote(session, "Water", "production", 1)
    chosen = {"replicas": [{"hidden": [4]}, {"hidden": [5]}], "replica_steps": 5}
    job = laboratory.run(
        laboratory.submit("replicas", potential="Water", parent="Water:1", dataset_version="bare:1", **chosen)
    )
    assert job.state == "succeeded", job.error
    first, second = (resolve(laboratory, f"Water:{number}") for number in (1, 2))
    assert (second.parent_id, second.origin, second.limits) == (first.id, first.origin, first.limits)
    for before, after in zip(predict(laboratory, "Water:1"), predict(laboratory, "Water:2"), strict=True):
        assert after.energy == pytest.approx(before.energy, rel=1e-12)
        assert before.energy_novelties is None
        assert after.energy_novelties is not None
    assert second.gates["passed"], second.gates
    assert "from the same files" in second.gates["checks"][-1]["detail"]

    other = submit(laboratory, hand_written.n2p2(hydrogen=hand_written.weights(3, seed=5)))
    assert not other.result["gates"]["passed"]
    assert other.result["gates"]["incumbent"] == "Water:1"
    again = {"version": "Water:3", "dataset_version": "labelled:1", "split": "test", "alias": "production"}
    measured = laboratory.run(laboratory.submit("evaluate", **again)).result["gates"]
    assert measured["checks"][0]["passed"], measured
    assert measured["checks"][1]["detail"] == "finite on 4 test structures"
    assert measured["checks"][2]["values"]["incumbent"]["force_rmse_ev_per_a"] > 0.0


def test_an_import_with_a_hard_cutoff_is_trained_further_and_keeps_its_limit(laboratory: Any, labelled: Path) -> None:
    assert laboratory.upload(labelled, dataset="labelled", test_fraction=0.25).state == "succeeded"
    hard = hand_written.INPUT_NN.replace("cutoff_type 2 0.0", "cutoff_type 0")
    assert submit(laboratory, hand_written.n2p2(input_nn=hard)).state == "succeeded"
    recipe = {"steps": 2, "replicas": None, "batch_size": 4}
    fields = {"potential": "Water", "parent": "Water:1", "dataset_version": "labelled:1", "recipe": recipe}
    job = laboratory.run(laboratory.submit("retrain", **fields))
    assert job.state == "succeeded", job.error
    first, second = (resolve(laboratory, f"Water:{number}") for number in (1, 2))
    assert "hard_cutoff" in [limit["code"] for limit in second.limits]
    assert second.limits == first.limits
    assert (second.origin, second.parent_id) == (None, first.id)
    contract = second.gates["checks"][0]
    assert contract["passed"], contract
    assert second.recipe["committee"][0]["hidden"] == [3, 2]
