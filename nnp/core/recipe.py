"""The recipe: everything that determines a training besides the data. Its JSON schema is the service's contract."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pydantic

from nnp.core import errors
from nnp.core.function_recipe import Closed as _Closed
from nnp.core.function_recipe import PowerSpectrumGrid, SymmetryFunctionGrid

ACTIVATIONS = ("silu", "tanh", "softplus", "gelu")
CUTOFF_FUNCTIONS = ("polynomial", "polynomial7", "tanh_cubed", "cosine_squared")

KINDS = (
    "power_spectrum",
    "wide_angular",
    "chebyshev",
    "explicit",
    "zbl",
    "lennard_jones",
    "dispersion",
    "potential",
)  # tags that pydantic puts into the place of an error

Activation = Literal["silu", "tanh", "softplus", "gelu"]
CutoffFunction = Literal["polynomial", "polynomial7", "tanh_cubed", "cosine_squared"]
Width = Annotated[int, pydantic.Field(ge=1, le=2048)]
Widths = Annotated[tuple[Width, ...], pydantic.Field(min_length=1, max_length=8)]
Weight = Annotated[float, pydantic.Field(ge=0.0, allow_inf_nan=False)]


class Network(_Closed):
    """One network per element: a multilayer perceptron from the scaled symmetry functions to one atomic energy."""

    hidden: Widths = pydantic.Field(
        (64, 32), description="Widths of the hidden layers, first to last; the output layer of width 1 is implied."
    )
    hidden_by_element: dict[str, Widths] = pydantic.Field(
        default_factory=dict,
        description="Widths of the hidden layers for single elements, by symbol, where not `hidden`.",
    )
    activation: Activation = pydantic.Field("silu", description="Activation of every hidden layer.")

    def widths(self, element: str) -> tuple[int, ...]:
        """Widths of the hidden layers of an element's network."""
        return self.hidden_by_element.get(element, self.hidden)


Pair = Annotated[str, pydantic.Field(pattern=r"^[A-Z][a-z]?-[A-Z][a-z]?$")]
Positive = Annotated[float, pydantic.Field(gt=0.0, allow_inf_nan=False)]


class Repulsion(_Closed):
    """Short-range repulsion (ZBL) that begins below the shortest distance of each pair of elements in the data.

    In the same window the distances that the networks see become constant, so they cannot act against it.
    """

    kind: Literal["zbl"] = pydantic.Field("zbl", description="The universal repulsion of two nuclei.")
    margin: float = pydantic.Field(
        0.95,
        gt=0.3,
        le=1.0,
        description="Distance where it begins over the shortest distance of the pair in the labelled data; it never "
        "begins beyond the sum of the covalent radii.",
    )
    steepness: float = pydantic.Field(
        0.85, gt=0.3, lt=1.0, description="Distance where it is complete over the distance where it begins."
    )


class ZblTerm(_Closed):
    """Baseline: the universal repulsion of nuclei, faded out smoothly between two distances."""

    kind: Literal["zbl"] = "zbl"
    inner: Weight = pydantic.Field(0.0, description="Where it begins to fade, over the sum of the covalent radii.")
    outer: Positive | None = pydantic.Field(
        None,
        description="Where it ends, over the sum of the covalent radii; null = where it explains most of the forces in "
        "the training structures, at most at the cutoff of the recipe.",
    )

    @pydantic.model_validator(mode="after")
    def _has_a_width(self) -> "ZblTerm":
        if self.outer is not None and self.inner >= self.outer:
            raise ValueError("inner must be less than outer")
        return self


class LennardJonesTerm(_Closed):
    """Baseline: Lennard-Jones pairs; pairs that are not named do not interact."""

    kind: Literal["lennard_jones"]
    epsilon: dict[Pair, Positive] = pydantic.Field(min_length=1, description="Depth by pair (`Ar-Ar`), eV.")
    sigma: dict[Pair, Positive] = pydantic.Field(description="Distance of zero energy by pair, Å.")
    cutoff: float = pydantic.Field(10.0, gt=0.5, le=20.0, description="Where it ends smoothly, Å.")

    @pydantic.model_validator(mode="after")
    def _same_pairs(self) -> "LennardJonesTerm":
        if set(self.epsilon) != set(self.sigma):
            raise ValueError("epsilon and sigma must name the same pairs")
        return self


