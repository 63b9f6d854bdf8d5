"""Uploaded archives: what is read, what is refused."""

import io
import tarfile
from collections.abc import Callable

import pytest

from worker import archives
from worker.failing import JobRefused


def packed(*entries: tuple[str, bytes], mode: str = "w") -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as tar:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    stream.seek(0)
    return stream


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_files_come_by_their_base_names(mode: str) -> None:
    found = archives.read(packed(("water/input.nn", b"one"), ("water/scaling.data", b"two"), mode=mode), "water.tar")
    assert found == {"input.nn": b"one", "scaling.data": b"two"}


def test_a_single_file_is_itself() -> None:
    assert archives.read(io.BytesIO(b"ELEM_LIST Si"), "potential_saved") == {"potential_saved": b"ELEM_LIST Si"}


def linked() -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        entry = tarfile.TarInfo("input.nn")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(entry)
    stream.seek(0)
    return stream


def cut() -> io.BytesIO:
    return io.BytesIO(packed(("input.nn", b"x" * 4000)).getvalue()[:2048])


@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        (linked, "input.nn is no file"),
        (lambda: packed(("a/input.nn", b"1"), ("b/input.nn", b"2")), "two files input.nn"),
        (packed, "no files"),
        (cut, "damaged archive"),
        (lambda: packed(*((f"{n}", b"") for n in range(archives.MOST_FILES + 1))), "more than 1000 files"),
    ],
)
def test_other_archives_are_refused(archive: Callable[[], io.BytesIO], reason: str) -> None:
    with pytest.raises(JobRefused, match=reason) as refused:
        archives.read(archive(), "water.tar")
    assert refused.value.code == "archive_unreadable"
    assert "water.tar" in str(refused.value)
