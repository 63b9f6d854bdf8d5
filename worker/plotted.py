"""Publishing what a search for a recipe found: its numbers are the job's result, its picture a file of the job."""

from typing import Any, Protocol

from sqlalchemy.orm import Session

from models_store import artifacts, jobs
from worker.work import Publish, Work

ROLE = "plot"
MEDIA_TYPE = "image/png"


class Found(Protocol):
    """A result with a picture."""

    @property
    def plot(self) -> bytes:
        """PNG."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """All but the picture, JSON-like."""
        ...


def publication(work: Work, found: Found) -> Publish:
    """Put the picture into the artifact store; what is returned writes the rows."""
    plot = work.workplace.artifacts.put(found.plot)

    def publish(session: Session) -> dict[str, Any]:
        artifacts.register(session, plot, MEDIA_TYPE)
        jobs.keep(session, work.claim, {ROLE: plot.sha256})
        dataset = {"dataset_version": work.payload["dataset_version"]}
        return {**found.to_dict(), **dataset, "files": {ROLE: plot.sha256}}

    return publish
