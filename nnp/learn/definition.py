"""What is settled before the networks are trained: symmetry functions, scaling, reference energies, energy unit."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from ase.data import atomic_numbers

from nnp.core import errors, neighbours, recipe
from nnp.core.label import Frame
from nnp.learn import batches, densities, gdf, grid, moments, portions, reference_energies, refinement, scaling, splits
from nnp.learn import repulsion as repulsions
from nnp.learn.baseline import Baseline
from nnp.learn.descriptor import Descriptor

GRID_ATOMS = 40_000
"""Functions are placed by the distances in at most this many training atoms, evenly taken."""
DENSITY_ATOMS = 200_000
"""The density is that of at most this many training atoms, evenly taken."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Definition:
    """All of a potential but its networks; it follows from recipe and data, or is the parent's.

    Attributes:
        functions: the symmetry functions.
        scaled: their scaling.
        references: atomic reference energies.
        unit: ε, the energy unit of the networks in eV: the root mean square force times 1 Å.
        warnings: sentences about the data.
        repulsion: below the shortest distances of the data, or None.
        baseline: what is subtracted from the labels and added to the networks, or None.
        centres: elements whose atoms have networks; None = all.
        without: what is served is the difference to the same structure without these elements; None = all of it.
    """

    functions: Descriptor
    scaled: scaling.Scaling
    references: reference_energies.ReferenceEnergies
    unit: float
    warnings: tuple[str, ...]
    repulsion: repulsions.Repulsion | None = None
    baseline: Baseline | None = None
    centres: tuple[str, ...] | None = None
    without: tuple[str, ...] | None = None


def density(definition: Definition, frames: Sequence[Frame]) -> densities.Density:
    """The density of the scaled symmetry functions of training frames, which must hold every element.

    Of more than `DENSITY_ATOMS` atoms a part is taken, evenly.
    """
    functions, scaled = definition.functions, definition.scaled
    parts = [inputs(functions, scaled, part) for part in portions.portions(portions.some(frames, DENSITY_ATOMS))]
    values, species = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return densities.fit(values, species, len(functions.elements))


