"""Importing a potential: the door (upload, job), limits and their acceptance at promotion, files that jobs made."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from models_store import artifacts, audit, jobs, potentials
from nnp.core.label import Frame
from nnp_client import errors, foreign_files
from nnp_client.client import Client
from service import testing

LIMITS = [
    {"code": "hard_cutoff", "sentence": "The energy jumps where a neighbour crosses the cutoff."},
    {"code": "no_repulsion", "sentence": "Atoms that are pushed together attract each other."},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "water"
    folder.mkdir()
    for name in ("input.nn", "scaling.data", "weights.001.data", "weights.008.data.gz", "input.data", "notes.txt"):
        (folder / name).write_text(name)
    return folder


def test_an_import_is_a_job_with_the_files_as_an_artifact(
    http: testing.TestClient, client: Client, folder: Path
) -> None:
    job = client.import_potential(folder, name="Water", units="bohr,hartree", authors="B. and P.")
    assert (job.kind, job.queue, job.state) == ("import", "train", "queued")
    request = client.job(job.id).request
    assert (request["potential"], request["units"], request["filename"]) == ("Water", "bohr,hartree", "water.tar")
    assert (request["dataset_version"], request["authors"]) == (None, "B. and P.")
    content = testing.parts_of(http).store.read(request["artifact"])
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        assert tar.getnames() == ["input.nn", "scaling.data", "weights.001.data", "weights.008.data.gz"]
    assert client.import_potential(folder, name="Water").request["artifact"] == request["artifact"]


@pytest.mark.parametrize("field", [{"units": "parsec,ev"}, {"name": "no name"}, {"replicas_from": "a b"}])
def test_options_that_cannot_be_are_told_at_once(
    http: testing.TestClient, client: Client, field: dict[str, str]
) -> None:
    answer = http.post("/v1/potentials", params={"name": "Water", **field}, content=b"x")
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, next(iter(field)))
    assert client.jobs() == []


def test_an_empty_upload_and_an_unknown_dataset_are_refused(
    http: testing.TestClient, client: Client, folder: Path
) -> None:
    assert http.post("/v1/potentials", params={"name": "Water"}).json()["error"]["code"] == "body_unreadable"
    with pytest.raises(errors.NotFoundError, match="water"):
        client.import_potential(folder, name="Water", replicas_from="water:1")
    assert client.jobs() == []


def test_a_folder_without_a_potential_is_not_sent(client: Client, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(ValueError, match="no file of a potential"):
        client.import_potential(tmp_path, name="Water")


def test_limits_are_shown_and_block_promotion_until_they_are_accepted(
    http: testing.TestClient, client: Client, si_files: dict[str, bytes]
) -> None:
    parts = testing.parts_of(http)
    origin = {"format": "n2p2", "files": {"input.nn": "a" * 64}, "units": "bohr,hartree"}
    testing.register(parts, "Si", si_files, limits=LIMITS, origin=origin)
    version = client.potential_version("Si:1")
    assert [limit.code for limit in version.limits] == ["hard_cutoff", "no_repulsion"]
    assert version.origin == origin
    assert [limit.code for limit in client.card("Si:1").limits] == ["hard_cutoff", "no_repulsion"]
    page = http.get("/v1/potentials/Si/versions/1/card.html").text
    assert "no_repulsion" in page
    assert "n2p2" in page
    for accepted in ([], ["hard_cutoff"]):
        with pytest.raises(errors.ConflictError, match="no_repulsion: Atoms that are pushed") as refused:
            client.promote("Si", 1, expected=None, accept_limits=accepted)
        assert (refused.value.code, refused.value.field) == ("limits_refused", "accept_limits")
        assert ("hard_cutoff:" in refused.value.message) == (accepted == [])
    with pytest.raises(errors.InvalidError, match="has no limit hard_cut_off"):
        client.promote("Si", 1, expected=None, accept_limits=["hard_cut_off"])
    assert client.potential("Si").aliases == []
    client.promote("Si", 1, expected=None, accept_limits=["no_repulsion", "hard_cutoff"])
    assert client.alias_history("Si")[0].accepted_limits == ["hard_cutoff", "no_repulsion"]
    with parts.sessions() as session:
        assert audit.search(session, action="promote")[0].detail["accepted_limits"] == ["hard_cutoff", "no_repulsion"]


def test_accepting_limits_does_not_open_the_gates(
    http: testing.TestClient, client: Client, si_files: dict[str, bytes]
) -> None:
    testing.register(testing.parts_of(http), "Si", si_files, limits=LIMITS, gates=None)
    with pytest.raises(errors.ConflictError) as refused:
        client.promote("Si", 1, expected=None, accept_limits=["no_repulsion", "hard_cutoff"])
    assert refused.value.code == "gate_refused"


def test_a_rollback_needs_no_second_acceptance(
    http: testing.TestClient, client: Client, si_files: dict[str, bytes]
) -> None:
    parts = testing.parts_of(http)
    testing.register(parts, "Si", si_files, limits=LIMITS[:1])
    client.promote("Si", 1, expected=None, accept_limits=["hard_cutoff"])
    testing.register(parts, "Si", si_files, gates=testing.passed_gates(incumbent="Si:1"))
    client.promote("Si", 2, expected=1)
    assert client.promote("Si", 1, expected=2).version == 1


def test_replicas_are_for_versions_trained_here_or_imported(
    http: testing.TestClient,
    client: Client,
    si_files: dict[str, bytes],
    frames: list[Frame],
    store_frames: Callable[[str, list[Frame]], str],
) -> None:
    dataset = store_frames("si-pbe", frames)
    testing.register(testing.parts_of(http), "Si", si_files)
    with pytest.raises(errors.InvalidError, match="neither trained here nor imported"):
        client.train_replicas("Si:1", dataset)
    parts = testing.parts_of(http)
    with parts.sessions() as session, session.begin():
        stored = parts.store.put(b"files")
        artifacts.register(session, stored)
        held = {"source": stored.sha256, "checkpoint": stored.sha256}
        fields = {"manifest": {}, "elements": ["Si"], "artifacts": held}
        potentials.register(session, "Imported", origin={"format": "n2p2"}, **fields)
        potentials.register(session, "Trained", recipe={"version": 1, "replicas": None}, **fields)
    request = client.train_replicas("Imported:1", dataset, replica_steps=20).request
    assert (request["potential"], request["parent"], request["dataset_version"]) == ("Imported", "Imported:1", dataset)
    assert (request["replica_steps"], request["replicas"]) == (20, None)
    with pytest.raises(errors.InvalidError) as refused:
        client.train_replicas("Trained:1", dataset)
    assert refused.value.field == "replicas"
    networks = [{"hidden": [8]}, {"hidden": [9]}]
    chosen = client.train_replicas("Trained:1", dataset, replicas=networks).request["replicas"]
    assert [network["hidden"] for network in chosen] == [[8], [9]]


def test_a_file_that_a_job_made_is_fetched(
    http: testing.TestClient, client: Client, si_files: dict[str, bytes], tmp_path: Path
) -> None:
    parts = testing.parts_of(http)
    testing.register(parts, "Si", si_files)
    job = client.export("Si:1", "n2p2")
    assert (job.kind, job.request) == ("export", {"version": "Si:1", "format": "n2p2"})
    with pytest.raises(errors.NotFoundError):
        client.download_job_file(job.id, "export", tmp_path / "none.tar")
    source = tmp_path / "source"
    source.mkdir()
    (source / "input.nn").write_text("elements Si")
    with parts.sessions() as session, session.begin():
        stored = parts.store.put(foreign_files.pack(source))
        artifacts.register(session, stored, "application/x-tar")
        claim = jobs.claim(session, job.id, worker="test", lease_seconds=60.0)
        assert claim is not None
        jobs.keep(session, claim, {"export": stored.sha256})
        jobs.succeed(session, claim, {"files": {"export": stored.sha256}})
    archive = client.download_job_file(job.id, "export", tmp_path / "export.tar")
    assert [path.name for path in foreign_files.unpack(archive, tmp_path / "made")] == ["input.nn"]
    assert (tmp_path / "made" / "input.nn").read_text() == "elements Si"
    with pytest.raises(FileExistsError, match="not an empty folder"):
        foreign_files.unpack(archive, tmp_path / "made")
