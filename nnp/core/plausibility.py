"""Numbers that can be read and cannot be meant: atoms on top of each other, lengths in another unit.

The measure is the closest pair of a structure: its distance over the sum of the covalent radii of ASE (Cordero et al.,
Dalton Trans. 2008, 2832, https://doi.org/10.1039/b801115j). In the ground states of the elements (ASE's table
`reference_states`, molecules where the element is one) it lies between 0.70 (U) and 1.25 (F2): N2 0.77, W 0.84, Si
1.06, Cs 1.07, Na 1.10, Al 1.18, Pb 1.20; water has 0.99. Rare gases touch without bonds (Xe 1.57, Ar 1.75, Ne 2.70) and
are left out. With Bohr taken for Å the same structures have 1.3 to 2.4, with Å taken for Bohr 0.37 to 0.66.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import chemical_symbols, covalent_radii

from nnp.core import errors, pair_search
from nnp.core.structure import Structure

COINCIDENT = 0.15
"""Of the sum of covalent radii: closer atoms are on top of each other (0.33 Å in silicon)."""
SHORTEST = 0.1
"""Å: closer atoms are on top of each other, whatever they are."""
TOO_LARGE = 1.45
"""If the closest pairs of three quarters of the frames are farther apart than this, the unit is doubtful."""
TOO_SMALL = 0.6
"""If the closest pairs of three quarters of the frames are closer than this, the unit is doubtful."""
REACHES = (1.3, 2.5)
"""Of the largest sum of covalent radii: pairs are looked for up to the first distance, where none is found up to the
second; beyond it atoms are on their own."""
RARE_GASES = np.isin(np.arange(len(covalent_radii)), (2, 10, 18, 36, 54, 86, 118))


@dataclass(frozen=True, kw_only=True)
class Contact:
    """The closest pair of a structure, measured in sums of covalent radii.

    Attributes:
        atoms: 0-based indices; the same twice for an atom and its own image.
        symbols: their symbols.
        distance: Å.
        ratio: the distance over the sum of the covalent radii.
        bonded_ratio: the smallest ratio of a pair without rare gases; None where none is within `REACHES`.
    """

    atoms: tuple[int, int]
    symbols: tuple[str, str]
    distance: float
    ratio: float
    bonded_ratio: float | None

    def coincidence(self) -> str | None:
        """What is wrong if the two are on top of each other, else None."""
        if self.ratio >= COINCIDENT and self.distance >= SHORTEST:
            return None
        first, second = self.atoms
        if first == second:
            return f"atom {first} ({self.symbols[0]}) is only {self.distance:.3g} Å from its own periodic image"
        return (
            f"atoms {first} ({self.symbols[0]}) and {second} ({self.symbols[1]}) coincide: they are only "
            f"{self.distance:.3g} Å apart"
        )


def closest(structure: Structure) -> Contact | None:
    """The closest pair in sums of covalent radii; None where no two atoms are near.

    Raises:
        StructureError: the atoms lie so far apart, or so densely, that no list of pairs can be made.
    """
    if len(structure) == 1 and not structure.pbc.any():
        return None
    for reach in REACHES:
        contact = _closest_within(structure, reach)
        # A pair that the search left out has a ratio above its reach.
        if contact is not None and contact.bonded_ratio is not None and contact.bonded_ratio <= reach:
            return contact
    return contact


def _closest_within(structure: Structure, reach: float) -> Contact | None:
    radii = covalent_radii[structure.numbers]
    with pair_search.half_list(structure, float(reach * 2 * radii.max())) as (pairs, vectors):
        if len(pairs) == 0:
            return None
        first, second = pairs[:, 0].astype(np.intp), pairs[:, 1].astype(np.intp)
        distances = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    ratios = distances / (radii[first] + radii[second])
    place = int(ratios.argmin())
    rare = RARE_GASES[structure.numbers]
    bonded = ratios[~(rare[first] | rare[second])] if rare.any() else ratios
    nearest = float(bonded.min(initial=np.inf))
    pair = sorted((int(first[place]), int(second[place])))
    return Contact(
        atoms=(pair[0], pair[1]),
        symbols=(chemical_symbols[structure.numbers[pair[0]]], chemical_symbols[structure.numbers[pair[1]]]),
        distance=float(distances[place]),
        ratio=float(ratios[place]),
        bonded_ratio=nearest if nearest <= REACHES[-1] else None,
    )


def check(structure: Structure) -> list[str]:
    """What makes one structure implausible by itself, in sentences; empty where nothing does.

    Raises:
        StructureError: see `closest`.
    """
    contact = closest(structure)
    problem = contact.coincidence() if contact is not None else None
    return [] if problem is None else [problem]


def check_unit(ratios: Sequence[float], *, length_unit: str, stated: bool, file: str) -> None:
    """Find a file whose lengths are in another unit than they were read in.

    Expanded crystals, dimer curves and isolated atoms are no reason: three quarters of the frames must be off.

    Args:
        ratios: `Contact.bonded_ratio` of the frames that have one.
        length_unit: the unit that they were read in.
        stated: the caller named this unit. Then lengths in Å are as they are, and only Å taken for Bohr is looked for.
        file: what the message calls the file.

    Raises:
        PlausibilityError: it says what was seen and what to do.
    """
    if not ratios or (stated and length_unit == "angstrom"):
        return
    lower, middle, upper = np.quantile(ratios, (0.25, 0.5, 0.75))
    if lower > TOO_LARGE and not stated:
        how, advice = "far apart", "Check the unit of length."
        if length_unit == "angstrom":
            advice = (
                "They look like Bohr read as Å: give length_unit=bohr (nnp upload --length-unit bohr). If they are in "
                "Å, give length_unit=angstrom."
            )
    elif upper < TOO_SMALL:
        how, advice = "close together", "Check the unit of length; length_unit=angstrom takes the lengths as they are."
        if length_unit == "bohr":
            advice = "They look like Å read as Bohr: give length_unit=angstrom."
    else:
        return
    raise errors.PlausibilityError(
        f"{file}: the closest atoms are {middle:.2f} sums of covalent radii apart (median over the frames; usual are "
        f"0.7 to 1.25), too {how} for lengths in {length_unit}. {advice}"
    )
