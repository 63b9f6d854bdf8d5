"""Who is to be named for a potential version: authors, licence and citation of the data it was trained on."""

from typing import Any

from sqlalchemy.orm import Session

from models_store import jobs
from models_store.tables import DatasetVersion
from worker import provenance


def attribution(session: Session, potential: str, version: DatasetVersion, *, trained_by: str | None) -> dict[str, Any]:
    """Authors, licence and citation for the card of a version of `potential` trained on a dataset version."""
    said = _said(session, version)
    own = (
        f"{potential}, a neural network potential trained with nnpd {provenance.code_version()} "
        f"on {version.reference} (content {(version.content_hash or '')[:16]})."
    )
    return {
        "authors": said.get("authors") or trained_by,
        "licence": said.get("licence"),
        "citation": f"{own} Data: {said['citation']}" if said.get("citation") else own,
    }


def _said(session: Session, version: DatasetVersion) -> dict[str, Any]:
    """What the upload said that the version comes from, through the versions made from it by leaving frames out."""
    while version.parent_id is not None:
        version = session.get_one(DatasetVersion, version.parent_id)
    if version.job_id is None:
        return {}
    job = jobs.get(session, version.job_id)
    return {"authors": job.created_by, **{name: value for name, value in job.payload.items() if value is not None}}
