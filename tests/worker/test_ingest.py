"""The job `ingest`, run in this process on files as people write them."""

from pathlib import Path
from typing import Any

import ase.io
import pytest

from models_store import datasets, jobs
from models_store.errors import NotFound


def version(laboratory: Any, reference: str) -> Any:
    with laboratory.workplace.reading() as session:
        return datasets.version(session, reference)


def spoil(source: Path, target: Path, line: int, old: str, new: str) -> Path:
    """A copy of the file with something else in the line of this 1-based number."""
    lines = source.read_text().splitlines(keepends=True)
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    target.write_text("".join(lines))
    return target


def test_a_good_file_becomes_a_version(laboratory: Any, aluminium_file: Path) -> None:
    job = laboratory.upload(aluminium_file)
    assert job.state == "succeeded", job.error
    assert job.result == {
        "dataset_version": "al:1",
        "duplicate": False,
        "warning": None,
        "frames": 32,
        "labelled": 32,
        "rejected": 0,
    }
    made = version(laboratory, "al:1")
    assert made.state == "ready"
    with laboratory.workplace.reading() as session:
        frames = list(datasets.frames(session, made))
    assert {frame.split for frame in frames} == {"train", "test"}
    trajectories = {split: {f.trajectory for f in frames if f.split == split} for split in ("train", "test")}
    assert not trajectories["train"] & trajectories["test"]
    assert frames[0].label.energy == pytest.approx(ase.io.read(aluminium_file, 0).get_potential_energy())


def test_ringing_twice_does_the_work_once(laboratory: Any, aluminium_file: Path) -> None:
    job_id = laboratory.submit_upload(aluminium_file)
    first, second = laboratory.run(job_id), laboratory.run(job_id)
    assert first.attempt == second.attempt == 1
    assert second.state == "succeeded"


def test_the_same_file_again_is_the_same_version(laboratory: Any, aluminium_file: Path) -> None:
    laboratory.upload(aluminium_file)
    again = laboratory.upload(aluminium_file)
    assert again.result["dataset_version"] == "al:1"
    assert again.result["duplicate"]
    with pytest.raises(NotFound):
        version(laboratory, "al:2")


def test_the_same_file_as_a_withdrawn_version_is_told(laboratory: Any, aluminium_file: Path) -> None:
    laboratory.upload(aluminium_file)
    with laboratory.workplace.sessions.begin() as session:
        datasets.withdraw(session, datasets.version(session, "al:1"), reason="wrong k-points")
    again = laboratory.upload(aluminium_file)
    assert again.state == "succeeded", again.error
    assert (again.result["dataset_version"], again.result["duplicate"]) == ("al:1", True)
    assert "is al:1 already, which was withdrawn: wrong k-points" in again.result["warning"]
    with laboratory.workplace.reading() as session:
        said = [event.data for event in jobs.events(session, again.id, kinds=["log"])]
    assert {"level": "warning", "message": again.result["warning"]} in said


