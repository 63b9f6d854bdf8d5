"""Parameters that several routes take."""

from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request

from nnp_client.wire.base import NAME_PATTERN
from nnp_client.wire.paging import MAX_LIMIT
from service import keys

JobId = Annotated[str, Path(description="Identifier of the job.", pattern=r"^[A-Za-z0-9_-]{1,64}$")]
DatasetName = Annotated[str, Path(description="Name of the dataset.", pattern=NAME_PATTERN)]
PotentialName = Annotated[str, Path(description="Name of the potential.", pattern=NAME_PATTERN)]
AliasName = Annotated[str, Path(description="Name of the alias.", pattern=NAME_PATTERN)]
Number = Annotated[int, Path(description="Number of the version.", ge=1, lt=2**31)]
DryRun = Annotated[bool, Query(description="Only say what would be removed.")]
Limit = Annotated[int, Query(description="Longest page.", ge=1, le=MAX_LIMIT)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        description="Chosen by the caller: the same key again gives the job that was submitted with it.",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
    ),
]
Elements = Annotated[
    list[str] | None,
    Query(
        alias="element",
        description="Chemical symbol that must be covered; repeat the parameter for several.",
        max_length=118,
    ),
]


def _actor(request: Request) -> str | None:
    return keys.actor_of(request)


Actor = Annotated[str | None, Depends(_actor)]
