"""Datasets: versions, statistics, frames, and what an upload answers."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from nnp_client.wire.base import Name, Sha256, Wire
from nnp_client.wire.jobs import JobOut


class DatasetState(StrEnum):
    """Where a dataset version is."""

    INGESTING = "ingesting"
    READY = "ready"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Split(StrEnum):
    """The part of a dataset version that a frame belongs to."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Rejection(Wire):
    """A frame that was not taken."""

    file: str = Field(description="Name of the uploaded file.")
    frame: int | None = Field(description="0-based number of the frame; null when unknown.")
    line: int | None = Field(description="1-based line; null when unknown or the format has no lines.")
    reason: str = Field(description="Why.")


class DatasetVersionOut(Wire):
    """A version of a dataset: a fixed set of frames."""

    reference: str = Field(description='Name and number, "si-pbe:2".')
    dataset: str = Field(description="Name of the dataset.")
    number: int = Field(description="Number of the version, from 1.")
    state: DatasetState = Field(description="Where it is.")
    parent: str | None = Field(description="The version it was made from by leaving frames out; null when uploaded.")
    job_id: str | None = Field(description="The job that made it; null when none did.")
    source_sha256: Sha256 | None = Field(description="SHA-256 of the uploaded file; null when not uploaded.")
    content_hash: Sha256 | None = Field(description="Hash of its frames in order; null until it is ready.")
    statistics: dict[str, Any] | None = Field(
        description="Numbers of frames and atoms, elements, methods, groups, splits; ranges of atoms, energy (eV/atom)"
        " and largest force (eV/Å); null until it is ready."
    )
    rejections: list[Rejection] = Field(description="Frames that were not taken.")
    reason: str | None = Field(description="Why it was rejected or withdrawn; null when it was not.")
    note: str = Field(description="What it is, in the words of who made it.")
    created_by: str | None = Field(description="Name of the API key that made it; null when keys are not used.")
    created_at: datetime = Field(description="When it was begun.")
    frozen_at: datetime | None = Field(description="When it was complete; null before.")
    withdrawn_at: datetime | None = Field(description="When it was withdrawn; null when it was not.")
    withdrawn_ancestors: list[str] = Field(description="What it was made from and was withdrawn since, in sentences.")


class DatasetOut(Wire):
    """A dataset."""

    name: str = Field(description="Name of the dataset.")
    description: str = Field(description="What it is.")
    created_by: str | None = Field(description="Name of the API key that made it; null when keys are not used.")
    created_at: datetime = Field(description="When it was made.")
    versions: list[str] = Field(description="References of its versions, oldest first.")
    latest: DatasetVersionOut | None = Field(description="Its newest version; null when it has none.")


class Upload(Wire):
    """An upload was taken; its job reads the file."""

    job: JobOut = Field(description="The job that reads the file.")
    dataset_version: DatasetVersionOut = Field(
        description="The version that will hold the frames. When the frames were uploaded before, the job's result "
        "names the older version, and this one goes away."
    )


class Exclude(Wire):
    """Make a new version without some frames."""

    positions: list[Annotated[int, Field(ge=0)]] = Field(
        default=[], max_length=100_000, description="0-based positions of the frames to leave out."
    )
    groups: list[Annotated[str, Field(max_length=200)]] = Field(
        default=[], max_length=1000, description="Groups to leave out."
    )
    structure_ids: list[Sha256] = Field(
        default=[], max_length=100_000, description="Content hashes of structures to leave out."
    )
    note: str = Field(default="", max_length=2000, description="Why, in your words.")


class Difference(Wire):
    """A structure that both versions have and treat differently."""

    structure_id: str = Field(description="Content hash of the structure.")
    before: str = Field(description="In the first version.")
    after: str = Field(description="In the second version.")


