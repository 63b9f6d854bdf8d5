"""Artifacts in an object store (S3 and its kin), through obstore."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import obstore
import obstore.exceptions
import obstore.store

from models_store import artifacts, errors


class ObjectArtifacts(artifacts.ArtifactStore):
    """Artifacts as objects `ab/abcd...`; an object appears whole, when its upload is completed."""

    def __init__(self, store: Any) -> None:
        self._store = store

    @classmethod
    def at(cls, url: str) -> "ObjectArtifacts":
        """The store at a URL that obstore knows.

        Raises:
            SetupError: obstore does not know this kind of URL, or it lacks something.
        """
        try:
            return cls(obstore.store.from_url(url))
        except (obstore.exceptions.BaseError, ValueError) as error:
            raise errors.SetupError(
                f"no artifact store at {url!r}: {error}", advice="give file:///... or s3://..."
            ) from error

    def temporary_folder(self) -> None:
        return None

    def keep(self, unfinished: Path, stored: artifacts.Stored) -> None:
        obstore.put(self._store, artifacts.path_of(stored.sha256), unfinished)

    @contextlib.contextmanager
    def fetch(self, sha256: str) -> Iterator[BinaryIO]:
        with tempfile.TemporaryFile() as stream:
            try:
                for chunk in obstore.get(self._store, artifacts.path_of(sha256)).stream():
                    stream.write(chunk)
            except (FileNotFoundError, obstore.exceptions.NotFoundError):
                raise errors.ArtifactMissing(f"the artifact {sha256} is not in the store") from None
            stream.seek(0)
            yield stream

    def exists(self, sha256: str) -> bool:
        try:
            obstore.head(self._store, artifacts.path_of(sha256))
        except (FileNotFoundError, obstore.exceptions.NotFoundError):
            return False
        return True

    def delete(self, sha256: str, *, before: float | None = None) -> None:
        path = artifacts.path_of(sha256)
        with contextlib.suppress(FileNotFoundError, obstore.exceptions.NotFoundError):
            if before is None or obstore.head(self._store, path)["last_modified"].timestamp() < before:
                obstore.delete(self._store, path)

    def list(self) -> Iterator[artifacts.Listed]:
        for page in obstore.list(self._store):
            for found in page:
                name = found["path"].rpartition("/")[2]
                if artifacts.HEXADECIMAL.fullmatch(name):
                    put_at = found["last_modified"].timestamp()
                    yield artifacts.Listed(sha256=name, size=found["size"], put_at=put_at)
