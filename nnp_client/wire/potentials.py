"""Potentials: versions, gates, aliases, cards, lineage."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from nnp_client.wire.base import Sha256, Wire


class PotentialState(StrEnum):
    """Whether a potential version may be used."""

    AVAILABLE = "available"
    WITHDRAWN = "withdrawn"


class ArtifactOut(Wire):
    """Bytes of a potential version."""

    role: str = Field(description="What they are: onnx_float32, onnx_float64, checkpoint, ...")
    sha256: Sha256 = Field(description="SHA-256 of the bytes.")
    size: int = Field(description="Number of bytes.")
    media_type: str = Field(description="Media type.")


class GateCheck(Wire):
    """One condition of promotion."""

    name: str = Field(description="Name of the gate: physics_contract, finite_test_errors, not_worse_than_incumbent.")
    passed: bool = Field(description="Whether it holds.")
    detail: str = Field(description="One sentence with the numbers.")
    values: dict[str, Any] = Field(description="The numbers; the unit is in the name.")


class GateReport(Wire):
    """Whether a version may be promoted."""

    passed: bool = Field(description="Whether every gate holds.")
    dataset_version: str | None = Field(description="The dataset version whose test split was used.")
    alias: str | None = Field(description="The alias that the version was measured for.")
    incumbent: str | None = Field(description="The version behind that alias then; null when there was none.")
    checks: list[GateCheck] = Field(description="Each gate.")


class Limit(Wire):
    """Something that a potential cannot do because of its form, such as an energy that jumps at the cutoff."""

    code: str = Field(description="Stable name: hard_cutoff, no_repulsion, ...")
    sentence: str = Field(description="What it means.")


class PotentialVersionOut(Wire):
    """A version of a potential: never changes, except that it may be withdrawn or gated again."""

    reference: str = Field(description='Name and number, "Si:3".')
    name: str = Field(description="Name of the potential.")
    number: int = Field(description="Number of the version, from 1.")
    state: PotentialState = Field(description="Whether it may be used.")
    reason: str | None = Field(description="Why it was withdrawn; null when it was not.")
    elements: list[str] = Field(description="Chemical symbols that it covers.")
    manifest: dict[str, Any] = Field(description="What the ONNX file says of itself; docs/onnx.md.")
    metrics: dict[str, Any] = Field(description="Errors by split and group; the unit is in the name.")
    gates: GateReport | None = Field(description="Whether it may be promoted; null when not measured.")
    limits: list[Limit] = Field(description="What its form cannot do; a promotion must accept each by its code.")
    origin: dict[str, Any] | None = Field(
        description="Format, files with their SHA-256 and units of an imported version; null when trained here."
    )
    artifacts: list[ArtifactOut] = Field(description="Its bytes.")
    aliases: list[str] = Field(description="Aliases that point at it now.")
    job_id: str | None = Field(description="The job that made it; null when none did.")
    recipe: dict[str, Any] | None = Field(description="The recipe; null when it was not trained here.")
    recipe_hash: str | None = Field(description="SHA-256 of the recipe; null when it was not trained here.")
    dataset_version: str | None = Field(description="The dataset version it was trained on; null when not known.")
    parent: str | None = Field(description="The version whose weights it started from; null when none.")
    code_version: str = Field(description="Version of nnpd that made it.")
    package_versions: dict[str, Any] = Field(description="Versions of the packages that made it.")
    created_by: str | None = Field(description="Name of the API key it was made with; null when keys are not used.")
    created_at: datetime = Field(description="When it was registered.")
    withdrawn_at: datetime | None = Field(description="When it was withdrawn; null when it was not.")
    withdrawn_ancestors: list[str] = Field(description="What it learnt from and was withdrawn since, in sentences.")


class AliasOut(Wire):
    """A name that points at one version of a potential."""

    reference: str = Field(description='"Si@production".')
    potential: str = Field(description="Name of the potential.")
    alias: str = Field(description="Name of the alias.")
    version: int = Field(description="Number of the version it points at.")
    moved_at: datetime = Field(description="When it was moved there.")


class PotentialOut(Wire):
    """A potential: a name for a line of versions."""

    name: str = Field(description="Name of the potential.")
    description: str = Field(description="What it is.")
    created_by: str | None = Field(description="Name of the API key it was made with; null when keys are not used.")
    created_at: datetime = Field(description="When it was made.")
    versions: list[str] = Field(description="References of its versions, oldest first.")
    latest: PotentialVersionOut | None = Field(description="Its newest version; null when it has none.")
    aliases: list[AliasOut] = Field(description="Its aliases.")


class Promote(Wire):
    """Point an alias at a version; moving it back is the same call."""

    version: int = Field(ge=1, lt=2**31, description="Number of the version.")
    expected: int | None = Field(
        ge=1,
        lt=2**31,
        description="The version that the alias points at now, so that nobody's move is undone unseen; null when there "
        "is no such alias yet.",
    )
    accept_limits: list[Annotated[str, Field(max_length=64)]] = Field(
        default=[],
        max_length=100,
        description="Codes of limits of the version that you accept; without them a version with limits is refused.",
    )
    reason: str = Field(default="", max_length=2000, description="Why, in your words.")


class AliasMove(Wire):
    """One move of an alias."""

    version: str | None = Field(description="Where it was moved to; null when it was removed.")
    previous: str | None = Field(description="Where it pointed before; null when it was new.")
    actor: str | None = Field(description="Name of the API key it was moved with; null when keys are not used.")
    reason: str = Field(description="Why.")
    gates: GateReport | None = Field(description="The gate report that the move was based on.")
    accepted_limits: list[str] = Field(description="Codes of limits that were accepted.")
    at: datetime = Field(description="When.")


class Card(Wire):
    """What a user should know before using a version."""

    reference: str = Field(description='Name and number, "Si:3".')
    state: PotentialState = Field(description="Whether it may be used.")
    withdrawn_ancestors: list[str] = Field(description="What it learnt from and was withdrawn since, in sentences.")
    aliases: list[str] = Field(description="Aliases that point at it now.")
    gates: GateReport | None = Field(description="Whether it may be promoted; null when not measured.")
    limits: list[Limit] = Field(description="What its form cannot do; a promotion must accept each by its code.")
    origin: dict[str, Any] | None = Field(
        description="Format, files with their SHA-256 and units of an imported version; null when trained here."
    )
    card: dict[str, Any] = Field(
        description="Elements, cutoff, data, errors by group, uncertainty check, energy-volume curve, dimer curve, "
        "speed, limits, authors, licence, how to cite."
    )
    lineage: dict[str, Any] = Field(
        description="Job, recipe, dataset version, code and package versions it comes from."
    )