class Comparison(Wire):
    """What changed from one dataset version to another, by structure."""

    before: str = Field(description="Reference of the first version.")
    after: str = Field(description="Reference of the second version.")
    unchanged: int = Field(description="Number of structures that are the same in both, with label, group and split.")
    added: list[str] = Field(description="Content hashes of structures only in the second version.")
    removed: list[str] = Field(description="Content hashes of structures only in the first version.")
    relabelled: list[Difference] = Field(description="Structures with other labels.")
    resplit: list[Difference] = Field(description="Structures in another part.")
    regrouped: list[Difference] = Field(description="Structures in another group.")


class UploadOptions(Wire):
    """How to read an uploaded file; query parameters of the upload."""

    name: Name = Field(description="Name of the dataset; made if there is none of this name.")
    filename: str = Field(
        default="upload.extxyz",
        max_length=255,
        pattern=r"^[^/\\\x00-\x1f]+$",
        description="Name of the file: tells the format and stands in error messages.",
    )
    format: str | None = Field(
        default=None,
        max_length=40,
        pattern=r"^[a-z0-9-]+$",
        description="Format of the file (docs/api.md lists them); null means by its name and content.",
    )
    energy_key: str | None = Field(
        default=None,
        max_length=64,
        description="Where the energy is whose derivative the forces are; null: free_energy.",
    )
    forces_key: str | None = Field(default=None, max_length=64, description="Where the forces are; null: forces.")
    stress_key: str | None = Field(default=None, max_length=64, description="Where the stress is; null: stress.")
    virial_key: str | None = Field(default=None, max_length=64, description="Where the virial is; null: virial.")
    group_key: str | None = Field(default=None, max_length=64, description="Where the group is; null: group.")
    trajectory_key: str | None = Field(default=None, max_length=64, description="Where the trajectory is.")
    split_key: str | None = Field(default=None, max_length=64, description="Where the split is; null: split.")
    charge_key: str | None = Field(default=None, max_length=64, description="Where the charge is; null: charge.")
    spin_key: str | None = Field(
        default=None, max_length=64, description="Where the total magnetic moment (Bohr magnetons) is; null: magmom."
    )
    electronic_temperature_key: str | None = Field(
        default=None, max_length=64, description="Where the electronic temperature (K) is."
    )
    name_key: str | None = Field(
        default=None, max_length=64, description="Where a free text of the frame is; null: name."
    )
    length_unit: Literal["angstrom", "bohr", "nm"] | None = Field(
        default=None, description="Unit of lengths in the file; null: the format's own (Å; RuNNer Bohr)."
    )
    energy_unit: Literal["eV", "Hartree", "Rydberg", "meV"] | None = Field(
        default=None, description="Unit of energies in the file; null: the format's own (eV; RuNNer Hartree)."
    )
    on_error: Literal["raise", "skip"] = Field(
        default="raise", description="A bad frame rejects the upload (raise), or is listed and left out (skip)."
    )
    require_labels: bool | None = Field(
        default=None,
        description="True: a frame without an energy is a bad frame; false: structures without labels are meant; null: "
        "frames may be unlabelled, but not those that keep energies or forces under names that nobody mapped.",
    )
    method: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="Name of the method (code, functional, settings) of the labels; null: named as the dataset.",
    )
    method_record: str | None = Field(
        default=None, max_length=10_000, description="The method's settings as a JSON object; null means none given."
    )
    test_fraction: float = Field(
        default=0.1, ge=0.0, lt=1.0, description="Part of the frames kept for the test where the file does not say."
    )
    seed: int = Field(default=0, ge=0, lt=2**31, description="Seed of the split.")
    note: str = Field(default="", max_length=2000, description="What this version is, in your words.")
    licence: str | None = Field(default=None, max_length=200, description="Licence of the data, such as CC-BY-4.0.")
    authors: str | None = Field(default=None, max_length=1000, description="Who made the data; stands on the cards.")
    citation: str | None = Field(
        default=None, max_length=2000, description="How to cite the data; stands on the cards."
    )
