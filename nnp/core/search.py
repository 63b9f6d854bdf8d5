"""What determines a search for hyperparameters besides recipe and data. Its JSON schema is a contract."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pydantic

from nnp.core import settings

Varied = Literal["networks", "activation", "functions", "cutoff", "loss"]
EVERYTHING: tuple[Varied, ...] = ("networks", "activation", "functions", "cutoff", "loss")


class Search(pydantic.BaseModel):
    """How to look for a better recipe near a given one; the defaults suit any data set."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    vary: Annotated[tuple[Varied, ...], pydantic.Field(min_length=1)] = pydantic.Field(
        EVERYTHING,
        description="What may change: layers and nodes, activation, number of functions, cutoff, energy weight of the "
        "loss.",
    )
    steps: int = pydantic.Field(
        20_000,
        ge=10,
        le=100_000_000,
        description="Budget of all trials together in optimiser steps; the cross-validation comes on top.",
    )
    trial_steps: int | None = pydantic.Field(
        None,
        ge=1,
        le=1_000_000,
        description="Steps of a trial that is not cut short; null = a twentieth of the budget.",
    )
    folds: int = pydantic.Field(
        5, ge=2, le=10, description="Folds of the cross-validation of the given and of the best recipe."
    )
    prune: bool = pydantic.Field(
        True, description="Cut trials short whose validation error is above the median of those before at that epoch."
    )


def parse(data: Mapping[str, Any]) -> Search:
    """Validate a search given as JSON-like data.

    Raises:
        RecipeError: naming the first impossible field and the reason.
    """
    return settings.parsed(Search, data, "search")
