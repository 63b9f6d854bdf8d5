"""Pages of lists."""

from typing import Annotated, Generic, TypeVar

from pydantic import Field

from nnp_client.wire.base import Wire

Item = TypeVar("Item")
MAX_LIMIT = 1000

Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Longest page.")]


class Page(Wire, Generic[Item]):
    """Part of a list."""

    items: list[Item] = Field(description="The entries of this page.")
    next: str | None = Field(description="Give it as `after` for the next page; null on the last one.")