class DispersionTerm(_Closed):
    """Baseline: the dispersion tail -C6/(r⁶ + R⁶); pairs that are not named do not interact."""

    kind: Literal["dispersion"]
    c6: dict[Pair, Positive] = pydantic.Field(min_length=1, description="C6 by pair (`C-C`), eV Å⁶.")
    radius: dict[Pair, Positive] = pydantic.Field(description="Damping radius R by pair, Å.")
    cutoff: float = pydantic.Field(12.0, gt=0.5, le=20.0, description="Where it ends smoothly, Å.")

    @pydantic.model_validator(mode="after")
    def _same_pairs(self) -> "DispersionTerm":
        if set(self.c6) != set(self.radius):
            raise ValueError("c6 and radius must name the same pairs")
        return self


class PotentialTerm(_Closed):
    """Baseline: another potential; what is learnt is the difference between the labels and its answers."""

    kind: Literal["potential"]
    name: str = pydantic.Field(min_length=1, max_length=200, description="The potential version, such as `Si:3`.")


BaselineTerm = Annotated[
    ZblTerm | LennardJonesTerm | DispersionTerm | PotentialTerm, pydantic.Field(discriminator="kind")
]


class GaussianDensityWeighting(_Closed):
    """Weights of atoms in the force loss that grow where the training data are thin (paper eqs. 4 and 5).

    rho_i = mean over training atoms j of the same element of exp(-|x_i - x_j|^2 / (2 width^2 D)), x the D scaled
    symmetry functions; g = 1/rho; theta = g^exponent / (1 + exp(-steepness (g - centre))), over its mean last.
    The published form has exponent 1 and steepness 1.
    """

    kind: Literal["gdf"] = "gdf"
    width: Annotated[float, pydantic.Field(gt=0.0)] | None = pydantic.Field(
        None,
        description="Gaussian width sigma, in units of scaled symmetry functions; null = automatic (Scott's rule).",
    )
    exponent: float = pydantic.Field(
        0.5, gt=0.0, le=2.0, description="Power of 1/rho: how much more rare atoms count than common ones."
    )
    steepness: float = pydantic.Field(
        0.0, ge=0.0, le=1000.0, description="b: how sharply common atoms are discounted; 0 = not at all."
    )
    centre: Annotated[float, pydantic.Field(ge=0.0, allow_inf_nan=False)] | None = pydantic.Field(
        None,
        description="c: value of 1/rho (1 where all atoms are alike, their number where one is alone) below which "
        "atoms are discounted; null = automatic, the end of a line through the lowest three quarters.",
    )


class WarmStart(_Closed):
    """How a training goes on from a parent potential; without one it has no meaning."""

    rate: float = pydantic.Field(
        0.3,
        gt=0.0,
        le=1.0,
        description="Fraction of the learning rate and of automatic steps: the parent is near already.",
    )
    reference_energies: Literal["keep", "fit"] = pydantic.Field(
        "keep",
        description="Reference energies of the parent, or fitted anew to what the new labels differ from the parent "
        "by: for labels of another first-principles method.",
    )
    frozen_layers: int = pydantic.Field(
        0, ge=0, le=8, description="Number of first layers of the networks that stay as the parent has them."
    )


class Loss(_Closed):
    """Weights of the loss; all errors are squared and averaged (paper eq. 3, energies per atom, with a stress term).

    loss = energy · mean((ΔE/N)²) + force · mean(ΔF²) + stress · mean((ΔσV/N)²) + atomic · mean(ΔE_i²), averaged over
    structures (energy, stress), force components (force) and atoms (atomic). Only the ratios matter: eq. 3 is
    energy = 1 - a, force = a.
    """

    energy: Weight = pydantic.Field(5.0, description="Weight of squared energy errors per atom, in 1/(eV/atom)².")
    force: Weight = pydantic.Field(1.0, description="Weight of squared force component errors, in 1/(eV/Å)².")
    stress: Weight = pydantic.Field(
        0.1, description="Weight of squared errors of stress times volume per atom, in 1/(eV/atom)²."
    )
    atomic: Weight = pydantic.Field(
        1.0, description="Weight of squared errors of atomic energies, where the labels have them, in 1/eV²."
    )

    @pydantic.model_validator(mode="after")
    def _something_is_fitted(self) -> "Loss":
        if self.energy == 0.0 and self.force == 0.0:
            raise ValueError("energy and force weights are both 0: nothing would determine the atomic energies")
        return self


