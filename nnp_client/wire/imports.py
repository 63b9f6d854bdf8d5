"""Importing a potential of another program: what goes with its files."""

from pydantic import Field

from nnp.core import units
from nnp_client.wire.base import Name, Wire
from nnp_client.wire.jobs import AliasName, DatasetVersionReference

UNITS_PATTERN = f"^({'|'.join(units.LENGTHS)}),({'|'.join(units.ENERGIES)})$"


class ImportOptions(Wire):
    """What goes with the files of a foreign potential; the body is a tar archive of them, or the one file."""

    name: Name = Field(description="Name of the potential; made if there is none of this name.")
    filename: str = Field(
        default="potential.tar",
        max_length=255,
        pattern=r"^[^/\\\x00-\x1f]+$",
        description="Name of the body as a file; stands in error messages.",
    )
    units: str | None = Field(
        default=None,
        pattern=UNITS_PATTERN,
        description="Length and energy unit of the files, bohr,hartree or angstrom,ev; null means the format's own.",
    )
    replicas_from: DatasetVersionReference | None = Field(
        default=None,
        description="Train replicas on the structures of this dataset version; labels, where it has some, are compared "
        "with. Null means no replicas.",
    )
    alias: AliasName = "production"
    note: str = Field(default="", max_length=2000, description="What it is, in your words.")
    licence: str | None = Field(default=None, max_length=200, description="Licence of the potential.")
    authors: str | None = Field(default=None, max_length=2000, description="Who made it; stands on the card.")
    citation: str | None = Field(default=None, max_length=2000, description="How to cite it; stands on the card.")
