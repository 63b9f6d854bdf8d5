"""Predict: what a caller asks for and what comes back."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from nnp_client.wire.base import Sha256, Wire
from nnp_client.wire.errors import ErrorDetail
from nnp_client.wire.structures import MAX_STRUCTURES, StructureIn

REFERENCE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(:[1-9][0-9]{0,8}|@[A-Za-z0-9][A-Za-z0-9._-]{0,63})$"

PotentialReference = Annotated[
    str,
    Field(
        pattern=REFERENCE_PATTERN,
        description='A potential version "Si:3", or an alias "Si@production".',
        examples=["Si@production"],
    ),
]


class Property(StrEnum):
    """What can be predicted."""

    ENERGY = "energy"
    ENERGIES = "energies"
    FORCES = "forces"
    STRESS = "stress"
    VIRIALS = "virials"
    ENERGY_NOVELTIES = "energy_novelties"
    ENERGY_UNCERTAINTY = "energy_uncertainty"
    FORCE_UNCERTAINTIES = "force_uncertainties"
    ENERGY_SPREAD = "energy_spread"
    FORCE_SPREADS = "force_spreads"
    DOMAIN = "domain"


class Dtype(StrEnum):
    """Precision of the networks; reference energies are added in float64 always."""

    FLOAT32 = "float32"
    FLOAT64 = "float64"


class PredictOptions(Wire):
    """Everything of a prediction request besides the structures."""

    potential: PotentialReference
    properties: list[Property] = Field(
        default=[Property.ENERGY, Property.FORCES, Property.STRESS],
        min_length=1,
        max_length=len(Property),
        description="What to predict; the rest of the reply is null.",
    )
    dtype: Dtype = Field(default=Dtype.FLOAT32, description="Precision of the networks.")
    deterministic: bool = Field(
        default=False,
        description="Evaluate every structure alone, so that equal requests give equal bits; otherwise requests share "
        "batches and agree to 1e-6 eV/atom.",
    )


class PredictRequest(PredictOptions):
    """Structures to predict with one potential."""

    structures: list[StructureIn] = Field(
        min_length=1, max_length=MAX_STRUCTURES, description="The structures, in the order of the reply."
    )


class PotentialUsed(Wire):
    """The exact version that made the predictions."""

    name: str = Field(description="Name of the potential.")
    version: int = Field(description="Number of the version, from 1.")
    reference: str = Field(description='Name and version, "Si:3".')
    dtype: Dtype = Field(description="Precision of the networks.")
    sha256: Sha256 = Field(description="SHA-256 of the ONNX file that was evaluated.")
    withdrawn: bool = Field(description="Whether the version has been withdrawn; it still predicts by its number.")


class DomainOut(Wire):
    """How far the environments lie outside of the range that the symmetry functions had in training."""

    counts: list[int] = Field(description="Shape (N,): symmetry functions of each atom outside their training range.")
    excess: list[float] = Field(
        description="Shape (N,): largest distance to the range over an atom's functions, in units of the range's width."
    )
    extrapolating: bool = Field(
        description="Whether any atom has a count above zero or a negative density margin, or a spread that was asked "
        "for exceeds all that its calibration was fitted to."
    )
    density_margins: list[float] | None = Field(
        description="Shape (N,): ln of the density of training data around each environment, minus its least value at "
        "a training atom of that element; negative where emptier than all of training. Null without a density."
    )


class PredictionOut(Wire):
    """The prediction of one structure. In MessagePack lists of numbers are arrays of the shape given.

    A property that was not asked for is null; one that was asked for and is not available is null, with the reason in
    `unavailable`.
    """

    energy: float | None = Field(description="Potential energy in eV.")
    energies: list[float] | None = Field(description="Atomic energies in eV, shape (N,); their sum is the energy.")
    forces: list[list[float]] | None = Field(description="Forces in eV/Å, shape (N, 3).")
    stress: list[float] | None = Field(
        description="Stress in eV/Å^3, shape (6,), order xx, yy, zz, yz, xz, xy, tension positive."
    )
    virials: list[list[list[float]]] | None = Field(
        description="Atomic virials in eV, shape (N, 3, 3); their sum is minus the stress times the volume."
    )
    energy_novelties: list[float] | None = Field(
        description="Spread of the replicas' atomic energies in eV, shape (N,): unlike the training data; no error bar."
    )
    energy_uncertainty: float | None = Field(description="Calibrated uncertainty of the energy in eV.")
    force_uncertainties: list[float] | None = Field(
        description="Calibrated uncertainty of each atom's force in eV/Å, shape (N,)."
    )
    energy_spread: float | None = Field(
        description="Standard deviation of the committee's energies in eV, before calibration."
    )
    force_spreads: list[float] | None = Field(
        description="Spread of the committee's forces per component in eV/Å, shape (N,), before calibration."
    )
    domain: DomainOut | None = Field(description="Distance from the range of the training data.")
    extrapolating: bool | None = Field(
        description="Whether the structure lies outside of what the potential was trained on and calibrated for, as in "
        "`domain`; null when the domain was not asked for and no uncertainty was."
    )
    unavailable: dict[str, str] = Field(description="Property that was asked for and is null -> the reason.")


class RefusedStructure(Wire):
    """Stands in the place of a structure that could not be predicted."""

    error: ErrorDetail = Field(description="Why.")


class PredictReply(Wire):
    """Predictions in the order of the request."""

    potential: PotentialUsed = Field(description="The exact version that made the predictions.")
    predictions: list[PredictionOut | RefusedStructure] = Field(
        description="One entry for each structure: its prediction, or why there is none."
    )
