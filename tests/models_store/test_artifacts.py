"""The contract of an artifact store, run on the local folder and on obstore's stores; then what is special to each."""

import errno
import hashlib
import io
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import obstore.store
import pytest
from sqlalchemy.orm import Session

from models_store import artifacts, errors
from models_store.local_artifacts import LocalArtifacts
from models_store.object_artifacts import ObjectArtifacts

CONTENT = b"bytes " * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ABSENT = "0" * 64


@pytest.fixture(params=["local", "memory", "obstore-local"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> artifacts.ArtifactStore:
    if request.param == "local":
        return LocalArtifacts(tmp_path / "store")
    if request.param == "memory":
        return ObjectArtifacts(obstore.store.MemoryStore())
    return ObjectArtifacts(obstore.store.LocalStore(tmp_path / "store", mkdir=True))


@pytest.mark.parametrize(
    "source",
    [
        lambda path: CONTENT,
        lambda path: io.BytesIO(CONTENT),
        lambda path: (CONTENT[start : start + 700] for start in range(0, len(CONTENT), 700)),
        lambda path: path,
    ],
    ids=["bytes", "stream", "chunks", "file"],
)
def test_what_is_put_comes_back(
    any_store: artifacts.ArtifactStore, source: Callable[[Path], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    stored = any_store.put(source(path))
    assert stored == artifacts.Stored(sha256=SHA256, size=len(CONTENT))
    assert any_store.exists(SHA256)
    assert any_store.read(SHA256) == CONTENT
    with any_store.open(SHA256) as stream:
        assert stream.read(5) == CONTENT[:5]
    assert any_store.put(CONTENT) == stored


def test_the_store_lists_what_it_has(any_store: artifacts.ArtifactStore) -> None:
    assert list(any_store.list()) == []
    any_store.put(CONTENT)
    any_store.put(b"")
    found = {listed.sha256: listed.size for listed in any_store.list()}
    assert found == {SHA256: len(CONTENT), hashlib.sha256(b"").hexdigest(): 0}


def test_deleting_is_harmless_when_there_is_nothing(any_store: artifacts.ArtifactStore) -> None:
    any_store.put(CONTENT)
    any_store.delete(SHA256, before=1.0)
    assert any_store.exists(SHA256)
    any_store.delete(SHA256)
    any_store.delete(SHA256)
    assert not any_store.exists(SHA256)


def test_absent_artifacts_are_named(any_store: artifacts.ArtifactStore) -> None:
    with pytest.raises(errors.ArtifactMissing, match=ABSENT):
        any_store.read(ABSENT)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63])
def test_names_that_are_no_hashes_reach_no_file(any_store: artifacts.ArtifactStore, name: str) -> None:
    with pytest.raises(errors.NotFound):
        any_store.read(name)
    with pytest.raises(errors.NotFound):
        any_store.delete(name)


def test_a_writer_left_early_stores_nothing(any_store: artifacts.ArtifactStore) -> None:
    with any_store.writer() as writer:
        writer.write(CONTENT)
    assert list(any_store.list()) == []

    def interrupted() -> None:
        with any_store.writer() as writer:
            writer.write(CONTENT)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(any_store.list()) == []


@pytest.mark.parametrize("damage", [CONTENT[:-1], CONTENT[:-1] + b"X", b""], ids=["truncated", "flipped", "emptied"])
def test_damaged_bytes_are_never_handed_out(tmp_path: Path, damage: bytes) -> None:
    store = LocalArtifacts(tmp_path)
    store.put(CONTENT)
    path = tmp_path / SHA256[:2] / SHA256
    path.chmod(0o600)
    path.write_bytes(damage)
    with pytest.raises(errors.ArtifactCorrupt, match=SHA256):
        store.read(SHA256)
    with pytest.raises(errors.ArtifactCorrupt), store.open(SHA256):
        pytest.fail("handed out")
    store.put(CONTENT)
    assert store.read(SHA256) == CONTENT


def test_files_lie_under_two_digits_and_are_read_only(tmp_path: Path) -> None:
    LocalArtifacts(tmp_path).put(CONTENT)
    [path] = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert path == tmp_path / SHA256[:2] / SHA256
    assert path.stat().st_mode & 0o777 == 0o400


@pytest.fixture
def small_files() -> Iterator[None]:
    """The system refuses files above 100 kB, as a full disk would refuse more bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_files")
def test_a_write_the_system_refuses_leaves_nothing_behind(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path)
    store.put(b"small")
    with pytest.raises(OSError, match="File too large"):
        store.put(b"x" * 1_000_000)
    assert [listed.size for listed in store.list()] == [5]
    assert list(tmp_path.glob("unfinished-*")) == []


class FullDisk(LocalArtifacts):
    """A folder whose disk fills up when the bytes are to be kept."""

    def keep(self, unfinished: Path, stored: artifacts.Stored) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    store = FullDisk(tmp_path)
    with pytest.raises(errors.StorageFull, match="No space left") as raised:
        store.put(CONTENT)
    assert "collect" in str(raised.value.advice)
    assert list(tmp_path.iterdir()) == []


def test_left_overs_of_killed_writers_are_removed_when_old(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path)
    store.put(CONTENT)
    (tmp_path / "unfinished-old").write_bytes(b"half")
    os.utime(tmp_path / "unfinished-old", (1.0, 1.0))
    (tmp_path / "unfinished-young").write_bytes(b"half")
    assert store.remove_unfinished(before=1000.0) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"unfinished-young", SHA256[:2]}


def test_stores_are_opened_by_url(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    artifacts.open_store(folder.as_uri()).put(CONTENT)
    assert artifacts.open_store(str(folder)).read(SHA256) == CONTENT
    with pytest.raises(errors.SetupError, match="gopher"):
        artifacts.open_store("gopher://host/x")


def test_s3_is_reached_by_url() -> None:
    assert isinstance(artifacts.open_store("s3://bucket/prefix"), ObjectArtifacts)


def test_registering_twice_gives_one_row(session: Session) -> None:
    stored = artifacts.Stored(sha256=SHA256, size=6)
    first = artifacts.register(session, stored, "application/onnx")
    assert artifacts.register(session, stored) is first
    assert first.media_type == "application/onnx"
