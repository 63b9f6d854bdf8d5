"""Health: whether the process lives, and whether it can do its work."""

from typing import Literal

from pydantic import Field

from nnp_client.wire.base import Wire


class Health(Wire):
    """The process answers."""

    status: Literal["ok"] = Field(description="Always ok; a process that hangs answers 503 or not at all.")
    version: str = Field(description="Version of the service.")


class Readiness(Wire):
    """The process can do its work."""

    status: Literal["ready"] = Field(description="Always ready; otherwise the answer is an error with status 503.")
    database: str = Field(description="Kind of the database, sqlite or postgresql.")
    broker: str = Field(description="Kind of the broker, filesystem or redis.")
