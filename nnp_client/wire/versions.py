"""What can be asked of any version, of a dataset or of a potential: withdrawal, deletion, lineage."""

from typing import Any

from pydantic import Field

from nnp_client.wire.base import Sha256, Wire


class Withdraw(Wire):
    """Withdraw a version: it stays, shows as withdrawn, and so do its descendants."""

    reason: str = Field(min_length=1, max_length=2000, description="Why, for everybody to read.")


class Deletion(Wire):
    """What a deletion removes."""

    reference: str = Field(description="The version.")
    deleted: bool = Field(description="False for a dry run: nothing was removed.")
    artifacts: list[Sha256] = Field(description="Bytes that nothing else refers to; `nnpd collect` removes them.")
    bytes: int = Field(description="Their size.")


class Lineage(Wire):
    """Where a version comes from."""

    reference: str = Field(description='Name and number, "Si:3" or "si-pbe:2".')
    lineage: dict[str, Any] = Field(
        description="Of a potential: job, recipe, dataset version, parents, code and package versions; of a dataset "
        "version: job, parents, what was made from it and trained on it."
    )
