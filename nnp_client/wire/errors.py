"""The error body: the same for every route, and in the place of a bad structure of a batch."""

from pydantic import Field

from nnp_client.wire.base import Wire


class ErrorDetail(Wire):
    """What went wrong, for programs (`code`) and for people (`message`, `advice`)."""

    code: str = Field(description="Stable snake_case name of the error; docs/api.md lists them.")
    message: str = Field(description="One sentence that says what is wrong.")
    advice: str | None = Field(description="What to do about it; null when there is nothing to add.")
    field: str | None = Field(description="The field or parameter at fault, as a dotted path; null when none is.")
    request_id: str = Field(description="Identifier of the request, as in the service's log and X-Request-ID.")


class ErrorBody(Wire):
    """The body of every answer with a status of 400 or above."""

    error: ErrorDetail = Field(description="What went wrong.")
