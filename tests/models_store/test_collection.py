from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from models_store import artifacts, audit, collection, datasets, jobs, tables

NOTHING = timedelta(seconds=-10)
"""Everything is old."""


@pytest.fixture
def put(sessions: sessionmaker[Session], store: artifacts.ArtifactStore) -> Callable[[bytes], str]:
    def act(content: bytes) -> str:
        stored = store.put(content)
        with sessions.begin() as session:
            artifacts.register(session, stored)
        return stored.sha256

    return act


def test_what_is_referred_to_is_kept(
    sessions: sessionmaker[Session],
    store: artifacts.ArtifactStore,
    put: Callable[[bytes], str],
    make_version: Callable[..., tables.PotentialVersion],
) -> None:
    onnx, upload, waiting, done, loose = (put(name) for name in (b"onnx", b"upload", b"waiting", b"done", b"loose"))
    unknown = store.put(b"no row").sha256
    with sessions.begin() as session:
        make_version(session, artifacts={"onnx_float32": onnx})
        datasets.begin(session, "si", source_sha256=upload)
        jobs.submit(session, "ingest", {}, artifacts={"upload": waiting})
        ended = jobs.submit(session, "ingest", {}, artifacts={"upload": done}).id
        held = jobs.claim(session, ended, worker="one", lease_seconds=60)
        assert held is not None
        jobs.succeed(session, held, {})
    seen = collection.collect(sessions, store, dry_run=True, young=NOTHING)
    assert {listed.sha256 for listed in seen.removed} == {done, loose, unknown}
    assert seen.size == len(b"done" + b"loose" + b"no row")
    assert len(list(store.list())) == 6
    found = collection.collect(sessions, store, young=NOTHING, actor="anna")
    assert {listed.sha256 for listed in found.removed} == {done, loose, unknown}
    assert {listed.sha256 for listed in store.list()} == {onnx, upload, waiting}
    with sessions() as session:
        assert set(session.scalars(sa.select(tables.Artifact.sha256))) == {onnx, upload, waiting}
        assert len(audit.search(session, action="collect")) == 3
        assert list(collection.missing(session, store)) == []
    assert collection.collect(sessions, store, young=NOTHING).removed == ()


def test_young_artifacts_are_kept(
    sessions: sessionmaker[Session], store: artifacts.ArtifactStore, put: Callable[[bytes], str]
) -> None:
    put(b"just uploaded")
    assert collection.collect(sessions, store).removed == ()
    assert len(list(store.list())) == 1


def test_a_failed_job_keeps_its_upload_while_it_may_be_retried(
    sessions: sessionmaker[Session], store: artifacts.ArtifactStore, put: Callable[[bytes], str]
) -> None:
    upload = put(b"upload")
    with sessions.begin() as session:
        job_id = jobs.submit(session, "ingest", {}, artifacts={"upload": upload}).id
        held = jobs.claim(session, job_id, worker="one", lease_seconds=60)
        assert held is not None
        jobs.fail(session, held, code="x", message="y")
    assert collection.collect(sessions, store, young=NOTHING).removed == ()
    assert len(collection.collect(sessions, store, young=NOTHING, retry_window=NOTHING).removed) == 1


def test_the_file_of_a_rejected_version_is_kept_while_it_may_be_retried(
    sessions: sessionmaker[Session], store: artifacts.ArtifactStore, put: Callable[[bytes], str]
) -> None:
    upload = put(b"upload")
    with sessions.begin() as session:
        version = datasets.begin(session, "si", source_sha256=upload)
        datasets.reject(session, version, reason="a bad frame")
    assert collection.collect(sessions, store, young=NOTHING).removed == ()
    found = collection.collect(sessions, store, young=NOTHING, retry_window=NOTHING)
    assert [listed.sha256 for listed in found.removed] == [upload]
    assert not store.exists(upload)
    assert collection.collect(sessions, store, young=NOTHING, retry_window=NOTHING).removed == ()
    with sessions() as session:
        assert datasets.version(session, "si:1").source_sha256 == upload
        assert session.get_one(tables.Artifact, upload).size == len(b"upload")
    # The same file again, this time for a version that is not rejected.
    assert put(b"upload") == upload
    with sessions.begin() as session:
        datasets.begin(session, "si", source_sha256=upload)
    assert collection.collect(sessions, store, young=NOTHING, retry_window=NOTHING).removed == ()
    with sessions() as session:
        assert list(collection.missing(session, store)) == []


def test_lost_bytes_are_found(
    sessions: sessionmaker[Session],
    store: artifacts.ArtifactStore,
    put: Callable[[bytes], str],
    make_version: Callable[..., tables.PotentialVersion],
) -> None:
    onnx = put(b"onnx")
    with sessions.begin() as session:
        make_version(session, artifacts={"onnx_float32": onnx})
    store.delete(onnx)
    with sessions() as session:
        assert list(collection.missing(session, store)) == [onnx]
