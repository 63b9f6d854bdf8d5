"""Downloads: artifacts of versions with their SHA-256 as ETag, files that jobs made."""

from fastapi import Response
from sqlalchemy.orm import Session

from models_store import artifacts
from models_store import errors as store_errors
from models_store.tables import Artifact, Job, PotentialVersion

ONNX_TYPE = "application/vnd.onnx"
FILE_TYPES = {"application/x-tar": "tar", "image/png": "png", "application/json": "json"}
"""Media types of files that jobs make, with the ends of their names."""


def onnx(store: artifacts.ArtifactStore, version: PotentialVersion, dtype: str, if_none_match: str | None) -> Response:
    """The ONNX file of a version, or 304 when the caller has it.

    Raises:
        NotFound: The version has no file of this precision.
        ArtifactMissing, ArtifactCorrupt: The stored bytes are gone or damaged.
    """
    held = {role.removeprefix("onnx_"): sha256 for role, sha256 in version.artifact_hashes.items() if "onnx_" in role}
    if dtype not in held:
        raise store_errors.NotFound("precision of " + version.reference, dtype, available=sorted(held))
    headers = {"ETag": f'"{held[dtype]}"', "Cache-Control": "private, max-age=31536000, immutable"}
    if if_none_match is not None and held[dtype] in if_none_match:
        return Response(status_code=304, headers=headers)
    name = f"{version.reference.replace(':', '-')}-{dtype}.onnx"
    headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return Response(store.read(held[dtype]), media_type=ONNX_TYPE, headers=headers)


def job_file(session: Session, store: artifacts.ArtifactStore, job: Job, role: str) -> Response:
    """A file that a job made, as its result names it.

    Raises:
        NotFound: The job made no such file.
        ArtifactMissing, ArtifactCorrupt: The stored bytes are gone (they are kept for 30 days) or damaged.
    """
    files = (job.result or {}).get("files", {})
    if role not in files:
        raise store_errors.NotFound(f"file of job {job.id}", role, available=sorted(files))
    media_type = session.get_one(Artifact, files[role]).media_type
    name = f"{role}-{job.id}.{FILE_TYPES[media_type]}"
    headers = {"ETag": f'"{files[role]}"', "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(store.read(files[role]), media_type=media_type, headers=headers)
