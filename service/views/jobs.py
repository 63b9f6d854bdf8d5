"""Jobs and their events as wire models."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from models_store.tables import Job, JobEvent
from nnp_client.wire import jobs as wire


def job(row: Job) -> wire.JobOut:
    return wire.JobOut(
        id=row.id,
        kind=wire.JobKind(row.kind),
        state=wire.JobState(row.state),
        queue=row.queue,
        request=row.payload,
        progress=progress(row.progress),
        result=row.result,
        error=_failure(row.error),
        attempt=row.attempt,
        lost_attempts=row.lost_attempts,
        cancel_requested=row.cancel_requested,
        last_event=row.last_event,
        parent_id=row.parent_id,
        created_by=row.created_by,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def progress(data: Mapping[str, Any] | None) -> wire.JobProgress | None:
    if data is None:
        return None
    return wire.JobProgress(
        stage=_text(data.get("stage")),
        epoch=_whole(data.get("epoch")),
        epochs=_whole(data.get("epochs")),
        fraction=_number(data.get("fraction")),
        seconds_left=_number(data.get("seconds_left")),
        metrics={str(name): _number(value) for name, value in (data.get("metrics") or {}).items()},
        message=_text(data.get("message")),
    )


def events(row: Job, entries: Sequence[JobEvent], after: int) -> wire.JobEvents:
    return wire.JobEvents(
        events=[
            wire.EventOut(
                number=entry.number,
                at=entry.at,
                attempt=entry.attempt,
                kind=wire.EventKind(entry.kind),
                data=entry.data,
            )
            for entry in entries
        ],
        last=entries[-1].number if entries else after,
        state=wire.JobState(row.state),
        progress=progress(row.progress),
    )


def _failure(error: Mapping[str, Any] | None) -> wire.JobFailure | None:
    if error is None:
        return None
    return wire.JobFailure(
        code=str(error.get("code", "job_failed")),
        message=str(error.get("message", "the job failed")),
        retryable=bool(error.get("retryable", False)),
        detail=error.get("detail"),
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
