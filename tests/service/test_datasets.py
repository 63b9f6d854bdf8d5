"""/v1/datasets, with frames stored as the ingest job stores them."""

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path

import ase.build
import ase.io
import numpy as np
import pytest

from models_store import datasets, jobs
from nnp.core.label import Frame
from nnp.core.structure import Structure
from nnp_client import errors
from nnp_client.client import Client
from nnp_client.wire.datasets import DatasetState
from nnp_client.wire.jobs import JobState
from service import testing

Store = Callable[[str, list[Frame]], str]


def test_an_upload_answers_with_its_job_and_version_and_both_can_be_found(
    http: testing.TestClient, client: Client, tmp_path: Path
) -> None:
    file = tmp_path / "si.extxyz"
    ase.io.write(file, ase.build.bulk("Si"))
    sent: list[tuple[int, int]] = []
    taken = client.upload(
        file,
        name="si-pbe",
        energy_key="REF_energy",
        on_error="skip",
        note="first",
        method="pbe",
        method_record='{"code": "gpaw"}',
        progress=lambda *numbers: sent.append(numbers),
    )
    assert sent[-1] == (file.stat().st_size, file.stat().st_size)
    assert (taken.job.state, taken.dataset_version.state) == (JobState.QUEUED, DatasetState.INGESTING)
    assert client.job(taken.job.id).request["keys"] == {"energy": "REF_energy"}
    assert client.job(taken.job.id).request["method"] == {"name": "pbe", "record": {"code": "gpaw"}}
    assert client.dataset_version(taken.dataset_version.reference).note == "first"
    content = testing.parts_of(http).store.read(taken.job.request["artifact"])
    assert content == file.read_bytes()
    with testing.parts_of(http).read_sessions() as session:
        version = datasets.of_job(session, taken.job.id)
        assert version is not None
        assert version.reference == taken.dataset_version.reference
        assert jobs.get(session, taken.job.id).kind == "ingest"


@pytest.mark.parametrize(
    ("query", "body", "status", "code"),
    [
        ("name=si", b"", 400, "body_unreadable"),
        ("name=no%20name", b"x", 422, "field_invalid"),
        ("name=si&unknown=1", b"x", 422, "field_invalid"),
        ("name=si&test_fraction=1", b"x", 422, "field_invalid"),
        ("name=si&filename=../etc", b"x", 422, "field_invalid"),
        ("name=si&method_record=[]", b"x", 422, "field_invalid"),
    ],
)
def test_impossible_uploads_leave_nothing(
    http: testing.TestClient, query: str, body: bytes, status: int, code: str
) -> None:
    answer = http.post(f"/v1/datasets?{query}", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    assert http.get("/v1/datasets").json()["items"] == []
    assert http.get("/v1/jobs").json()["items"] == []


def germanium(frame: Frame) -> Structure:
    return dataclasses.replace(frame.structure, numbers=np.full(8, 32))


def test_datasets_are_listed_filtered_and_shown(client: Client, frames: list[Frame], store_frames: Store) -> None:
    store_frames("si-pbe", frames)
    store_frames("ge-pbe", [dataclasses.replace(frame, structure=germanium(frame)) for frame in frames])
    assert [entry.name for entry in client.datasets()] == ["ge-pbe", "si-pbe"]
    assert [entry.name for entry in client.datasets(elements=["Ge"])] == ["ge-pbe"]
    assert [entry.name for entry in client.datasets(text="si-")] == ["si-pbe"]
    shown = client.dataset("si-pbe").latest
    assert shown is not None
    assert shown.statistics is not None
    assert shown.statistics["n_frames"] == 6
    with pytest.raises(errors.NotFoundError, match="si-pbe"):
        client.dataset("si-pb")


def test_frames_are_paged_and_filtered(client: Client, frames: list[Frame], store_frames: Store) -> None:
    reference = store_frames("si-pbe", frames)
    assert [frame.position for frame in client.frames(reference, limit=2)] == [0, 1, 2, 3, 4, 5]
    assert {frame.group for frame in client.frames(reference, group="warm")} == {"warm"}
    assert len(list(client.frames(reference, max_force_max=0.3))) == 2
    with pytest.raises(errors.InvalidError):
        list(client.frames(reference, groop="warm"))


def test_a_download_is_what_was_stored(
    client: Client, frames: list[Frame], store_frames: Store, tmp_path: Path
) -> None:
    reference = store_frames("si-pbe", frames)
    file = client.download_dataset(reference, tmp_path / "down" / "si.extxyz", group="cold")
    found = ase.io.read(io.StringIO(file.read_text()), index=":", format="extxyz")
    expected = [entry for entry in frames if entry.group == "cold"]
    assert len(found) == len(expected)
    for atoms, entry in zip(found, expected, strict=True):
        assert entry.label is not None
        np.testing.assert_allclose(atoms.positions, entry.structure.positions, atol=1e-9)
        assert atoms.get_potential_energy() == pytest.approx(entry.label.energy)
    assert [path.name for path in (tmp_path / "down").iterdir()] == ["si.extxyz"]


def test_excluding_makes_a_version_that_compares(client: Client, frames: list[Frame], store_frames: Store) -> None:
    reference = store_frames("si-pbe", frames)
    made = client.exclude(reference, groups=["warm"], note="no warm ones")
    assert (made.parent, made.state, made.note) == (reference, DatasetState.READY, "no warm ones")
    difference = client.compare(reference, made.reference)
    assert (len(difference.removed), difference.added, difference.unchanged) == (3, [], 3)
    with pytest.raises(errors.InvalidError, match="nothing"):
        client.exclude(reference)


def test_lineage_and_deletion_of_versions(client: Client, frames: list[Frame], store_frames: Store) -> None:
    reference = store_frames("si-pbe", frames)
    made = client.exclude(reference, positions=[0])
    assert client.dataset_lineage(reference).lineage["children"] == [made.reference]
    with pytest.raises(errors.ConflictError, match="made from it"):
        client.delete_dataset(reference)
    assert not client.delete_dataset(made.reference).deleted
    assert client.dataset_version(made.reference).state == DatasetState.READY
    assert client.delete_dataset(made.reference, dry_run=False).deleted
    assert client.delete_dataset(reference, dry_run=False).deleted
    with pytest.raises(errors.NotFoundError):
        client.dataset_version(reference)


def test_withdrawal_shows_on_descendants(client: Client, frames: list[Frame], store_frames: Store) -> None:
    reference = store_frames("si-pbe", frames)
    made = client.exclude(reference, positions=[0])
    withdrawn = client.withdraw_dataset(reference, reason="wrong smearing")
    assert (withdrawn.state, withdrawn.reason) == (DatasetState.WITHDRAWN, "wrong smearing")
    assert "wrong smearing" in client.dataset_version(made.reference).withdrawn_ancestors[0]
    with pytest.raises(errors.ConflictError) as refused:
        client.train("Si", reference)
    assert refused.value.code == "withdrawn"
