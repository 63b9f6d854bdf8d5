"""What determines a selection of symmetry functions besides recipe and data. Its JSON schema is a contract."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pydantic

from nnp.core import settings

Method = Literal["cur", "farthest_point", "lasso", "group_lasso", "matching_pursuit", "elimination", "genetic", "pca"]


class Selection(pydantic.BaseModel):
    """How to choose symmetry functions from the pool that a recipe means; the defaults suit any data set."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    method: Method = pydantic.Field("elimination", description="How functions are ranked (docs/selection.md).")
    count: int | None = pydantic.Field(
        None,
        ge=1,
        le=4096,
        description="Functions to keep; null = the fewest whose cross-validated error is within `tolerance` of the "
        "lowest of the curve.",
    )
    tolerance: float = pydantic.Field(
        0.05, ge=0.0, le=10.0, description="Error above the lowest that an automatic count accepts, as a fraction."
    )
    largest: Annotated[int, pydantic.Field(ge=1, le=4096)] = pydantic.Field(
        256, description="Largest count of the curve where `count` is null."
    )
    folds: int = pydantic.Field(4, ge=3, le=10, description="Folds of the cross-validation of the curve.")
    directions: int = pydantic.Field(
        8, ge=1, le=64, description="Random directions per structure along which forces are fitted."
    )
    atoms: int = pydantic.Field(
        5000, ge=10, le=1_000_000, description="Most atoms to look at; structures are drawn at random beyond it."
    )


def parse(data: Mapping[str, Any]) -> Selection:
    """Validate a selection given as JSON-like data.

    Raises:
        RecipeError: naming the first impossible field and the reason.
    """
    return settings.parsed(Selection, data, "selection")
