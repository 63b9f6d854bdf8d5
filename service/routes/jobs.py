"""/v1/jobs: submit, look at, follow, cancel, retry."""

from typing import Annotated, Any

import fastapi
from fastapi import Path, Query
from fastapi.responses import Response

from models_store import jobs
from nnp_client.wire.jobs import EventKind, JobEvents, JobKind, JobOut, JobRequest, JobState
from nnp_client.wire.paging import Page
from service import downloading, events, parts, submitting
from service.routes.parameters import Actor, IdempotencyKey, JobId, Limit
from service.sessions import Reading, Writing
from service.views import jobs as views

router = fastapi.APIRouter(tags=["jobs"], prefix="/jobs")
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in downloading.FILE_TYPES},
        "description": "The file; ETag is its SHA-256, as in the job's result.",
    }
}
Role = Annotated[str, Path(description="Name of the file in the job's result.", pattern=r"^[a-z_0-9]{1,64}$")]


@router.post("", status_code=202, summary="Train, retrain, evaluate, train replicas, export, preview, select or search")
def submit_job(session: Writing, actor: Actor, request: JobRequest, idempotency_key: IdempotencyKey = None) -> JobOut:
    return views.job(submitting.submit(session, request, idempotency_key=idempotency_key, actor=actor))


@router.get("", summary="Jobs, newest first")
def list_jobs(
    session: Reading,
    kind: Annotated[list[JobKind] | None, Query(description="Only of these kinds; repeat for several.")] = None,
    state: Annotated[list[JobState] | None, Query(description="Only in these states; repeat for several.")] = None,
    after: Annotated[str | None, Query(description="`next` of the page before.", max_length=64)] = None,
    limit: Limit = 50,
) -> Page[JobOut]:
    rows = jobs.search(session, kinds=kind or (), states=state or (), before=after, limit=limit)
    following = rows[-1].id if len(rows) == limit else None
    return Page[JobOut](items=[views.job(row) for row in rows], next=following)


@router.get("/{job_id}", summary="A job with its progress")
def get_job(session: Reading, job_id: JobId) -> JobOut:
    return views.job(jobs.get(session, job_id))


@router.get("/{job_id}/files/{role}", summary="Bytes that a job made", response_class=Response, responses=FILE)
def download_job_file(request: fastapi.Request, session: Reading, job_id: JobId, role: Role) -> Response:
    return downloading.job_file(session, parts.of(request).store, jobs.get(session, job_id), role)


@router.get("/{job_id}/events", summary="What a job said: progress, metrics over time, log lines")
async def job_events(
    *,
    request: fastapi.Request,
    job_id: JobId,
    after: Annotated[int, Query(description="Only events with higher numbers.", ge=0, lt=2**31)] = 0,
    kind: Annotated[list[EventKind] | None, Query(description="Only of these kinds; repeat for several.")] = None,
    wait: Annotated[
        float,
        Query(description="Wait up to so many seconds for an event.", ge=0, le=events.LONGEST_WAIT_SECONDS),
    ] = 0.0,
    limit: Limit = 1000,
) -> JobEvents:
    return await events.wait_for(
        parts.of(request), job_id, after=after, kinds=kind or (), limit=limit, wait_seconds=wait
    )


@router.post("/{job_id}/cancel", summary="Stop a job; a running one stops at its next step and keeps its checkpoint")
def cancel_job(session: Writing, actor: Actor, job_id: JobId) -> JobOut:
    return views.job(jobs.cancel(session, job_id, actor=actor))


@router.post("/{job_id}/retry", status_code=202, summary="Queue a failed or cancelled job again, from its checkpoint")
def retry_job(session: Writing, actor: Actor, job_id: JobId) -> JobOut:
    return views.job(jobs.retry(session, job_id, actor=actor))
