"""The import of a foreign potential: its files are an artifact, the job reads them and registers the version."""

from typing import Any

from sqlalchemy.orm import Session

from models_store import artifacts, jobs
from models_store.tables import Job, JobKind
from nnp_client.wire.imports import ImportOptions
from service import submitting

MEDIA_TYPE = "application/octet-stream"


def begin(session: Session, stored: artifacts.Stored, options: ImportOptions, *, actor: str | None) -> Job:
    """Queue the import of stored bytes.

    Raises:
        NotFound, Conflict: The dataset version for the replicas is none, or not ready.
    """
    payload = _payload(session, stored, options)
    artifacts.register(session, stored, MEDIA_TYPE)
    return jobs.submit(session, JobKind.IMPORT, payload, artifacts={"source": stored.sha256}, actor=actor)


def _payload(session: Session, stored: artifacts.Stored, options: ImportOptions) -> dict[str, Any]:
    given = options.model_dump(exclude={"name", "replicas_from"})
    dataset = options.replicas_from and submitting.ready(session, options.replicas_from).reference
    return {"artifact": stored.sha256, "potential": options.name, "dataset_version": dataset, **given}
