"""/v1/datasets: upload, find, look at, derive, compare, withdraw."""

from typing import Annotated, Any

import fastapi
from fastapi import Query
from starlette.concurrency import run_in_threadpool

from models_store import datasets, lineage
from nnp_client.wire.base import DATASET_PATTERN
from nnp_client.wire.datasets import (
    Comparison,
    DatasetOut,
    DatasetVersionOut,
    Exclude,
    Upload,
    UploadOptions,
)
from nnp_client.wire.paging import Page
from nnp_client.wire.versions import Deletion, Lineage, Withdraw
from service import deleting, parts, uploading
from service.routes.parameters import Actor, DatasetName, DryRun, Elements, Limit, Number
from service.sessions import Reading, Writing
from service.views import datasets as views

router = fastapi.APIRouter(tags=["datasets"], prefix="/datasets")
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file as it is, of any length; it is streamed to disk.",
        "content": {uploading.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("", status_code=202, summary="Upload a file of labelled structures", openapi_extra=BODY)
async def upload(
    request: fastapi.Request, session: Writing, actor: Actor, options: Annotated[UploadOptions, Query()]
) -> Upload:
    stored = await uploading.receive(parts.of(request).store, request.stream())
    # The transaction begins with the first statement, so nothing was locked while the body came in.
    return await run_in_threadpool(uploading.begin, session, stored, options, actor=actor)


@router.get("", summary="Datasets; with `element`, those that contain all of them")
def list_datasets(
    session: Reading,
    element: Elements = None,
    text: Annotated[str, Query(description="Only with this in name or description.", max_length=64)] = "",
    after: Annotated[int, Query(description="`next` of the page before.", ge=0, lt=2**31)] = 0,
    limit: Limit = 50,
) -> Page[DatasetOut]:
    rows = datasets.search(session, elements=element or (), text=text, limit=limit, offset=after)
    following = str(after + limit) if len(rows) == limit else None
    return Page[DatasetOut](items=[views.dataset(session, row) for row in rows], next=following)


@router.get("/{name}", summary="A dataset with its newest version")
def get_dataset(session: Reading, name: DatasetName) -> DatasetOut:
    return views.dataset(session, datasets.get(session, name))


@router.get("/{name}/versions", summary="The versions of a dataset, newest first")
def list_dataset_versions(session: Reading, name: DatasetName) -> list[DatasetVersionOut]:
    return [views.version_of(session, row) for row in datasets.versions(session, name)]


@router.get("/{name}/versions/{number}", summary="A version with its statistics and rejected frames")
def get_dataset_version(session: Reading, name: DatasetName, number: Number) -> DatasetVersionOut:
    return views.version_of(session, datasets.version(session, f"{name}:{number}"))


@router.post("/{name}/versions/{number}/exclude", status_code=201, summary="A new version without some frames")
def exclude_frames(
    session: Writing, actor: Actor, name: DatasetName, number: Number, body: Exclude
) -> DatasetVersionOut:
    made = datasets.exclude(
        session,
        datasets.version(session, f"{name}:{number}"),
        positions=body.positions,
        groups=body.groups,
        structure_ids=body.structure_ids,
        note=body.note,
        actor=actor,
    )
    return views.version_of(session, made.version)


@router.get("/{name}/versions/{number}/compare", summary="What changed from this version to another")
def compare_dataset_versions(
    session: Reading,
    name: DatasetName,
    number: Number,
    after: Annotated[str, Query(description='The other version, "si-pbe:3".', pattern=DATASET_PATTERN)],
) -> Comparison:
    first, second = datasets.version(session, f"{name}:{number}"), datasets.version(session, after)
    return views.comparison(first.reference, second.reference, datasets.compare(session, first, second))


@router.post("/{name}/versions/{number}/withdraw", summary="Withdraw a version; its descendants say so")
def withdraw_dataset_version(
    session: Writing, actor: Actor, name: DatasetName, number: Number, body: Withdraw
) -> DatasetVersionOut:
    version = datasets.version(session, f"{name}:{number}")
    return views.version_of(session, datasets.withdraw(session, version, reason=body.reason, actor=actor))


@router.get("/{name}/versions/{number}/lineage", summary="Where a version comes from, and what came of it")
def get_dataset_lineage(session: Reading, name: DatasetName, number: Number) -> Lineage:
    version = datasets.version(session, f"{name}:{number}")
    return Lineage(reference=version.reference, lineage=lineage.of_dataset(session, version))


@router.delete("/{name}/versions/{number}", summary="Delete a version that nothing descends from")
def delete_dataset_version(
    session: Writing, actor: Actor, name: DatasetName, number: Number, dry_run: DryRun = True
) -> Deletion:
    version = datasets.version(session, f"{name}:{number}")
    return deleting.dataset_version(session, version, dry_run=dry_run, actor=actor)
