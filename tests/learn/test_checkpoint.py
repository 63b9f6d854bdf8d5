"""Checkpoints: no pickle, atomic, versioned, and every older version still loads."""

import errno
from pathlib import Path

import numpy as np
import pytest

from nnp.core import errors
from nnp.learn import checkpoint, weights

DATA = Path(__file__).parent / "data"
FOLDERS = {"data_hash": "b", "recipe_hash": "a"}


def test_round_trip_and_equal_bytes() -> None:
    arrays = {"a": np.arange(3.0), "b.c": np.zeros((2, 2), dtype=np.float32)}
    data = checkpoint.pack({"seed": 2**80}, arrays)
    header, found = checkpoint.unpack(data)
    assert header == {"seed": 2**80, "format_version": checkpoint.FORMAT_VERSION}
    assert found.keys() == arrays.keys()
    assert checkpoint.pack({"seed": 2**80}, arrays) == data


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 truncated", b"\x80\x04."])
def test_damaged_files_are_refused(data: bytes) -> None:
    with pytest.raises(errors.CheckpointError, match="damaged"):
        checkpoint.unpack(data)
    whole = checkpoint.pack({}, {"a": np.arange(100.0)})
    with pytest.raises(errors.CheckpointError, match="damaged"):
        checkpoint.unpack(whole[: len(whole) // 2])


def test_pickled_arrays_are_never_loaded() -> None:
    import io

    stream = io.BytesIO()
    np.savez(stream, header=np.array([{"format_version": 1}], dtype=object))
    with pytest.raises(errors.CheckpointError, match="damaged"):
        checkpoint.unpack(stream.getvalue())


def test_newer_versions_are_refused_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "FORMAT_VERSION", 99)
    data = checkpoint.pack({}, {})
    monkeypatch.undo()
    with pytest.raises(errors.CheckpointError, match="format version 99"):
        checkpoint.unpack(data)


def test_every_version_has_an_upgrade_and_a_kept_file() -> None:
    versions = range(1, checkpoint.FORMAT_VERSION + 1)
    assert sorted(checkpoint.UPGRADES) == list(versions)[:-1]
    for version in versions:
        loaded = weights.unpack((DATA / f"checkpoint_{version}.npz").read_bytes())
        assert loaded.definition.functions.elements == ("Cu",)
        assert weights.to_potential(loaded).elements == ("Cu",)


def test_the_format_has_not_changed_without_a_new_version() -> None:
    kept = (DATA / f"checkpoint_{checkpoint.FORMAT_VERSION}.npz").read_bytes()
    header, arrays = checkpoint.unpack(kept)
    again_header, again = checkpoint.unpack(weights.pack(weights.unpack(kept)))
    assert again_header == header
    assert {name: (a.shape, a.dtype) for name, a in again.items()} == {
        name: (a.shape, a.dtype) for name, a in arrays.items()
    }


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / checkpoint.FILE
    checkpoint.save(path, b"old")
    (tmp_path / (checkpoint.FILE + ".part")).mkdir()
    with pytest.raises(OSError, match="directory"):
        checkpoint.save(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_full_disk_leaves_no_part_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(tmp_path / checkpoint.FILE, b"new")
    assert list(tmp_path.iterdir()) == []


def test_another_training_is_not_resumed(tmp_path: Path) -> None:
    (tmp_path / checkpoint.FILE).write_bytes(checkpoint.pack({"kind": checkpoint.RUNNING, **FOLDERS}, {}))
    assert checkpoint.Resumable(tmp_path, FOLDERS).state("committee") is None
    with pytest.raises(errors.CheckpointError, match="another recipe, data set"):
        checkpoint.Resumable(tmp_path, {**FOLDERS, "recipe_hash": "c"})
