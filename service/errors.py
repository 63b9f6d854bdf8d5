"""The only table from errors to HTTP: status by class, and the body that a caller gets.

Errors of the service itself:

ServiceError
├── BodyError            400  not readable as what its Content-Type says
├── MediaError           415
├── FieldError           422  one field or parameter at fault
├── KeyMissingError      401
├── KeyRefusedError      403
├── GateRefusedError     409  a promotion that the gates do not allow
├── LimitsRefusedError   409  a promotion that does not accept the version's limits
├── GoneError            499  the caller left; nobody reads the answer
├── OverloadedError      503  with Retry-After
└── UnreadyError         503  database, broker or artifact store does not answer
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import fastapi
import pydantic
import structlog
from fastapi import exceptions as fastapi_exceptions
from sqlalchemy import exc as sqlalchemy_exceptions
from starlette import exceptions as starlette_exceptions

from models_store import errors as store_errors
from nnp.core import errors as core_errors
from nnp.core.recipe import KINDS
from nnp_client.wire import arrays
from nnp_client.wire import errors as wire
from nnp_client.wire.jobs import JobKind

log = structlog.get_logger(__name__)


class ServiceError(Exception):
    """The service cannot do this."""

    code: ClassVar[str] = "service_error"
    advice: str | None = None
    field: str | None = None
    headers: Mapping[str, str] | None = None

    def __init__(self, message: str | None = None, *, advice: str | None = None, field: str | None = None) -> None:
        super().__init__(message or self.__doc__)
        self.advice = advice or self.advice
        self.field = field or self.field


class BodyError(ServiceError):
    """The body is not readable as what its Content-Type says."""

    code = "body_unreadable"


class MediaError(ServiceError):
    """The service does not know this Content-Type."""

    code = "media_type_unknown"


class FieldError(ServiceError):
    """A field or parameter has no possible value."""

    code = "field_invalid"


class KeyMissingError(ServiceError):
    """The service wants an API key."""

    code = "key_missing"
    advice = "Send it as the header Authorization: Bearer KEY (nnp: NNPD_API_KEY)."
    headers: Mapping[str, str] | None = MappingProxyType({"WWW-Authenticate": "Bearer"})


class KeyRefusedError(ServiceError):
    """The API key is unknown, revoked, or does not allow this."""

    code = "key_refused"


class GateRefusedError(ServiceError):
    """The gates do not allow the promotion."""

    code = "gate_refused"


class LimitsRefusedError(ServiceError):
    """The version has limits that the promotion does not accept."""

    code = "limits_refused"


class GoneError(ServiceError):
    """The caller left before the answer."""

    code = "caller_gone"


class OverloadedError(ServiceError):
    """The queue of predictions is full."""

    code = "overloaded"
    advice = "Repeat the request after the number of seconds in Retry-After."

    def __init__(self, message: str | None = None, *, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.headers = {"Retry-After": str(max(1, round(retry_after_seconds)))}


class UnreadyError(ServiceError):
    """A part that the service depends on does not answer."""

    code = "unready"
    headers: Mapping[str, str] | None = MappingProxyType({"Retry-After": "2"})


UNANSWERED = (sqlalchemy_exceptions.OperationalError, sqlalchemy_exceptions.TimeoutError)
"""What SQLAlchemy raises when the database does not answer."""

PLACES = frozenset({"body", "query", "path", "header"})
"""What pydantic begins a path with and callers did not write; the kind of a job may follow."""

STATUSES: dict[type[Exception], int] = {
    core_errors.NnpError: 500,
    core_errors.InputError: 422,
    core_errors.CoverageError: 422,
    core_errors.RecipeError: 422,
    store_errors.StoreError: 500,
    store_errors.NotFound: 404,
    store_errors.Conflict: 409,
    store_errors.Invalid: 422,
    store_errors.StorageFull: 507,
    store_errors.SetupError: 503,
    ServiceError: 500,
    BodyError: 400,
    KeyMissingError: 401,
    KeyRefusedError: 403,
    MediaError: 415,
    FieldError: 422,
    GateRefusedError: 409,
    LimitsRefusedError: 409,
    GoneError: 499,
    OverloadedError: 503,
    UnreadyError: 503,
}
"""Status of each error class; a subclass without an entry has that of its nearest base."""


def status_of(error: Exception) -> int | None:
    """The HTTP status of an error; None when it is none that a caller should read."""
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), None)


def detail_of(error: Exception, request_id: str) -> wire.ErrorDetail:
    """What a caller reads of an error; an unknown one is hidden."""
    if status_of(error) is None:
        return wire.ErrorDetail(
            code="internal_error",
            message="The service failed in a way that it did not foresee; nothing was changed.",
            advice="The service's log has the cause under this request_id.",
            field=None,
            request_id=request_id,
        )
    return wire.ErrorDetail(
        code=getattr(error, "code", "error"),
        message=str(error),
        advice=getattr(error, "advice", None),
        field=getattr(error, "field", None),
        request_id=request_id,
    )


def install(app: fastapi.FastAPI) -> None:
    """Answer every error of an application in the wire's form."""
    for kind in (core_errors.NnpError, store_errors.StoreError, ServiceError):
        app.add_exception_handler(kind, _known)
    app.add_exception_handler(fastapi_exceptions.RequestValidationError, _invalid)
    app.add_exception_handler(starlette_exceptions.HTTPException, _http)
    for unanswered in UNANSWERED:
        app.add_exception_handler(unanswered, _database)


