"""The job `export`: a potential version in the files of another program, as a tar archive."""

import tarfile
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from models_store import artifacts, jobs, potentials
from worker.failing import JobRefused
from worker.work import Publish, Work

ROLE = "export"
MEDIA_TYPE = "application/x-tar"


def run(work: Work) -> Publish:
    """Write the files and pack them.

    Raises:
        ExportError: the format cannot express a part of the potential; it names the part.
        JobRefused: the version has no checkpoint.
    """
    payload = work.payload
    with work.workplace.reading() as session:
        version = potentials.resolve(session, payload["version"])
    checkpoint = version.artifact_hashes.get("checkpoint")
    if checkpoint is None:
        raise JobRefused("parent_without_checkpoint", f"{version.reference} has no checkpoint to write files from.")
    work.checkpoint_directory.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work.checkpoint_directory) as folder:
        written = Path(folder) / "files"
        written.mkdir()
        _write(work.workplace.artifacts.read(checkpoint), payload["format"], written)
        archive = Path(folder) / "export.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(written, arcname="", filter=_nobodys)
        stored = work.workplace.artifacts.put(archive)
    work.journal.say(f"wrote {version.reference} for {payload['format']}: {stored.size} bytes")

    def publish(session: Session) -> dict[str, Any]:
        artifacts.register(session, stored, MEDIA_TYPE)
        jobs.keep(session, work.claim, {ROLE: stored.sha256})
        return {"version": version.reference, "format": payload["format"], "files": {ROLE: stored.sha256}}

    return publish


def _write(checkpoint: bytes, format: str, folder: Path) -> None:
    from nnp.learn import foreign, weights

    write = {"n2p2": foreign.write_n2p2, "simple-nn": foreign.write_simple_nn}[format]
    write(weights.to_potential(weights.unpack(checkpoint)), folder)


def _nobodys(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Equal files make an equal archive, whoever packed them and when."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry
