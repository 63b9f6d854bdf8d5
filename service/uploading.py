"""An upload: the body streams into an artifact; then artifact, job and dataset version begin in one transaction."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from models_store import artifacts, datasets, jobs
from models_store.tables import JobKind
from nnp_client.wire.datasets import Upload, UploadOptions
from service import errors
from service.views import datasets as views
from service.views import jobs as job_views

PIECE = 2**20
MEDIA_TYPE = "application/octet-stream"


async def receive(store: artifacts.ArtifactStore, body: AsyncIterator[bytes]) -> artifacts.Stored:
    """Stream a body into the artifact store; nothing stays when it breaks off.

    Raises:
        BodyError: The body is empty.
        StorageFull: No space is left.
    """
    writer = await run_in_threadpool(store.writer().__enter__)
    try:
        piece, size = bytearray(), 0
        async for chunk in body:
            piece += chunk
            size += len(chunk)
            if len(piece) >= PIECE:
                await run_in_threadpool(writer.write, bytes(piece))
                piece.clear()
        if not size:
            raise errors.BodyError(
                "The upload is empty.", advice="Send the file as the body: curl --data-binary @FILE."
            )
        await run_in_threadpool(writer.write, bytes(piece))
        return await run_in_threadpool(writer.finish)
    finally:
        await run_in_threadpool(writer.__exit__, None, None, None)


def begin(session: Session, stored: artifacts.Stored, options: UploadOptions, *, actor: str | None) -> Upload:
    """Queue the ingest job of stored bytes and begin the version that it will fill.

    Raises:
        FieldError: The method's record is no JSON object.
    """
    artifacts.register(session, stored, MEDIA_TYPE)
    job = jobs.submit(
        session, JobKind.INGEST, _payload(stored, options), artifacts={"source": stored.sha256}, actor=actor
    )
    version = datasets.begin(
        session, options.name, job_id=job.id, source_sha256=stored.sha256, note=options.note, actor=actor
    )
    return Upload(job=job_views.job(job), dataset_version=views.version_of(session, version))


def _payload(stored: artifacts.Stored, options: UploadOptions) -> dict[str, Any]:
    given = options.model_dump()
    keys = {name.removesuffix("_key"): value for name, value in given.items() if name.endswith("_key") and value}
    return {
        "artifact": stored.sha256,
        "filename": options.filename,
        "dataset": options.name,
        "format": options.format,
        "keys": keys,
        "on_error": options.on_error,
        "require_labels": options.require_labels,
        "length_unit": options.length_unit,
        "energy_unit": options.energy_unit,
        "method": {"name": options.method or options.name, "record": _record(options.method_record)},
        "test_fraction": options.test_fraction,
        "seed": options.seed,
        "licence": options.licence,
        "authors": options.authors,
        "citation": options.citation,
        "note": options.note,
    }


def _record(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        record = orjson.loads(text)
    except ValueError as error:
        raise errors.FieldError(f"method_record: not JSON ({error})", field="method_record") from error
    if not isinstance(record, dict):
        raise errors.FieldError("method_record: a JSON object is needed", field="method_record")
    return record