def test_labels_under_another_name_are_asked_for(laboratory: Any, aluminium_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.extxyz"
    text = aluminium_file.read_text()
    for old, new in ((":forces:", ":dft_forces:"), (" energy=", " REF_energy="), (" stress=", " REF_stress=")):
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    job = laboratory.upload(path)
    assert job.error["code"] == "upload_rejected"
    assert "REF_energy; say which it is (energy key; nnp upload --energy-key REF_energy)" in job.error["message"]
    keys = {"energy": "REF_energy", "forces": "dft_forces"}
    assert laboratory.upload(path, keys=keys).result["labelled"] == 32
    assert laboratory.upload(path, require_labels=False, dataset="bare").result["labelled"] == 0


def test_a_bad_frame_rejects_the_upload_and_is_named(laboratory: Any, aluminium_file: Path, tmp_path: Path) -> None:
    laboratory.upload(aluminium_file)
    # Frames have 6 lines: number of atoms, properties, 4 atoms.
    bad = spoil(aluminium_file, tmp_path / "bad.extxyz", 6 * 3 + 4, "Al", "Xx")
    job = laboratory.upload(bad)
    assert job.state == "failed"
    assert job.error["code"] == "upload_rejected"
    (rejection,) = job.error["detail"]["rejections"]
    assert (rejection["file"], rejection["frame"]) == ("bad.extxyz", 3)
    assert 6 * 3 + 1 <= rejection["line"] <= 6 * 4
    rejected = version(laboratory, "al:2")
    assert rejected.state == "rejected"
    assert rejected.rejections == [rejection]
    assert version(laboratory, "al:1").state == "ready"


def test_every_bad_frame_is_named_at_once(laboratory: Any, aluminium_file: Path, tmp_path: Path) -> None:
    bad = spoil(aluminium_file, tmp_path / "bad.extxyz", 4, "Al", "Xx")
    bad = spoil(bad, bad, 6 * 7 + 3, "Al", "Xx")
    job = laboratory.upload(bad)
    assert [entry["frame"] for entry in job.error["detail"]["rejections"]] == [0, 7]


def test_bad_frames_can_be_left_out(laboratory: Any, aluminium_file: Path, tmp_path: Path) -> None:
    bad = spoil(aluminium_file, tmp_path / "bad.extxyz", 4, "Al", "Xx")
    job = laboratory.upload(bad, on_error="skip")
    assert job.state == "succeeded", job.error
    assert (job.result["frames"], job.result["rejected"]) == (31, 1)
    assert [entry["frame"] for entry in version(laboratory, "al:1").rejections] == [0]


def test_a_truncated_file_is_rejected_whole(laboratory: Any, aluminium_file: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.extxyz"
    cut.write_text("".join(aluminium_file.read_text().splitlines(keepends=True)[:-2]))
    job = laboratory.upload(cut)
    assert job.error["code"] == "upload_rejected"
    assert version(laboratory, "al:1").state == "rejected"


def test_lengths_in_bohr_are_recognised(laboratory: Any, aluminium_file: Path, tmp_path: Path) -> None:
    frames = ase.io.read(aluminium_file, ":")
    for atoms in frames:
        calculator = atoms.calc
        atoms.set_cell(atoms.cell * 1.8897, scale_atoms=True)
        atoms.calc = calculator
    path = tmp_path / "bohr.extxyz"
    ase.io.write(path, frames)
    job = laboratory.upload(path)
    assert job.error["code"] == "upload_rejected"
    assert job.error["message"].startswith(
        "bohr.extxyz: the closest atoms are"
    )  # no word of frames: it is the whole file
    assert "nnp upload --length-unit bohr" in job.error["message"]
    assert "Bohr" in job.error["message"]


def test_units_that_are_said_are_used(laboratory: Any, aluminium_file: Path) -> None:
    laboratory.upload(aluminium_file, dataset="ev")
    method = {"name": "hartree", "record": {}}
    laboratory.upload(aluminium_file, dataset="hartree", energy_unit="Hartree", method=method)
    energies = []
    for reference in ("ev:1", "hartree:1"):
        with laboratory.workplace.reading() as session:
            energies.append(next(datasets.frames(session, datasets.version(session, reference))).label.energy)
    assert energies[1] / energies[0] == pytest.approx(27.211386, rel=1e-6)


def test_coincident_atoms_are_rejected(laboratory: Any, aluminium_file: Path, tmp_path: Path) -> None:
    frames = ase.io.read(aluminium_file, ":3")
    calculator = frames[1].calc
    frames[1].positions[1] = frames[1].positions[0]
    frames[1].calc = calculator
    path = tmp_path / "coincident.extxyz"
    ase.io.write(path, frames)
    job = laboratory.upload(path)
    assert [entry["frame"] for entry in job.error["detail"]["rejections"]] == [1]


def test_other_labels_of_the_same_method_are_a_conflict(laboratory: Any, aluminium_file: Path, tmp_path: Path) -> None:
    laboratory.upload(aluminium_file)
    frames = ase.io.read(aluminium_file, ":")
    frames[5].calc.results["energy"] += 1.0
    path = tmp_path / "other.extxyz"
    ase.io.write(path, frames)
    job = laboratory.upload(path)
    assert job.error["code"] == "label_conflict"
    assert version(laboratory, "al:2").state == "rejected"
    assert laboratory.upload(path, on_error="skip").result["frames"] == 32


def test_a_retried_upload_gets_a_new_version(laboratory: Any, aluminium_file: Path) -> None:
    job_id = laboratory.submit_upload(aluminium_file, format="no-such-format")
    assert laboratory.run(job_id).state == "failed"
    with laboratory.workplace.sessions.begin() as session:
        jobs.retry(session, job_id)
    assert laboratory.run(job_id).state == "failed"
    assert version(laboratory, "al:2").state == "rejected"
