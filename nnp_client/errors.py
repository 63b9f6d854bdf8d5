"""The errors of the client: a small tree whose sentences a user can act on.

ClientError
├── UnreachableError      no answer: refused, reset, unknown host
├── TimedOutError         no answer within the time allowed
├── ContractError         an answer that is none of this service's
├── IntegrityError        downloaded bytes differ from their hash
├── JobError              a job that was waited for failed or was cancelled
└── ApiError              the service answered with an error body
    ├── InvalidError      400, 413, 415, 422: the input cannot be used
    ├── KeyRefusedError   401, 403
    ├── NotFoundError     404
    ├── ConflictError     409, 410: the state of the registry does not allow it
    ├── BusyError         429, 503: try again later
    └── ServiceError      other 5xx
"""

from nnp_client.wire import errors as wire


class ClientError(Exception):
    """Something went wrong between this program and the service."""


class UnreachableError(ClientError):
    """The service cannot be reached."""


class TimedOutError(ClientError):
    """The service did not answer in time."""


class ContractError(ClientError):
    """The answer is not one of this service; is the URL right, and is the client as new as the service?"""


class IntegrityError(ClientError):
    """The downloaded bytes do not have the announced SHA-256."""


class JobError(ClientError):
    """The job did not succeed.

    Attributes:
        job_id: Identifier of the job.
        state: Its final state, "failed" or "cancelled".
    """

    def __init__(self, message: str, *, job_id: str, state: str) -> None:
        super().__init__(message)
        self.job_id = job_id
        self.state = state


class ApiError(ClientError):
    """The service answered with an error.

    Attributes:
        status: HTTP status; of an error in the place of one structure of a batch, 422.
        code: Stable name of the error.
        advice: What to do about it, if anything.
        field: The field or parameter at fault, if any.
        request_id: The request, as in the service's log.
    """

    def __init__(self, detail: wire.ErrorDetail, *, status: int) -> None:
        super().__init__(f"{detail.message.rstrip('.')}. {detail.advice}" if detail.advice else detail.message)
        self.status = status
        self.code = detail.code
        self.message = detail.message
        self.advice = detail.advice
        self.field = detail.field
        self.request_id = detail.request_id


class InvalidError(ApiError):
    """The input cannot be used."""


class KeyRefusedError(ApiError):
    """The service wants an API key, or another one."""


class NotFoundError(ApiError):
    """There is nothing of this name or version."""


class ConflictError(ApiError):
    """The state of the registry does not allow it."""


class BusyError(ApiError):
    """The service has no room now; try again later."""


class ServiceError(ApiError):
    """The service failed."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidError,
    401: KeyRefusedError,
    403: KeyRefusedError,
    404: NotFoundError,
    409: ConflictError,
    410: ConflictError,
    413: InvalidError,
    415: InvalidError,
    422: InvalidError,
    429: BusyError,
    503: BusyError,
}


def from_detail(detail: wire.ErrorDetail, *, status: int = 422) -> ApiError:
    """The error for an error body.

    Args:
        detail: What the service said.
        status: HTTP status of the answer.
    """
    kind = _BY_STATUS.get(status, ServiceError if status >= 500 else ApiError)
    return kind(detail, status=status)
