"""The files of an upload: a tar archive of a few files, or the one file itself."""

import tarfile
from typing import IO

from worker.failing import JobRefused

MOST_FILES = 1000
MOST_BYTES = 256 * 2**20


def read(stream: IO[bytes], filename: str) -> dict[str, bytes]:
    """The contents by file name, without folders.

    Args:
        stream: what was uploaded; seekable.
        filename: its name, where it is no archive.

    Raises:
        JobRefused: the archive is damaged or too large, holds anything but files, or two files of one name.
    """
    packed = tarfile.is_tarfile(stream)
    stream.seek(0)
    if not packed:
        return {filename: stream.read(MOST_BYTES)}
    try:
        with tarfile.open(fileobj=stream) as tar:
            return _files(tar, filename)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise JobRefused("archive_unreadable", f"{filename} is a damaged archive: {error}.") from error


def _files(tar: tarfile.TarFile, filename: str) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    size = 0
    for entry in tar:
        if entry.isdir():
            continue
        name = entry.name.rpartition("/")[2]
        size += entry.size
        if not entry.isfile():
            raise JobRefused("archive_unreadable", f"{filename}: {entry.name} is no file; pack the files themselves.")
        if name in contents:
            raise JobRefused("archive_unreadable", f"{filename} has two files {name}; pack one potential.")
        if size > MOST_BYTES or len(contents) >= MOST_FILES:
            raise JobRefused(
                "archive_unreadable",
                f"{filename} has more than {MOST_FILES} files or {MOST_BYTES} bytes; pack the potential's files only.",
            )
        member = tar.extractfile(entry)
        assert member is not None
        contents[name] = member.read()
    if not contents:
        raise JobRefused("archive_unreadable", f"{filename} has no files.")
    return contents
