"""Labels of a difference: minus a baseline, or minus the same structure without a guest."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from ase.data import atomic_numbers, covalent_radii

from nnp.core import assembly, errors, neighbours, recipe
from nnp.core.label import Frame, Label
from nnp.learn import batches, pair_terms, portions
from nnp.learn.baseline import Baseline, Sum
from nnp.learn.dispersion import Dispersion
from nnp.learn.lennard_jones import LennardJones
from nnp.learn.pair_terms import Table
from nnp.learn.potential_baseline import PotentialBaseline
from nnp.learn.zbl import Zbl

OUTER_ENDS = (1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 3.0)
"""Automatic ends of ZBL to choose from, over the sum of the covalent radii."""
SETTLING_ATOMS = 4000
"""Atoms of training structures on which the end is chosen."""
SAME_PLACE = 1e-3
"""Å; positions and cell vectors that differ by less are the same."""


class Told(Protocol):
    """What says which labels are learnt: a recipe, or the definition of a finished potential."""

    @property
    def centres(self) -> tuple[str, ...] | None:
        """Elements whose atoms have networks; None = all."""
        ...

    @property
    def without(self) -> tuple[str, ...] | None:
        """Labels are differences to the same structure without these elements; None = labels as they are."""
        ...


def learnt(told: Told, frames: Sequence[Frame]) -> Sequence[Frame]:
    """The frames with the labels that are fitted: as they are, differences to the host, or energies of a guest.

    The whole data set is needed, before it is divided: a structure and its counterpart may be in different parts.

    Raises:
        InputError: see `without` and `energies_only`.
    """
    if told.without is not None:
        return without(told.without, frames)
    return frames if told.centres is None else energies_only(told.centres, frames)


def baseline(
    terms: Sequence[recipe.BaselineTerm], elements: Sequence[str], potentials: Mapping[str, bytes]
) -> Baseline | None:
    """The baseline of a recipe; None without terms.

    Args:
        terms: of the recipe, `settled`.
        elements: chemical symbols of the data.
        potentials: checkpoint of every potential that a term names.

    Raises:
        RecipeError: a term names an element or a potential that is not there, or one that does not know the elements.
    """
    known = tuple(elements)
    parts = [_term(term, f"baseline.{number}", known, potentials) for number, term in enumerate(terms)]
    return Sum(parts) if parts else None


def settled(
    terms: Sequence[recipe.BaselineTerm], frames: Sequence[Frame], elements: Sequence[str], cutoff: float
) -> tuple[recipe.BaselineTerm, ...]:
    """The terms with every automatic outer end of ZBL chosen: the one that leaves the smallest forces to the networks.

    Too short an end leaves the repulsion to the networks, too long a one makes them cancel it where atoms are bound.

    Args:
        terms: of the recipe.
        frames: training structures.
        elements: chemical symbols of the data.
        cutoff: of the recipe, Å; no automatic end lies beyond it.
    """
    if not any(isinstance(term, recipe.ZblTerm) and term.outer is None for term in terms):
        return tuple(terms)
    sample = [frame for frame in portions.some(frames, SETTLING_ATOMS) if frame.label is not None]
    with_forces = [frame for frame in sample if frame.label is not None and frame.label.forces is not None]
    largest = 2.0 * max(_radius(element) for element in elements)

    def ending(term: recipe.BaselineTerm) -> recipe.BaselineTerm:
        if not isinstance(term, recipe.ZblTerm) or term.outer is not None:
            return term
        possible = [end for end in OUTER_ENDS if end > term.inner and end * largest <= cutoff] or [term.inner + 0.5]
        choices = [term.model_copy(update={"outer": end}) for end in possible]
        return min(choices, key=lambda choice: _remaining(choice, with_forces, elements)) if with_forces else choices[0]

    return tuple(ending(term) for term in terms)


def _remaining(term: recipe.BaselineTerm, frames: Sequence[Frame], elements: Sequence[str]) -> float:
    """Mean square of the forces that a term leaves, (eV/Å)²."""
    known = baseline((term,), elements, {})
    assert known is not None
    left = [frame.label.forces for frame in subtracted(known, frames) if frame.label is not None]
    return float(np.mean(np.concatenate([forces for forces in left if forces is not None]) ** 2))


def subtracted(known: Baseline, frames: Sequence[Frame]) -> list[Frame]:
    """The frames with the energies, forces and stresses of a baseline subtracted from their labels."""
    return [frame if frame.label is None else replace(frame, label=_minus(frame, known)) for frame in frames]


def without(guests: Sequence[str], frames: Sequence[Frame]) -> list[Frame]:
    """The frames that hold a guest, labelled by the difference to the same structure without the guests.

    The other atoms must be at the same places in the same order. Frames without a guest are left out, and stresses too.

    Raises:
        InputError: a labelled structure has no labelled counterpart, or none holds a guest.
    """
    hosts: dict[tuple[int, ...], list[Frame]] = {}
    for frame in frames:
        if frame.label is not None and not set(guests) & set(frame.structure.elements):
            hosts.setdefault(tuple(frame.structure.numbers.tolist()), []).append(frame)
    result = []
    for number, frame in enumerate(frames):
        guest = np.isin(frame.structure.numbers, [atomic_numbers[symbol] for symbol in guests])
        if not guest.any():
            continue
        label = None
        if frame.label is not None:
            host = _counterpart(frame, ~guest, hosts.get(tuple(frame.structure.numbers[~guest].tolist()), []))
            if host is None or host.label is None:
                name = frame.name or f"number {number}"
                raise errors.InputError(
                    f"structure {name} has no labelled counterpart without {', '.join(guests)}: the data set must hold "
                    "the same structure, atoms in the same order and places, with these atoms taken away"
                )
            label = _difference(frame.label, host.label, ~guest)
        result.append(replace(frame, label=label))
    if not any(frame.label is not None for frame in result):
        raise errors.InputError(f"no labelled structure holds {', '.join(guests)}: there is no difference to learn")
    return result


def holding(centres: Sequence[str], frames: Sequence[Frame]) -> list[Frame]:
    """The frames that hold one of the centres: no network sees the others."""
    return [frame for frame in frames if set(centres) & set(frame.structure.elements)]


def energies_only(centres: Sequence[str], frames: Sequence[Frame]) -> list[Frame]:
    """The frames that hold one of the centres, without forces and stresses: networks of a guest cannot make the host's.

    Raises:
        InputError: no labelled structure holds a centre.
    """
    own = holding(centres, frames)
    if not any(frame.label is not None for frame in own):
        raise errors.InputError(f"no labelled structure holds {', '.join(centres)}")
    labels = [
        None if f.label is None else replace(f.label, forces=None, stress=None, atomic_energies=None) for f in own
    ]
    return [replace(frame, label=label) for frame, label in zip(own, labels, strict=True)]


def _term(
    term: recipe.BaselineTerm, field: str, elements: tuple[str, ...], potentials: Mapping[str, bytes]
) -> Baseline:
    if isinstance(term, recipe.PotentialTerm):
        if term.name not in potentials:
            raise errors.RecipeError(field=f"{field}.name", reason=f"there is no potential {term.name} at hand")
        try:
            return PotentialBaseline(potentials[term.name], elements, term.name)
        except ValueError as error:
            raise errors.RecipeError(field=f"{field}.name", reason=str(error)) from None
    if isinstance(term, recipe.ZblTerm):
        radii = pair_terms.table(elements, lambda a, b: _radius(a) + _radius(b))
        assert term.outer is not None, "settled before"
        return Zbl(elements=elements, inner=_scaled(radii, term.inner), outer=_scaled(radii, term.outer))
    if isinstance(term, recipe.LennardJonesTerm):
        epsilon = _named(elements, term.epsilon, f"{field}.epsilon", absent=0.0)
        sigma = _named(elements, term.sigma, f"{field}.sigma", absent=1.0)
        return LennardJones(elements=elements, epsilon=epsilon, sigma=sigma, cutoff=term.cutoff)
    c6 = _named(elements, term.c6, f"{field}.c6", absent=0.0)
    radius = _named(elements, term.radius, f"{field}.radius", absent=1.0)
    return Dispersion(elements=elements, c6=c6, radius=radius, cutoff=term.cutoff)


def _radius(symbol: str) -> float:
    return float(covalent_radii[atomic_numbers[symbol]])


def _scaled(values: Table, factor: float) -> Table:
    return tuple(tuple(round(factor * value, 6) for value in row) for row in values)


def _named(elements: tuple[str, ...], given: Mapping[str, float], field: str, *, absent: float) -> Table:
    """The table of a parameter given by pair; the others get the value ``absent``."""
    for pair in given:
        strangers = [symbol for symbol in pair.split("-") if symbol not in elements]
        if strangers:
            raise errors.RecipeError(field=f"{field}.{pair}", reason=f"the data set has no element {strangers[0]}")

    def value(a: str, b: str) -> float:
        return given.get(f"{a}-{b}", given.get(f"{b}-{a}", absent))

    return pair_terms.table(elements, value)


def _minus(frame: Frame, known: Baseline) -> Label:
    structure, label = frame.structure, frame.label
    assert label is not None
    table = neighbours.neighbour_table([structure], known.cutoff)
    species = batches.species_of([frame], known.elements)
    vectors = torch.from_numpy(np.ascontiguousarray(table.vectors))
    kinds = torch.from_numpy(table.neighbour_species(species))
    with torch.no_grad():
        energies, gradients = known.energies_and_gradients(vectors, kinds, torch.from_numpy(species))
    forces, stress = label.forces, label.stress
    if forces is not None:
        forces = forces - assembly.forces(gradients.numpy(), table.reverse)
    if stress is not None and structure.volume is not None:
        virials = -torch.matmul(vectors, gradients.transpose(1, 2)).numpy()
        stress = stress - assembly.stress(virials, structure.volume)
    atomic = None if label.atomic_energies is None else label.atomic_energies - energies.numpy()
    energy = label.energy - float(energies.sum())
    return replace(label, energy=energy, forces=forces, stress=stress, atomic_energies=atomic)


def _counterpart(frame: Frame, host_atoms: np.ndarray, candidates: Sequence[Frame]) -> Frame | None:
    positions, cell = frame.structure.positions[host_atoms], frame.structure.cell
    for candidate in candidates:
        structure = candidate.structure
        same_cell = np.allclose(structure.cell, cell, rtol=0.0, atol=SAME_PLACE)
        if same_cell and np.allclose(structure.positions, positions, rtol=0.0, atol=SAME_PLACE):
            return candidate
    return None


def _difference(whole: Label, host: Label, host_atoms: np.ndarray) -> Label:
    forces = None
    if whole.forces is not None and host.forces is not None:
        forces = whole.forces.copy()
        forces[host_atoms] -= host.forces
    return replace(whole, energy=whole.energy - host.energy, forces=forces, stress=None, atomic_energies=None)