def respond(request: fastapi.Request, detail: wire.ErrorDetail, status: int, headers: Any = None) -> fastapi.Response:
    """The error body, in MessagePack when the caller asked for that."""
    body = wire.ErrorBody(error=detail)
    if arrays.CONTENT_TYPE in request.headers.get("accept", ""):
        return fastapi.Response(
            arrays.pack(body.model_dump()), status_code=status, media_type=arrays.CONTENT_TYPE, headers=headers
        )
    return fastapi.Response(body.model_dump_json(), status_code=status, media_type="application/json", headers=headers)


def request_id_of(request: fastapi.Request) -> str:
    """The identifier that the request has in the log."""
    return request.scope.get("nnpd.request_id", "")


def from_validation(error: pydantic.ValidationError) -> FieldError:
    """The first problem that pydantic found in what a caller sent."""
    sentence, field = _first_problem(error.errors(include_url=False, include_context=False))
    return FieldError(sentence, field=field)


async def unhandled(request: fastapi.Request, error: Exception) -> fastapi.Response:
    """Log an error that no handler took, hide it, and answer 500 (503 if it is the database that does not answer)."""
    if isinstance(error, UNANSWERED):
        return await _database(request, error)
    request_id = request_id_of(request)
    log.error("request_failed", request_id=request_id, path=request.url.path, exc_info=error)
    return respond(request, detail_of(error, request_id), 500)


async def _known(request: fastapi.Request, error: Exception) -> fastapi.Response:
    status = status_of(error) or 500
    if status >= 500:
        log.warning(
            "request_refused", request_id=request_id_of(request), code=getattr(error, "code", ""), error=str(error)
        )
    return respond(request, detail_of(error, request_id_of(request)), status, getattr(error, "headers", None))


async def _invalid(request: fastapi.Request, error: Exception) -> fastapi.Response:
    assert isinstance(error, fastapi_exceptions.RequestValidationError)
    problems = error.errors()
    if problems[0]["type"] == "json_invalid":
        return await _known(request, BodyError("The body is not JSON."))
    sentence, field = _first_problem(problems)
    return await _known(request, FieldError(sentence, field=field))


async def _http(request: fastapi.Request, error: Exception) -> fastapi.Response:
    assert isinstance(error, starlette_exceptions.HTTPException)
    code, sentence = {
        400: ("body_unreadable", str(error.detail)),
        404: ("route_not_found", f"There is nothing at {request.url.path}."),
        405: ("method_not_allowed", f"{request.method} is not possible at {request.url.path}."),
        413: ("body_too_large", "The body is larger than the service takes."),
    }.get(error.status_code, ("http_error", str(error.detail)))
    detail = wire.ErrorDetail(
        code=code,
        message=sentence,
        advice="/v1/docs lists what there is." if error.status_code in (404, 405) else None,
        field=None,
        request_id=request_id_of(request),
    )
    return respond(request, detail, error.status_code, error.headers)


async def _database(request: fastapi.Request, error: Exception) -> fastapi.Response:
    log.error("database_failed", request_id=request_id_of(request), path=request.url.path, exc_info=error)
    unready = UnreadyError("The database does not answer.", advice="Repeat the request in a moment.")
    return respond(request, detail_of(unready, request_id_of(request)), 503, unready.headers)


def _first_problem(problems: Any) -> tuple[str, str | None]:
    first = problems[0]
    field = ".".join(_path(first["loc"])) or None
    sentence = str(first["msg"]).removeprefix("Value error, ")
    more = f" ({len(problems) - 1} more problems)" if len(problems) > 1 else ""
    return (f"{field}: {sentence}{more}" if field else sentence + more), field


def _path(location: Sequence[str | int]) -> list[str]:
    """The path as the caller wrote it."""
    parts = [str(part) for part in location]
    for leading in (PLACES, set(JobKind)):
        if parts and parts[0] in leading:
            parts = parts[1:]
    recipe = parts.index("recipe") if "recipe" in parts else len(parts)
    return [part for index, part in enumerate(parts) if index < recipe or part not in KINDS]
