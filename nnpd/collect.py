"""`nnpd collect`: artifacts that nothing refers to, and checkpoints that no job will go on from."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.orm import Session

from models_store import artifacts, collection, database, jobs
from models_store.errors import NotFound
from models_store.tables import JobState, now
from nnpd.installation import Installation


def collect(installation: Installation, *, dry_run: bool) -> Iterator[str]:
    """Remove them, or only say what would be removed; yields a line for each and a sum.

    Raises:
        SetupError: the registry is not ready.
    """
    engine = database.create_engine(installation.database_url)
    database.check_schema(engine)
    sessions = database.session_factory(engine)
    store = artifacts.open_store(installation.artifacts_url)
    verb = "would remove" if dry_run else "removed"
    collected = collection.collect(sessions, store, dry_run=dry_run, actor="nnpd collect")
    for artifact in collected.removed:
        yield f"{verb} artifact {artifact.sha256} ({artifact.size} bytes)"
    with database.session_factory(engine, read_only=True)() as session:
        done = _done(session, installation.home.checkpoints)
    for folder in done:
        if not dry_run:
            shutil.rmtree(folder, ignore_errors=True)
        yield f"{verb} checkpoint of job {folder.name}"
    yield f"{verb} {len(collected.removed)} artifacts ({collected.size / 1e6:.1f} MB) and {len(done)} checkpoints"


def _done(session: Session, checkpoints: Path) -> list[Path]:
    """Folders of jobs that succeeded, do not exist, or ended so long ago that nobody will retry them."""
    folders = sorted(checkpoints.iterdir()) if checkpoints.exists() else []
    return [folder for folder in folders if not _may_go_on(session, folder.name)]


def _may_go_on(session: Session, job_id: str) -> bool:
    try:
        job = jobs.get(session, job_id)
    except NotFound:
        return False
    if job.state == JobState.SUCCEEDED:
        return False
    return job.finished_at is None or job.finished_at > now() - collection.RETRY_WINDOW
