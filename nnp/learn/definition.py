"""What is settled before the networks are trained: symmetry functions, scaling, reference energies, energy unit."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import atomic_numbers

from nnp.core import errors, neighbours, recipe
from nnp.core.label import Frame
from nnp.learn import batches, grid, reference_energies, scaling, splits, symmetry_functions


@dataclass(frozen=True, kw_only=True, eq=False)
class Definition:
    """All of a potential but its networks; it follows from recipe and data, or is the parent's.

    Attributes:
        functions: the symmetry functions.
        scaled: their scaling.
        references: atomic reference energies.
        unit: ε, the energy unit of the networks in eV: the root mean square force times 1 Å.
        warnings: sentences about the data.
    """

    functions: symmetry_functions.SymmetryFunctions
    scaled: scaling.Scaling
    references: reference_energies.ReferenceEnergies
    unit: float
    warnings: tuple[str, ...]


def fit(wanted: recipe.Recipe, frames: Sequence[Frame], parts: splits.Split) -> Definition:
    """Settle everything from the training frames.

    Raises:
        InputError: there are no energies, no neighbours, or nothing varies.
        RecipeError: explicit symmetry functions do not suit the data.
    """
    train = [frames[i] for i in parts.train]
    everything = [frames[i] for i in (*parts.train, *parts.validation, *parts.test, *parts.unlabelled)]
    symbols = {symbol for frame in everything for symbol in frame.structure.elements}
    elements = sorted(symbols, key=lambda symbol: atomic_numbers[symbol])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        references = reference_energies.fit(train, elements)
    table = neighbours.neighbour_table([frame.structure for frame in train], wanted.cutoff)
    functions = grid.symmetry_functions_for(wanted, elements, table)
    species = batches.species_of(train, elements)
    values = batches.values(functions, table, species)
    scaled = scaling.fit(values, species, elements, functions.names(), wanted.scaling_floor)
    return Definition(
        functions=functions,
        scaled=scaled,
        references=references,
        unit=_unit(train, references),
        warnings=tuple(str(warning.message) for warning in caught),
    )


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


def prepare(
    definition: Definition,
    frames: Sequence[Frame],
    groups: Sequence[Sequence[int]],
    wanted: recipe.Recipe,
    *,
    keep: bool,
) -> list[batches.Batch]:
    """Batches of frames under a definition; see `batches.prepare`."""
    return batches.prepare(
        frames,
        groups,
        functions=definition.functions,
        scaled=definition.scaled,
        references=definition.references,
        unit=definition.unit,
        group_weights=wanted.group_weights,
        keep=keep,
    )


def _unit(frames: Sequence[Frame], references: reference_energies.ReferenceEnergies) -> float:
    """Root mean square force component in eV/Å times 1 Å; without forces, that of the energies per atom, in eV."""
    forces = [f.label.forces.ravel() for f in frames if f.label is not None and f.label.forces is not None]
    values = np.concatenate(forces) if forces else np.zeros(1)
    if not np.any(values):
        values = np.array(
            [
                (f.label.energy - references.of(f.structure.symbols)) / len(f.structure)
                for f in frames
                if f.label is not None
            ]
        )
    return max(float(np.sqrt(np.mean(values**2))), 1e-3)