class Recipe(_Closed):
    """Everything that determines a training besides the data; the defaults suit any data set."""

    version: Literal[1] = pydantic.Field(1, description="Version of the recipe format.")
    seed: int = pydantic.Field(0, ge=0, lt=2**31, description="Seed of every random number of the training.")

    cutoff: float = pydantic.Field(6.0, gt=0.5, le=20.0, description="Cutoff radius in Å.")
    cutoff_function: CutoffFunction = pydantic.Field(
        "polynomial", description="Function that takes every symmetry function smoothly (C2 or better) to 0 at cutoff."
    )
    symmetry_functions: SymmetryFunctionGrid = pydantic.Field(
        default_factory=PowerSpectrumGrid, description="Which symmetry functions describe an atom's environment."
    )
    scaling: Literal["kind", "function"] = pydantic.Field(
        "kind",
        description="Functions are divided by the rms standard deviation of all functions of their kind, so that what "
        "varies little counts little (`kind`), or each by its own standard deviation (`function`).",
    )
    scaling_floor: float = pydantic.Field(
        0.1,
        gt=0.0,
        le=1.0,
        description="With scaling by function: the least that a function is divided by, as a fraction of the median "
        "standard deviation of its kind; bounds how far rare inputs are amplified.",
    )

    repulsion: Repulsion | None = pydantic.Field(
        default_factory=Repulsion,
        description="Short-range repulsion below the shortest distances of the data; null = none, and the potential "
        "may attract atoms in a collision.",
    )
    baseline: Annotated[tuple[BaselineTerm, ...], pydantic.Field(max_length=8)] | None = pydantic.Field(
        None,
        description="Energies known beforehand: subtracted from the labels, and part of the potential. Null = the "
        "repulsion of nuclei (ZBL), which gives forces the right slope where atoms come closer than in any training "
        "structure; nothing with `centres` or `without`.",
    )
    centres: Annotated[tuple[str, ...], pydantic.Field(min_length=1)] | None = pydantic.Field(
        None,
        description="Elements whose atoms have networks, for a guest in a host; the atomic energies of the others stay "
        "their reference energies. Only energies are fitted then, unless `without` is given. Null = all elements.",
    )
    without: Annotated[tuple[str, ...], pydantic.Field(min_length=1)] | None = pydantic.Field(
        None,
        description="Labels become differences to the same structure without the atoms of these elements, which the "
        "data set must have with a label. Null = labels as they are.",
    )

    committee: Annotated[tuple[Network, ...], pydantic.Field(min_length=1, max_length=32)] = pydantic.Field(
        (
            Network(hidden=(64, 32)),
            Network(hidden=(56, 40)),
            Network(hidden=(64, 24)),
            Network(hidden=(48, 40)),
        ),
        description="Networks whose mean is the served potential (the reference); their spread is the error estimate.",
    )
    replicas: Annotated[tuple[Network, ...], pydantic.Field(min_length=2, max_length=32)] | None = pydantic.Field(
        (Network(hidden=(24, 24)), Network(hidden=(32, 16)), Network(hidden=(48, 32)), Network(hidden=(16, 16, 16))),
        description="Networks trained on the reference's atomic energies; their spread is the novelty. Null = none.",
    )
    replica_gain: float = pydantic.Field(
        2.0, gt=0.0, le=10.0, description="Factor on the initial weight spread of the replicas (paper, section 5)."
    )
    replica_steps: int | None = pydantic.Field(
        None, ge=1, le=10_000_000, description="Optimiser steps of the replicas; null = automatic."
    )

    loss: Loss = pydantic.Field(default_factory=Loss, description="Weights of energies, forces and stresses.")
    force_weighting: GaussianDensityWeighting | None = pydantic.Field(
        None, description="Weights of single atoms in the force loss by how rare their environment is; null = all 1."
    )
    group_weights: dict[str, Weight] = pydantic.Field(
        default_factory=dict, description="Weight of every structure of a group in the loss, where not 1."
    )
    structure_weights: dict[str, Weight] = pydantic.Field(
        default_factory=dict,
        description="Weight of single structures in the loss, by the name that they have in the data set, where not 1; "
        "multiplies the weight of the group.",
    )
    steps: int | None = pydantic.Field(
        None,
        ge=1,
        le=10_000_000,
        description="Budget in optimiser steps of the committee; null = automatic from the size of the data set.",
    )
    batch_size: int | None = pydantic.Field(
        None, ge=1, le=4096, description="Structures per optimiser step; null = automatic."
    )
    optimiser: Literal["adam", "soap", "lbfgs"] = pydantic.Field(
        "soap",
        description="How the committee goes downhill: Adam, SOAP (second order: Adam in the eigenbases of the "
        "approximate curvature of every layer), or L-BFGS (quasi-Newton; a step takes in the whole training set).",
    )
    force_fraction: float = pydantic.Field(
        1.0,
        gt=0.0,
        le=1.0,
        description="Fraction of the steps that fit forces and stresses beside energies, with as much more weight; the "
        "others take a fifth of the time.",
    )
    selection: Literal["all", "error"] = pydantic.Field(
        "all",
        description="Which batches an epoch takes: all once, or as many, half of them drawn in proportion to their "
        "last loss (with batch_size 1 that means structures).",
    )
    warm_start: WarmStart = pydantic.Field(
        default_factory=WarmStart, description="How to go on from a parent potential, if there is one."
    )
    learning_rate: float = pydantic.Field(
        5e-3, gt=0.0, le=1.0, description="Peak learning rate; with lbfgs the length of the first step."
    )
    schedule: Literal["one_cycle", "cosine", "warm_restarts", "constant", "plateau"] = pydantic.Field(
        "one_cycle",
        description="Learning rate over the steps: warm-up and cosine decay, cosine decay alone, three cosine decays "
        "of growing length, constant, or halved where the validation loss stalls.",
    )
    weight_decay: float = pydantic.Field(
        0.1, ge=0.0, le=1.0, description="Decoupled weight decay per unit of learning rate (AdamW); not with lbfgs."
    )
    ema: Annotated[float, pydantic.Field(gt=0.0, lt=1.0)] | None = pydantic.Field(
        0.99,
        description="Decay per step of a moving average of the committee's weights, which is then judged on the "
        "validation set and kept; null = the weights themselves.",
    )
    patience: int | None = pydantic.Field(
        None,
        ge=1,
        description="Epochs without a better validation loss, counted from the peak of the learning rate, after which "
        "training stops; null = half of the epochs.",
    )

    validation_fraction: float = pydantic.Field(
        0.08,
        gt=0.0,
        lt=1.0,
        description="Fraction of the training structures held out for early stopping and calibration.",
    )
    test_fraction: Annotated[float, pydantic.Field(gt=0.0, lt=1.0)] | None = pydantic.Field(
        None, description="Fraction of all structures kept for the test; null = the split stored with the data set."
    )
    exclude_groups: tuple[str, ...] = pydantic.Field(
        (), description="Groups left out of training, validation and test (they are still evaluated, as `excluded`)."
    )

    @property
    def baseline_terms(self) -> tuple[BaselineTerm, ...]:
        """The terms of the baseline, also where it is automatic: a guest's networks cannot make up for its host."""
        if self.baseline is not None:
            return self.baseline
        return () if self.centres is not None or self.without is not None else (ZblTerm(),)

    @pydantic.model_validator(mode="after")
    def _fractions_leave_something(self) -> "Recipe":
        if (self.test_fraction or 0.0) + self.validation_fraction >= 1.0:
            raise ValueError("validation_fraction and test_fraction together leave nothing to train on")
        return self

    @pydantic.model_validator(mode="after")
    def _whole_steps_see_everything(self) -> "Recipe":
        if self.optimiser == "lbfgs" and (self.force_fraction < 1.0 or self.selection != "all"):
            raise ValueError("lbfgs takes in the whole training set at every step: no force_fraction, no selection")
        return self


def parse(data: Mapping[str, Any]) -> Recipe:
    """Validate a recipe given as JSON-like data.

    Args:
        data: the fields; missing ones take their defaults.

    Raises:
        RecipeError: naming the first impossible field and the reason.
    """
    try:
        return Recipe.model_validate(data)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"] if part not in KINDS) or "recipe"
        raise errors.RecipeError(field=field, reason=first["msg"].removeprefix("Value error, ")) from None


def recipe_hash(recipe: Recipe) -> str:
    """Return the sha256 of the recipe's canonical JSON, defaults written out; equal recipes have equal hashes."""
    canonical = json.dumps(recipe.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
