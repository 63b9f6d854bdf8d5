"""From an exception to what the owner of the job reads: a code, a sentence with advice, whether a retry can help."""

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models_store.errors import LabelConflict, StorageFull, StoreError
from nnp.core.errors import DivergedError, NnpError, ReadError

Rejections = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a job failed.

    `retryable`: asking again may help. `pause_seconds`: so may waiting, and the job is tried again by itself.
    `rejections`: the frames at fault. `traceback`: the fault is ours and not the input's.
    """

    code: str
    message: str
    retryable: bool = False
    pause_seconds: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    rejections: Rejections = ()
    traceback: bool = False


class JobRefused(Exception):
    """The job's input cannot be used.

    Attributes:
        code: of the job's error.
        rejections: the frames at fault: file, frame, line, reason.
    """

    def __init__(self, code: str, message: str, *, rejections: Rejections = ()) -> None:
        super().__init__(message)
        self.code = code
        self.rejections = rejections


def explain(error: Exception) -> Failure:
    """What to write down about `error`."""
    if isinstance(error, JobRefused):
        return Failure(code=error.code, message=str(error), rejections=error.rejections)
    if isinstance(error, DivergedError):
        return Failure(
            code=error.code,
            message=f"{error} Its checkpoint is kept.",
            detail={"epoch": error.epoch, "reason": error.reason},
        )
    if _is_disk_full(error):
        return Failure(
            code="disk_full",
            message=f"No space is left on the disk ({error}). Once there is, the job goes on from its checkpoint.",
            retryable=True,
            pause_seconds=30.0,
        )
    if isinstance(error, MemoryError):
        return Failure(
            code="out_of_memory",
            message="The worker had too little memory. A smaller batch_size needs less.",
            retryable=True,
        )
    if isinstance(error, LabelConflict):
        return Failure(code=error.code, message=f"{error}; {error.advice}", rejections=error.rejections)
    if isinstance(error, ReadError):
        place = {"file": error.file, "frame": error.frame, "line": error.line}
        detail = {name: value for name, value in place.items() if value is not None}
        return Failure(code=error.code, message=str(error), detail=detail)
    if isinstance(error, NnpError | StoreError):
        advice = getattr(error, "advice", None)
        return Failure(code=error.code, message=f"{error}; {advice}" if advice else str(error))
    return Failure(
        code="internal_error",
        message=f"The program itself failed ({type(error).__name__}: {error}); the worker's log has more.",
        retryable=True,
        traceback=True,
    )


def _is_disk_full(error: BaseException | None) -> bool:
    """Whether a full disk (or quota) is at the bottom of `error`, whoever wrapped it."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return True
        if isinstance(error, StorageFull) or "database or disk is full" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
