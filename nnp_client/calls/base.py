"""What all calls share: the transport, pages, and reading answers into wire models."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import pydantic

from nnp_client import errors
from nnp_client.transport import Transport

Model = TypeVar("Model", bound=pydantic.BaseModel)


class Calls:
    """A part of the client.

    Args:
        transport: Sends the requests.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _pages(self, model: type[Model], path: str, params: Mapping[str, Any]) -> Iterator[Model]:
        after: str | None = None
        while True:
            page = self._transport.request("GET", path, params={**params, "after": after})
            for item in page["items"]:
                yield parse(model, item)
            after = page["next"]
            if after is None:
                return


def parse(model: type[Model], value: Any) -> Model:
    """The answer as a wire model.

    Raises:
        ContractError: It is none.
    """
    try:
        return model.model_validate(value)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise errors.ContractError(f"{errors.ContractError.__doc__} ({place}: {first['msg']})") from error


def dataset_path(reference: str) -> str:
    """The path of a dataset version "si-pbe:2"."""
    return f"/v1/datasets/{_split(reference, 'si-pbe:2')}"


def version_path(reference: str) -> str:
    """The path of a potential version "Si:3"."""
    return f"/v1/potentials/{_split(reference, 'Si:3')}"


def _split(reference: str, example: str) -> str:
    name, separator, number = reference.partition(":")
    if not (separator and name and number.isdecimal()):
        raise ValueError(f"{reference!r} does not name a version; write it as {example}")
    return f"{name}/versions/{number}"
