"""Artifacts in a folder of this machine."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from models_store import artifacts, errors


class LocalArtifacts(artifacts.ArtifactStore):
    """Artifacts as files `ab/abcd...` under a folder; a file gets its name when it is whole and synced."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def temporary_folder(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    def keep(self, unfinished: Path, stored: artifacts.Stored) -> None:
        # Renaming over an artifact of the same name also replaces bytes that were damaged since.
        target = self._folder / artifacts.path_of(stored.sha256)
        target.parent.mkdir(exist_ok=True)
        unfinished.chmod(0o400)
        unfinished.replace(target)
        descriptor = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def fetch(self, sha256: str) -> Iterator[BinaryIO]:
        try:
            stream = (self._folder / artifacts.path_of(sha256)).open("rb")
        except FileNotFoundError:
            raise errors.ArtifactMissing(f"the artifact {sha256} is not in the store") from None
        with stream:
            yield stream

    def exists(self, sha256: str) -> bool:
        return (self._folder / artifacts.path_of(sha256)).is_file()

    def delete(self, sha256: str, *, before: float | None = None) -> None:
        path = self._folder / artifacts.path_of(sha256)
        with contextlib.suppress(FileNotFoundError):
            if before is None or path.stat().st_mtime < before:
                path.unlink()

    def remove_unfinished(self, before: float) -> int:
        old = [path for path in self._folder.glob(f"{artifacts.UNFINISHED}*") if path.stat().st_mtime < before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def list(self) -> Iterator[artifacts.Listed]:
        for path in self._folder.glob("[0-9a-f][0-9a-f]/*"):
            if artifacts.HEXADECIMAL.fullmatch(path.name):
                with contextlib.suppress(FileNotFoundError):
                    found = path.stat()
                    yield artifacts.Listed(sha256=path.name, size=found.st_size, put_at=found.st_mtime)
