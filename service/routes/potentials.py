"""/v1/potentials: import, find, look at, download, withdraw, delete."""

from typing import Annotated, Any, Literal

import fastapi
from fastapi import Query
from fastapi.responses import HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from models_store import lineage, potentials
from nnp_client.wire.imports import ImportOptions
from nnp_client.wire.jobs import JobOut
from nnp_client.wire.potentials import Card, PotentialOut, PotentialVersionOut
from nnp_client.wire.predictions import REFERENCE_PATTERN
from nnp_client.wire.versions import Deletion, Lineage, Withdraw
from service import card_page, deleting, downloading, importing, parts, uploading
from service.routes.parameters import Actor, DryRun, Elements, Number, PotentialName
from service.sessions import Reading, Writing
from service.views import jobs as job_views
from service.views import potentials as views

router = fastapi.APIRouter(tags=["potentials"], prefix="/potentials")
resolving = fastapi.APIRouter(tags=["potentials"])
ONNX: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {downloading.ONNX_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        "description": "The ONNX file; ETag is its SHA-256. docs/onnx.md describes inputs and outputs.",
    },
    304: {"description": "The caller has these bytes already (If-None-Match)."},
}


BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A tar archive of its files (input.nn, scaling.data, weights.*.data), or its one file.",
        "content": {importing.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("", status_code=202, summary="Import a potential of n2p2, RuNNer or SIMPLE-NN", openapi_extra=BODY)
async def import_potential(
    request: fastapi.Request, session: Writing, actor: Actor, options: Annotated[ImportOptions, Query()]
) -> JobOut:
    stored = await uploading.receive(parts.of(request).store, request.stream())
    # The transaction begins with the first statement, so nothing was locked while the body came in.
    return job_views.job(await run_in_threadpool(importing.begin, session, stored, options, actor=actor))


@router.get("", summary="Potentials; with `element`, those that cover all of them")
def list_potentials(
    session: Reading,
    element: Elements = None,
    text: Annotated[str, Query(description="Only with this in the name.", max_length=64)] = "",
) -> list[PotentialOut]:
    return [views.potential(session, row) for row in potentials.search(session, elements=element or (), text=text)]


@resolving.get("/resolve", summary="The version that a reference names")
def resolve(
    session: Reading,
    reference: Annotated[str, Query(description='"Si:3" or "Si@production".', pattern=REFERENCE_PATTERN)],
) -> PotentialVersionOut:
    return views.version_of(session, potentials.resolve(session, reference))


@router.get("/{name}", summary="A potential with its aliases")
def get_potential(session: Reading, name: PotentialName) -> PotentialOut:
    return views.potential(session, potentials.get(session, name))


@router.get("/{name}/versions", summary="The versions of a potential, newest first")
def list_potential_versions(session: Reading, name: PotentialName) -> list[PotentialVersionOut]:
    return views.versions(session, potentials.versions(session, name))


@router.get("/{name}/versions/{number}", summary="A version")
def get_potential_version(session: Reading, name: PotentialName, number: Number) -> PotentialVersionOut:
    return views.version_of(session, potentials.version(session, name, number))


@router.get(
    "/{name}/versions/{number}/onnx", summary="The version as an ONNX file", response_class=Response, responses=ONNX
)
def download_onnx(
    *,
    request: fastapi.Request,
    session: Reading,
    name: PotentialName,
    number: Number,
    dtype: Annotated[
        Literal["float32", "float64"], Query(description="Precision of the networks in the file.")
    ] = "float32",
    if_none_match: Annotated[str | None, fastapi.Header(description="ETag of bytes that the caller has.")] = None,
) -> Response:
    version = potentials.version(session, name, number)
    return downloading.onnx(parts.of(request).store, version, dtype, if_none_match)


@router.get("/{name}/versions/{number}/card", summary="What a user should know before using a version")
def get_card(session: Reading, name: PotentialName, number: Number) -> Card:
    return views.card(session, potentials.version(session, name, number))


@router.get(
    "/{name}/versions/{number}/card.html", summary="The card as a page", response_class=HTMLResponse, tags=["pages"]
)
def get_card_page(session: Reading, name: PotentialName, number: Number) -> HTMLResponse:
    return HTMLResponse(card_page.render(views.card(session, potentials.version(session, name, number))))


@router.get("/{name}/versions/{number}/lineage", summary="Where a version comes from")
def get_lineage(session: Reading, name: PotentialName, number: Number) -> Lineage:
    version = potentials.version(session, name, number)
    return Lineage(reference=version.reference, lineage=lineage.of_potential(session, version))


@router.post("/{name}/versions/{number}/withdraw", summary="Withdraw a version")
def withdraw_potential_version(
    session: Writing, actor: Actor, name: PotentialName, number: Number, body: Withdraw
) -> PotentialVersionOut:
    version = potentials.version(session, name, number)
    return views.version_of(session, potentials.withdraw(session, version, reason=body.reason, actor=actor))


@router.delete("/{name}/versions/{number}", summary="Delete a version that was never promoted")
def delete_potential_version(
    session: Writing,
    actor: Actor,
    name: PotentialName,
    number: Number,
    dry_run: DryRun = True,
) -> Deletion:
    version = potentials.version(session, name, number)
    return deleting.potential_version(session, version, dry_run=dry_run, actor=actor)
