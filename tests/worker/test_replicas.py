"""The job `replicas` for a version that was trained here."""

from pathlib import Path
from typing import Any

import ase
import ase.build
import ase.io
import numpy as np
import pytest

from models_store import lineage, potentials
from nnp.core.potential import Potential


@pytest.fixture
def unlabelled_file(tmp_path: Path) -> Path:
    path = tmp_path / "hot.extxyz"
    random = np.random.default_rng(3)
    structures = [ase.build.bulk("Al", a=4.1, cubic=True) for _ in range(4)]
    for atoms in structures:
        atoms.rattle(0.4, rng=random)
    ase.io.write(path, structures)
    return path


def test_replicas_make_a_version_with_novelties_and_the_same_potential(
    laboratory: Any, aluminium_file: Path, unlabelled_file: Path
) -> None:
    assert laboratory.upload(aluminium_file).state == "succeeded"
    assert laboratory.upload(unlabelled_file, dataset="hot").state == "succeeded"
    assert laboratory.train(recipe={"replicas": None}).state == "succeeded"
    chosen = {"replicas": [{"hidden": [4]}, {"hidden": [5]}], "replica_steps": 5}
    job = laboratory.run(
        laboratory.submit("replicas", potential="Al", parent="Al:1", dataset_version="hot:1", **chosen)
    )
    assert job.state == "succeeded", job.error
    assert job.result["potential_version"] == "Al:2"
    with laboratory.workplace.reading() as session:
        before, after = (potentials.resolve(session, f"Al:{number}") for number in (1, 2))
        assert lineage.of_potential(session, after)["parents"][0]["version"] == "Al:1"
    assert (after.parent_id, after.dataset_version_id) == (before.id, before.dataset_version_id)
    assert (after.recipe["replica_steps"], after.recipe["steps"]) == (5, before.recipe["steps"])
    assert after.card["lineage"]["replicas_from"] == "hot:1"
    assert after.gates["passed"], after.gates
    structure = [ase.build.bulk("Al", a=4.0, cubic=True)]
    old, new = (
        Potential.load(laboratory.workplace.artifacts.read(version.artifact_hashes["onnx_float64"])).evaluate(
            [_structure(structure[0])], ("energy", "energy_novelties")
        )[0]
        for version in (before, after)
    )
    assert new.energy == pytest.approx(old.energy, abs=1e-9)
    assert old.energy_novelties is None
    assert new.energy_novelties.shape == (4,)


def test_elements_that_the_version_does_not_know_fail_the_job(
    laboratory: Any, aluminium_file: Path, tmp_path: Path
) -> None:
    ase.io.write(tmp_path / "cu.extxyz", [ase.build.bulk("Cu", cubic=True)])
    assert laboratory.upload(aluminium_file).state == "succeeded"
    assert laboratory.upload(tmp_path / "cu.extxyz", dataset="cu").state == "succeeded"
    assert laboratory.train(recipe={"steps": 2, "replica_steps": 2}).state == "succeeded"
    job = laboratory.run(laboratory.submit("replicas", potential="Al", parent="Al:1", dataset_version="cu:1"))
    assert (job.state, job.error["code"]) == ("failed", "input_invalid")
    assert "Cu" in job.error["message"]


def _structure(atoms: ase.Atoms) -> Any:
    from nnp.core.structure import Structure

    return Structure.from_atoms(atoms)
