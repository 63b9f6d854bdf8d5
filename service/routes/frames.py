"""/v1/datasets/{name}/versions/{number}/frames and /extxyz: frames out of a version."""

from typing import Annotated, Any

import fastapi
from fastapi import Query
from fastapi.responses import StreamingResponse

from models_store import datasets
from nnp_client.wire.frames import FrameFilter, FrameOut, FrameQuery
from nnp_client.wire.paging import Page
from service import exporting, parts
from service.routes.parameters import DatasetName, Number
from service.sessions import Reading
from service.views import datasets as views

router = fastapi.APIRouter(tags=["datasets"], prefix="/datasets/{name}/versions/{number}")
FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {exporting.MEDIA_TYPE: {"schema": {"type": "string"}}}, "description": "Extended XYZ, streamed."}
}


@router.get("/frames", summary="The frames of a version, without arrays")
def list_frames(
    session: Reading, name: DatasetName, number: Number, query: Annotated[FrameQuery, Query()]
) -> Page[FrameOut]:
    version = datasets.version(session, f"{name}:{number}")
    found = datasets.members(session, version, views.chosen(query), after=query.after, limit=query.limit)
    following = str(found[-1].position) if len(found) == query.limit else None
    return Page[FrameOut](items=[views.frame(member) for member in found], next=following)


@router.get("/extxyz", summary="Frames with labels as a file", response_class=StreamingResponse, responses=FILE)
def download_extxyz(
    request: fastapi.Request,
    session: Reading,
    name: DatasetName,
    number: Number,
    query: Annotated[FrameFilter, Query()],
) -> StreamingResponse:
    reference = datasets.version(session, f"{name}:{number}").reference
    pieces = exporting.extxyz(parts.of(request), reference, views.chosen(query))
    disposition = f'attachment; filename="{name}-{number}.extxyz"'
    return StreamingResponse(pieces, media_type=exporting.MEDIA_TYPE, headers={"Content-Disposition": disposition})
