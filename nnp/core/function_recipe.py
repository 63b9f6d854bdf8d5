"""The part of a recipe that says which symmetry functions describe an atom's environment."""

from typing import Annotated, Any, Literal

import pydantic

AUTOMATIC_CHANNELS, AUTOMATIC_FROM = 3, 4
"""Element channels of the automatic choice, and the number of elements from which on it has them (decision 0037)."""


class Closed(pydantic.BaseModel):
    """A part of a recipe: unknown fields are refused, and nothing changes."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class ElementChannels(Closed):
    """Weights of the neighbour elements: the inputs then do not grow with the number of elements."""

    kind: Literal["weighted", "learnable"] = pydantic.Field(
        "weighted",
        description="Fixed weights from radius, group and period of the elements, or weights that start so and are "
        "trained on the data before the networks (no gain was seen from it: docs/training.md).",
    )
    count: int = pydantic.Field(
        3, ge=1, le=8, description="Number of channels; data with as few elements or fewer use the elements themselves."
    )


class ElementTuples(Closed):
    """Which elements are paired (paper, section 3.2.2); what is not listed is left out."""

    radial: tuple[tuple[str, str], ...] | None = pydantic.Field(
        None, description="Pairs [centre, neighbour] that have radial functions; null = all."
    )
    angular: tuple[tuple[str, str, str], ...] | None = pydantic.Field(
        None, description="Triples [neighbour, centre, neighbour] that have angular functions; null = all."
    )


class Compression(Closed):
    """Principal components of the symmetry functions, inside the potential, as inputs of the networks."""

    components: int | None = pydantic.Field(None, ge=1, le=4096, description="Number of components.")
    variance: Annotated[float, pydantic.Field(gt=0.0, le=1.0)] | None = pydantic.Field(
        None, description="Fraction of the variance that decides the number of components where that is null."
    )

    @pydantic.model_validator(mode="after")
    def _one_of_them(self) -> "Compression":
        if (self.components is None) == (self.variance is None):
            raise ValueError("give components or variance, one of them")
        return self


class Automatic(Closed):
    """What all automatic choices of symmetry functions share."""

    element_channels: ElementChannels | Literal["automatic"] | None = pydantic.Field(
        None,
        description="Weighted element channels instead of functions for every neighbour element; null = functions for "
        f"every element; `automatic` = {AUTOMATIC_CHANNELS} weighted channels from {AUTOMATIC_FROM} elements on, but "
        "none with `element_tuples`.",
    )
    element_tuples: ElementTuples | None = pydantic.Field(
        None, description="Pairs and triples of elements that have functions; null = all."
    )
    compression: Compression | None = pydantic.Field(
        None, description="Principal components of the functions as inputs of the networks; null = the functions."
    )

    @pydantic.model_validator(mode="after")
    def _channels_mix_elements(self) -> "Automatic":
        if isinstance(self.element_channels, ElementChannels) and self.element_tuples is not None:
            raise ValueError("element_channels mix the elements that element_tuples choose from: give one of them")
        return self

    def channels_of(self, elements: int) -> ElementChannels | None:
        """The element channels that a number of elements has."""
        if self.element_channels != "automatic":
            return self.element_channels
        if self.element_tuples is not None or elements < AUTOMATIC_FROM:
            return None
        return ElementChannels(kind="weighted", count=AUTOMATIC_CHANNELS)


class FourBody(Closed):
    """Four-body functions: products of three moments, coupled to a scalar, for chosen mixtures of the channels."""

    l_max: Literal[2, 3, 4] = pydantic.Field(
        3, description="Highest angular momentum of the three moments: 2, 4 or 9 functions of a mixture."
    )
    mixtures: int | None = pydantic.Field(
        None,
        ge=1,
        le=128,
        description="Number of mixtures of all channels and elements; null = every channel of every element by itself.",
    )


class PowerSpectrumGrid(Automatic):
    """Radial functions (G2) beside a power spectrum over angular-momentum channels, placed automatically."""

    kind: Literal["power_spectrum"] = "power_spectrum"
    element_channels: ElementChannels | Literal["automatic"] | None = pydantic.Field(
        "automatic", description="As for the other kinds, but `automatic` unless something else is said."
    )
    placement: Literal["distribution", "uniform"] = pydantic.Field(
        "distribution",
        description="Where radial functions sit: finely where the data set's distances are frequent, or evenly.",
    )
    radial: int = pydantic.Field(8, ge=1, le=64, description="Number of radial functions per neighbour element.")
    channels: int | None = pydantic.Field(
        None, ge=1, le=32, description="Radial channels of the power spectrum per neighbour element; null = automatic."
    )
    l_max: int | None = pydantic.Field(
        None, ge=0, le=8, description="Highest angular momentum of the power spectrum; null = automatic."
    )
    self_sums: Literal["append", "subtract", "none"] = pydantic.Field(
        "append",
        description="What becomes of the terms in which both neighbours are one atom: given as inputs of their own, "
        "subtracted from the power spectrum, or left in it.",
    )
    four_body: FourBody | None = pydantic.Field(
        default_factory=FourBody,
        description="Four-body functions of the same channels beside the power spectrum; null = none.",
    )


class WideAngularGrid(Automatic):
    """Radial functions (G2) beside wide angular functions (G5), placed automatically."""

    kind: Literal["wide_angular"] = "wide_angular"
    placement: Literal["distribution", "uniform"] = pydantic.Field(
        "distribution",
        description="Where radial functions sit: finely where the data set's distances are frequent, or evenly.",
    )
    radial: int = pydantic.Field(8, ge=1, le=64, description="Number of radial functions per neighbour element.")
    channels: int = pydantic.Field(
        4, ge=1, le=32, description="Number of radial widths (eta) of the angular functions."
    )
    zetas: (
        Annotated[tuple[Annotated[int, pydantic.Field(ge=1, le=8)], ...], pydantic.Field(min_length=1)]
        | Annotated[int, pydantic.Field(ge=1, le=8)]
    ) = pydantic.Field(
        (1, 2, 4),
        description="Angular exponents zeta (integers), or how many to choose by the angles that occur in the data; "
        "the cost grows with the square of the largest.",
    )
    lambdas: Annotated[tuple[Literal[-1, 1], ...], pydantic.Field(min_length=1)] = pydantic.Field(
        (-1, 1), description="Signs of the cosine: -1 favours small angles least, +1 favours them."
    )


class ChebyshevGrid(Automatic):
    """Chebyshev polynomials of the distance and of the cosine of the angle over the range of the cutoff (aenet)."""

    kind: Literal["chebyshev"] = "chebyshev"
    radial: int = pydantic.Field(10, ge=1, le=21, description="Number of radial polynomials, orders 0, 1, ...")
    angular: int = pydantic.Field(5, ge=1, le=9, description="Number of angular polynomials, orders 0, 1, ...")
    channels: int = pydantic.Field(
        1, ge=1, le=21, description="Radial polynomials that weigh the neighbours of an angle; 1 is the cutoff alone."
    )


class ExplicitFunctions(Closed):
    """Symmetry functions given one by one, in the form the manifest of a potential stores."""

    kind: Literal["explicit"] = "explicit"
    definition: dict[str, Any] = pydantic.Field(
        description="The `symmetry_functions` entry of a manifest: elements, cutoff in Å, radial, angular."
    )


SymmetryFunctionGrid = Annotated[
    PowerSpectrumGrid | WideAngularGrid | ChebyshevGrid | ExplicitFunctions, pydantic.Field(discriminator="kind")
]
