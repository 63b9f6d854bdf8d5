"""Publishing what a job found out about data and recipes: the job's result, and files of the job such as its plot."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from models_store import artifacts, jobs
from worker.work import Publish, Work

MEDIA_TYPES = {"plot": "image/png", "numbers": "application/json"}
"""Files of these jobs by their roles."""


def publication(work: Work, found: Mapping[str, Any], files: Mapping[str, bytes]) -> Publish:
    """Put files into the artifact store; what is returned writes the rows.

    Args:
        work: of a job on a dataset version.
        found: the job's result, JSON-like.
        files: by role, one of `MEDIA_TYPES`.
    """
    stored = {role: work.workplace.artifacts.put(content) for role, content in files.items()}
    held = {role: one.sha256 for role, one in stored.items()}

    def publish(session: Session) -> dict[str, Any]:
        for role, one in stored.items():
            artifacts.register(session, one, MEDIA_TYPES[role])
        jobs.keep(session, work.claim, held)
        return {**found, "dataset_version": work.payload["dataset_version"], "files": held}

    return publish
