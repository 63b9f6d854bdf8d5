"""Settings given as JSON-like data: closed models, and one error that names the first impossible field."""

from collections.abc import Mapping
from typing import Any, TypeVar

import pydantic

from nnp.core import errors

Model = TypeVar("Model", bound=pydantic.BaseModel)


def parsed(model: type[Model], data: Mapping[str, Any], name: str) -> Model:
    """Validate settings.

    Args:
        model: their class.
        data: the fields; missing ones take their defaults.
        name: of the whole, with which the field's name begins.

    Raises:
        RecipeError: naming the first impossible field and the reason.
    """
    try:
        return model.model_validate(data)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in (name, *first["loc"]))
        raise errors.RecipeError(field=field, reason=first["msg"]) from None
