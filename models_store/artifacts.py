"""Artifacts: bytes by their sha256, written whole or not at all, verified at every load."""

import contextlib
import errno
import hashlib
import os
import re
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO
from urllib.parse import unquote, urlsplit

from sqlalchemy import exc
from sqlalchemy.orm import Session

from models_store import errors
from models_store.tables import Artifact

CHUNK = 1 << 20
UNFINISHED = "unfinished-"
HEXADECIMAL = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Bytes in the store.

    Attributes:
        sha256: their hash, in hexadecimal: their name.
        size: how many there are.
    """

    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Listed:
    """An entry of the store's own list: name, size in bytes, seconds since the epoch of the last put."""

    sha256: str
    size: int
    put_at: float


class Writer:
    """Takes bytes as they come; `finish` stores them. Left without `finish`, nothing is stored.

    Used as a context manager: `with store.writer() as writer: writer.write(b"..."); stored = writer.finish()`.
    """

    def __init__(self, store: "ArtifactStore") -> None:
        self._store = store
        self._hash = hashlib.sha256()
        self._size = 0
        self._file: IO[bytes] | None = None

    def __enter__(self) -> "Writer":
        with _full_disk_named():
            folder = self._store.temporary_folder()
            self._file = tempfile.NamedTemporaryFile(dir=folder, prefix=UNFINISHED, delete=False)
        return self

    def write(self, chunk: bytes | bytearray | memoryview) -> int:
        """Append bytes.

        Raises:
            StorageFull: no space is left.
        """
        assert self._file is not None, "a writer is used in a with statement"
        with _full_disk_named():
            self._file.write(chunk)
        self._hash.update(chunk)
        self._size += len(chunk)
        return len(chunk)

    def finish(self) -> Stored:
        """Store what was written.

        Raises:
            StorageFull: no space is left.
        """
        assert self._file is not None, "a writer is used in a with statement"
        stored = Stored(sha256=self._hash.hexdigest(), size=self._size)
        with _full_disk_named():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._store.keep(Path(self._file.name), stored)
        return stored

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._file is not None
        # Closing flushes what is buffered, which fails again on a full disk; the file is thrown away in any case.
        with contextlib.suppress(OSError):
            self._file.close()
        Path(self._file.name).unlink(missing_ok=True)


class ArtifactStore(ABC):
    """A place for artifacts. Putting the same bytes twice is harmless and makes them young again for the collection."""

    def writer(self) -> Writer:
        """A writer for bytes that come piece by piece."""
        return Writer(self)

    def put(self, source: bytes | Path | BinaryIO | Iterable[bytes]) -> Stored:
        """Store bytes, the content of a file, or a stream.

        Raises:
            StorageFull: no space is left; nothing was stored.
        """
        with self.writer() as writer, contextlib.ExitStack() as stack:
            for chunk in _chunks(source, stack):
                writer.write(chunk)
            return writer.finish()

    def read(self, sha256: str) -> bytes:
        """The bytes, verified.

        Raises:
            ArtifactMissing: they are not there.
            ArtifactCorrupt: they are not those that were put.
        """
        with self.open(sha256) as stream:
            return stream.read()

    @contextlib.contextmanager
    def open(self, sha256: str) -> Iterator[BinaryIO]:
        """The bytes as a stream, verified before the first one is handed out.

        Raises:
            ArtifactMissing: they are not there.
            ArtifactCorrupt: they are not those that were put.
        """
        with self.fetch(_checked(sha256)) as stream:
            found = _hash(stream)
            if found != sha256:
                raise errors.ArtifactCorrupt(
                    f"the bytes stored as {sha256} have the sha256 {found}: they were damaged and are not used",
                    advice="restore this artifact from a backup, or put the original file again",
                )
            stream.seek(0)
            yield stream

    @abstractmethod
    def temporary_folder(self) -> Path | None:
        """Where writers collect bytes; None for the system's own place."""

    @abstractmethod
    def keep(self, unfinished: Path, stored: Stored) -> None:
        """Make the finished file an artifact."""

    @abstractmethod
    def fetch(self, sha256: str) -> contextlib.AbstractContextManager[BinaryIO]:
        """The bytes as a seekable stream, not verified.

        Raises:
            ArtifactMissing: they are not there.
        """

    @abstractmethod
    def exists(self, sha256: str) -> bool:
        """Whether there are bytes of this name."""

    @abstractmethod
    def delete(self, sha256: str, *, before: float | None = None) -> None:
        """Remove the bytes, unless they were put (again) after `before`; harmless when they are not there."""

    def remove_unfinished(self, before: float) -> int:  # noqa: ARG002 - most stores have nothing to remove
        """Remove what writers that died left behind before that time (seconds since the epoch); how many there were."""
        return 0

    @abstractmethod
    def list(self) -> Iterator[Listed]:
        """All artifacts in the store, in no order."""


def open_store(url: str) -> ArtifactStore:
    """The store at `file:///folder`, a plain folder path, or `s3://bucket/prefix` (keys from the environment)."""
    from models_store import local_artifacts, object_artifacts

    parts = urlsplit(url)
    if parts.scheme in ("", "file"):
        return local_artifacts.LocalArtifacts(Path(unquote(parts.path) if parts.scheme else url))
    return object_artifacts.ObjectArtifacts.at(url)


def path_of(sha256: str) -> str:
    """Where in the store the bytes lie: the first two digits make a folder."""
    return f"{_checked(sha256)[:2]}/{sha256}"


def register(session: Session, stored: Stored, media_type: str = "application/octet-stream") -> Artifact:
    """The row of stored bytes, which everything else refers to; made if there is none."""
    known = session.get(Artifact, stored.sha256)
    if known is not None:
        return known
    artifact = Artifact(sha256=stored.sha256, size=stored.size, media_type=media_type)
    try:
        with session.begin_nested():
            session.add(artifact)
    except exc.IntegrityError:
        return session.get_one(Artifact, stored.sha256)
    return artifact


def _checked(sha256: str) -> str:
    if not HEXADECIMAL.fullmatch(sha256):
        raise errors.NotFound("artifact", sha256)
    return sha256


def _hash(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(source: Any, stack: contextlib.ExitStack) -> Iterable[bytes]:
    if isinstance(source, bytes):
        return (source,)
    if isinstance(source, Path):
        source = stack.enter_context(source.open("rb"))
    if hasattr(source, "read"):
        return iter(lambda: source.read(CHUNK), b"")
    return source


@contextlib.contextmanager
def _full_disk_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise errors.StorageFull(
                f"no space is left for artifacts ({error.strerror}); nothing was stored",
                advice="free some space (`nnpd collect --dry-run` lists what nothing refers to) and try again",
            ) from error
        raise
