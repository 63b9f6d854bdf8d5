"""`nnpd backup`: a consistent copy of the registry and its artifacts, also while the service runs."""

import shutil
import sqlite3
from pathlib import Path

from sqlalchemy.engine import make_url

from models_store import artifacts
from nnpd.errors import BackupTargetError, NotEmbeddedError
from nnpd.installation import Installation

PAGES_PER_STEP = 1024


def back_up(installation: Installation, destination: Path) -> str:
    """Copy the database first, then the artifacts: whatever the copied rows refer to was stored before them.

    Raises:
        NotEmbeddedError: the registry is in PostgreSQL or the artifacts in S3, which have their own tools.
        BackupTargetError: the destination exists.
    """
    if not (installation.database_url.startswith("sqlite") and installation.artifacts_url.startswith("file")):
        raise NotEmbeddedError
    if destination.exists():
        raise BackupTargetError(destination)
    unfinished = destination.with_name(f".{destination.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700, parents=True)
    _copy_database(Path(make_url(installation.database_url).database or ""), unfinished / "nnpd.sqlite")
    count, size = _copy_artifacts(installation.artifacts_url, (unfinished / "artifacts").as_uri())
    unfinished.rename(destination)
    return (
        f"Copied the database and {count} artifacts ({size / 1e6:.1f} MB), each verified, to {destination}. "
        f"To use the copy: NNPD_HOME={destination} nnpd up"
    )


def _copy_database(source: Path, target: Path) -> None:
    with sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True) as reader, sqlite3.connect(target) as writer:
        reader.backup(writer, pages=PAGES_PER_STEP)
    reader.close()
    writer.close()


def _copy_artifacts(source: str, target: str) -> tuple[int, int]:
    """Through the store itself, so that a damaged artifact is found now and not at the restoration."""
    reader, writer = artifacts.open_store(source), artifacts.open_store(target)
    count = size = 0
    for listed in reader.list():
        with reader.open(listed.sha256) as stream:
            size += writer.put(stream).size
        count += 1
    return count, size
