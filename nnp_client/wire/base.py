"""What every wire model shares: closed, frozen, finite numbers, every field described."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
DATASET_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(:[1-9][0-9]{0,8})?$"
SHA256_PATTERN = r"^[0-9a-f]{64}$"

Name = Annotated[
    str,
    Field(
        pattern=NAME_PATTERN,
        description="1 to 64 letters, digits, dots, underscores and hyphens; begins with a letter or a digit.",
    ),
]
Sha256 = Annotated[str, Field(pattern=SHA256_PATTERN, description="SHA-256 of the content, 64 hexadecimal digits.")]


class Wire(BaseModel):
    """A closed model: an unknown field is an error, and a value does not change after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null", protected_namespaces=())
