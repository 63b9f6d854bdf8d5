"""Frames of dataset versions: what they are, and which are meant."""

from typing import Annotated

from pydantic import Field

from nnp_client.wire.base import Wire
from nnp_client.wire.datasets import Split
from nnp_client.wire.paging import Limit

Symbol = Annotated[str, Field(pattern=r"^[A-Z][a-z]?$", description="Chemical symbol.")]
Text = Annotated[str, Field(max_length=200)]


class FrameOut(Wire):
    """A frame of a dataset version, without its arrays."""

    position: int = Field(description="0-based position in the version.")
    structure_id: str = Field(description="Content hash of the structure.")
    formula: str = Field(description="Chemical formula in Hill order.")
    n_atoms: int = Field(description="Number of atoms.")
    method: str | None = Field(description="Method of its label; null without a label.")
    energy_per_atom: float | None = Field(description="Energy in eV per atom; null without a label.")
    max_force: float | None = Field(description="Largest force on an atom in eV/Å; null without forces.")
    group: str | None = Field(description="Kind of structure, as in the data set; null when not given.")
    trajectory: str | None = Field(description="Frames of one trajectory are never split; null when not given.")
    split: Split = Field(description="The part of the version it belongs to.")
    name: str | None = Field(description="Free text of the data set; null when not given.")
    source_file: str | None = Field(description="File it was read from.")
    source_frame: int | None = Field(description="0-based number of the frame in the file.")
    source_line: int | None = Field(description="1-based line in the file.")


class FrameFilter(Wire):
    """Which frames are meant; everything stated must hold. Query parameters; repeat those that are lists."""

    element: list[Symbol] = Field(default=[], max_length=118, description="Elements that must all be present.")
    only_element: list[Symbol] = Field(default=[], max_length=118, description="No other elements than these.")
    formula: Text | None = Field(default=None, description="Chemical formula in Hill order.")
    group: list[Text] = Field(default=[], max_length=1000, description="One of these groups.")
    split: list[Split] = Field(default=[], max_length=3, description="One of these parts.")
    trajectory: Text | None = Field(default=None, description="This trajectory.")
    energy_per_atom_min: float | None = Field(default=None, description="Least energy in eV per atom.")
    energy_per_atom_max: float | None = Field(default=None, description="Greatest energy in eV per atom.")
    max_force_min: float | None = Field(default=None, description="Least value of the largest force, in eV/Å.")
    max_force_max: float | None = Field(default=None, description="Greatest value of the largest force, in eV/Å.")
    n_atoms_min: int | None = Field(default=None, ge=0, lt=2**31, description="Least number of atoms.")
    n_atoms_max: int | None = Field(default=None, ge=0, lt=2**31, description="Greatest number of atoms.")
    labelled: bool | None = Field(default=None, description="With (true) or without (false) a label.")


class FrameQuery(FrameFilter):
    """A page of the frames that are meant."""

    after: int = Field(default=-1, ge=-1, lt=2**31, description="Only positions above this; `next` of the page before.")
    limit: Limit = 100