def inputs(
    functions: Descriptor, scaled: scaling.Scaling, frames: Sequence[Frame]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Scaled symmetry functions (N, D) of all atoms of frames, and their elements (N,)."""
    values, species = batches.functions_of(functions, frames)
    return (values - scaled.shift[species]) * scaled.scale[species], species


def fit(
    wanted: recipe.Recipe, frames: Sequence[Frame], parts: splits.Split, known: Baseline | None = None
) -> Definition:
    """Settle everything from the training frames, from whose labels a known baseline has been subtracted.

    Raises:
        InputError: there are no energies, no neighbours, or nothing varies.
        RecipeError: explicit symmetry functions do not suit the data.
    """
    train = [frames[i] for i in parts.train]
    elements = elements_of([frames[i] for i in (*parts.train, *parts.validation, *parts.test, *parts.unlabelled)])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        references = references_of(wanted.without, train, elements)
    sample = [frame.structure for frame in portions.some(train, GRID_ATOMS)]
    functions = grid.symmetry_functions_for(wanted, elements, neighbours.neighbour_table(sample, wanted.cutoff))
    functions = refinement.refined(functions, wanted, portions.some(train, GRID_ATOMS), references)
    varying = moments.Moments(len(elements), functions.size)
    for part in portions.portions(train):
        varying.add(*batches.functions_of(functions, part))
    names = [functions.names_of(element) for element in elements]
    scaled = scaling.fit(
        varying, elements, names, by=wanted.scaling, floor=wanted.scaling_floor, centres=wanted.centres
    )
    return Definition(
        functions=functions,
        scaled=scaled,
        references=references,
        unit=_unit(train, references, wanted.centres),
        warnings=tuple(str(warning.message) for warning in caught),
        repulsion=_repulsion(wanted, [frames[i] for i in (*parts.train, *parts.validation)], elements, known),
        baseline=known,
        centres=wanted.centres,
        without=wanted.without,
    )


def notes(definition: Definition) -> tuple[str, ...]:
    """Sentences that a user must have read: the warnings, and what is served where that is no whole energy."""
    told = list(definition.warnings)
    if definition.centres is not None:
        told.append(
            f"only atoms of {', '.join(definition.centres)} have networks: the energy of every other atom is constant, "
            "and forces are the slope of the energy of these atoms alone"
        )
    if definition.without is not None:
        told.append(
            f"energies and forces are differences to the same structure without {', '.join(definition.without)}, not "
            "those of the whole structure"
        )
    return tuple(told)


def elements_of(frames: Sequence[Frame]) -> tuple[str, ...]:
    """Chemical symbols of the frames, by atomic number."""
    symbols = {symbol for frame in frames for symbol in frame.structure.elements}
    return tuple(sorted(symbols, key=lambda symbol: atomic_numbers[symbol]))


def renewed(definition: Definition, wanted: recipe.Recipe, frames: Sequence[Frame], parts: splits.Split) -> Definition:
    """An inherited definition whose repulsion begins below the shortest distances of the new labels too.

    Where the recipe wants no repulsion there is none, and where the parent has none, such as an import, there is none.
    """
    if definition.repulsion is None:
        return definition
    labelled = [frames[i] for i in (*parts.train, *parts.validation)]
    fresh = _repulsion(wanted, labelled, definition.functions.elements, definition.baseline)
    return replace(definition, repulsion=None if fresh is None else definition.repulsion.narrowed(fresh))


def check_names(wanted: recipe.Recipe, frames: Sequence[Frame], inherited: Sequence[str] = ()) -> None:
    """Refuse a recipe that names elements or structures which the data set does not have.

    Args:
        wanted: the recipe.
        frames: the data set.
        inherited: elements that a parent brings along; they may have networks without data.

    Raises:
        RecipeError: naming the field and the first of the names.
    """
    elements = {symbol for frame in frames for symbol in frame.structure.elements}
    for field, networks in (("committee", wanted.committee), ("replicas", wanted.replicas or ())):
        for number, network in enumerate(networks):
            for symbol in sorted(set(network.hidden_by_element) - elements.union(inherited)):
                raise errors.RecipeError(
                    field=f"{field}.{number}.hidden_by_element", reason=f"the data set has no element {symbol}"
                )
    for field in ("centres", "without"):
        for symbol in sorted(set(getattr(wanted, field) or ()) - elements):
            raise errors.RecipeError(field=field, reason=f"the data set has no element {symbol}")
    for name in sorted(set(wanted.structure_weights) - {frame.name for frame in frames}):
        raise errors.RecipeError(field="structure_weights", reason=f"the data set has no structure named {name}")


def check_elements(definition: Definition, frames: Sequence[Frame]) -> None:
    """Refuse frames with elements that an inherited definition does not know.

    Raises:
        InputError: naming the elements.
    """
    known = set(definition.functions.elements)
    strangers = sorted({symbol for frame in frames for symbol in frame.structure.elements} - known)
    if strangers:
        raise errors.InputError(
            f"the parent potential does not know {', '.join(strangers)}; train a new potential on this data set instead"
        )


def atom_weights(
    definition: Definition, frames: Sequence[Frame], wanted: recipe.Recipe
) -> dict[Frame, npt.NDArray[np.float64]]:
    """Weights of the atoms of training frames in the force loss, the data's own times the recipe's, where not 1."""
    given = {frame: frame.atom_weights for frame in frames if frame.atom_weights is not None}
    if wanted.force_weighting is None:
        return given
    parts = [inputs(definition.functions, definition.scaled, part) for part in portions.portions(frames)]
    values = np.concatenate([part.astype(np.float32) for part, _ in parts])
    found = gdf.weights(values, np.concatenate([species for _, species in parts]), wanted.force_weighting)
    ends = np.cumsum([len(frame.structure) for frame in frames])
    return {frame: own * given.get(frame, 1.0) for frame, own in zip(frames, np.split(found, ends[:-1]), strict=True)}


def prepare(
    definition: Definition,
    frames: Sequence[Frame],
    groups: Sequence[Sequence[int]],
    wanted: recipe.Recipe,
    *,
    room: int,
    atom_weights: Mapping[Frame, npt.NDArray[np.float64]] | None = None,
) -> batches.Batches:
    """Batches of frames under a definition; see `batches.prepare`.

    A guest's energies need rows of the guest alone; differences are fitted to forces on the host too.
    """
    atomic = atom_weights or {}

    def weigh(frame: Frame) -> float:
        return wanted.group_weights.get(frame.group or "", 1.0) * wanted.structure_weights.get(frame.name or "", 1.0)

    return batches.prepare(
        frames,
        groups,
        functions=definition.functions,
        scaled=definition.scaled,
        references=definition.references,
        unit=definition.unit,
        weigh=weigh,
        weigh_atoms=lambda frame: atomic.get(frame, np.ones(len(frame.structure))),
        room=room,
        centres=definition.centres if definition.without is None else None,
    )


def references_of(
    without: Sequence[str] | None, frames: Sequence[Frame], elements: Sequence[str]
) -> reference_energies.ReferenceEnergies:
    """Of all elements; where labels are differences, of those that make the difference, and 0 for the others."""
    if without is None:
        return reference_energies.fit(frames, elements)
    fitted = reference_energies.fit(frames, [symbol for symbol in elements if symbol in without])
    return replace(fitted, energies=dict.fromkeys(elements, 0.0) | fitted.energies)


def _repulsion(
    wanted: recipe.Recipe, frames: Sequence[Frame], elements: Sequence[str], known: Baseline | None
) -> repulsions.Repulsion | None:
    """Below the shortest distances of the frames; without ZBL where a baseline repels already."""
    if wanted.repulsion is None:
        return None
    return repulsions.below(
        repulsions.shortest_distances([frame.structure for frame in frames], elements),
        elements,
        margin=wanted.repulsion.margin,
        steepness=wanted.repulsion.steepness,
        repels=known is None or not known.repels,
    )


def _unit(
    frames: Sequence[Frame], references: reference_energies.ReferenceEnergies, centres: Sequence[str] | None
) -> float:
    """Root mean square force component in eV/Å times 1 Å; without forces, that of the energies per network, in eV.

    A guest's network makes the energy of the whole structure: in units of the energy per atom it would be large.
    """
    forces = [f.label.forces.ravel() for f in frames if f.label is not None and f.label.forces is not None]
    values = np.concatenate(forces) if forces else np.zeros(1)
    if not np.any(values):
        values = np.array(
            [
                (f.label.energy - references.of(f.structure.symbols)) / max(1, batches.networks(f, centres))
                for f in frames
                if f.label is not None
            ]
        )
    return max(float(np.sqrt(np.mean(values**2))), 1e-3)
