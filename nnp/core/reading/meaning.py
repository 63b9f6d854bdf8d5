"""From a record of a file to a frame: which value is the energy, which unit it has, what contradicts what."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from nnp.core import errors, plausibility, units
from nnp.core.label import Frame, Label, Source
from nnp.core.reading import comment, unrecognised
from nnp.core.reading.keys import LabelKeys
from nnp.core.reading.record import Record
from nnp.core.structure import Structure

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
"""Where xx, yy, zz, yz, xz, xy stand in the tensor."""
SYMMETRY_TOLERANCE = 1e-3
"""Difference of a tensor from its transpose, relative to its largest component, that counts as rounding."""
AGREEMENT = 1e-3
"""Difference of a stress and a virial, relative to the largest component, that counts as rounding."""
SMALL_STRESS = 1e-5
"""eV/Å^3 (1.6 MPa); below this no difference of stresses counts."""
LOOKALIKES = MappingProxyType({"energy": unrecognised.energies, "forces": unrecognised.forces})
"""What finds values that look like a part of a label."""
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """How to understand the records of a file.

    Attributes:
        file: what errors and sources call it.
        keys: names of values.
        length: Å per unit of length of the file.
        energy: eV per unit of energy of the file.
        require_labels: a frame without an energy is an error; None: if it looks as though it had one.
    """

    file: str
    keys: LabelKeys
    length: float
    energy: float
    require_labels: bool | None


def frame(record: Record, meaning: Meaning) -> tuple[Frame, plausibility.Contact | None]:
    """The frame, and its closest pair of atoms.

    Raises:
        ReadError: the content cannot be used; it names the line of the atom at fault where one is.
    """
    try:
        structure = Structure.from_symbols(
            tuple(record.symbols),
            np.asarray(record.positions, dtype=np.float64) * meaning.length,
            np.asarray(record.cell, dtype=np.float64) * meaning.length,
            np.asarray(record.pbc),
        )
        contact = plausibility.closest(structure)
        if contact is not None and (problem := contact.coincidence()) is not None:
            raise errors.StructureError(problem, atom=contact.atoms[1])
        texts = {field: _text(record, meaning, field) for field in ("group", "trajectory", "name")}
        return (
            Frame(
                structure=structure,
                label=_label(record, meaning, structure),
                split=_split(record, meaning),
                atom_weights=_per_atom(record, meaning, "atom_weights", ()),
                source=Source(file=meaning.file, frame=record.frame, line=record.line),
                **texts,
            ),
            contact,
        )
    except (errors.StructureError, errors.LabelError) as error:
        raise errors.ReadError(
            file=meaning.file, frame=record.frame, line=record.line_of(error.atom), reason=str(error)
        ) from None


def _label(record: Record, meaning: Meaning, structure: Structure) -> Label | None:
    energy = _number(record, meaning, "energy")
    forces = _per_atom(record, meaning, "forces", (3,))
    stress = _stress(record, meaning, structure)
    if energy is None:
        if forces is not None or stress is not None:
            raise errors.LabelError(
                f"{'forces' if forces is not None else 'a stress'} without an energy; if the energy has another name "
                f"than {' or '.join(meaning.keys.candidates('energy'))}, say which (energy key); "
                f"this frame has {', '.join(sorted(map(str, record.values))) or 'no values'}"
            )
        if meaning.require_labels is None:
            _check_names(record, meaning, ("energy", "forces"))
        elif meaning.require_labels:
            raise errors.LabelError(f"no energy: {' or '.join(meaning.keys.candidates('energy'))} is not there")
        return None
    if forces is None and meaning.require_labels is None:
        _check_names(record, meaning, ("forces",))
    charge = _number(record, meaning, "charge")
    atomic = _per_atom(record, meaning, "atomic_energies", ())
    return Label(
        energy=energy * meaning.energy,
        forces=None if forces is None else forces * (meaning.energy / meaning.length),
        stress=stress,
        atomic_energies=None if atomic is None else atomic * meaning.energy,
        charge=0.0 if charge is None else charge,
        spin=_number(record, meaning, "spin"),
        electronic_temperature=_number(record, meaning, "electronic_temperature"),
    )


def _check_names(record: Record, meaning: Meaning, fields: tuple[str, ...]) -> None:
    """Refuse a frame that seems to have what was not found: it would be taken without it, and nobody would notice."""
    for field in fields:
        if found := LOOKALIKES[field](record, meaning.keys):
            raise errors.LabelError(
                f"no {field} under the usual name ({' or '.join(meaning.keys.candidates(field))}), but "
                f"{', '.join(found[:5])}; say which it is ({field} key; nnp upload --{field}-key {found[0]}), "
                "or that there are none (require_labels=false; nnp upload --unlabelled)"
            )


def _find(place: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, Any]:
    for name in names:
        if (value := place.get(name)) is not None:
            return name, value
    return names[0], None


def _number(record: Record, meaning: Meaning, field: str) -> float | None:
    name, value = _find(record.values, meaning.keys.candidates(field))
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise errors.LabelError(f"{name} is no number: {str(value)[:60]!r}") from None
    if not np.isfinite(number):
        raise errors.LabelError(f"{name} is not a finite number: {value}")
    return number


def _per_atom(record: Record, meaning: Meaning, field: str, shape: tuple[int, ...]) -> npt.NDArray[np.float64] | None:
    """Numbers (N, *shape) of the atoms, in the unit of the file."""
    name, value = _find(record.arrays, meaning.keys.candidates(field))
    if value is None:
        return None
    try:
        found = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise errors.LabelError(f"{name} are no numbers") from None
    if found.shape == (len(record.symbols), 1) and not shape:
        found = found[:, 0]
    if found.shape != (len(record.symbols), *shape):
        wanted = ", ".join(str(size) for size in (len(record.symbols), *shape))
        raise errors.LabelError(f"{name} have shape {found.shape}, not ({wanted}{'' if shape else ','})")
    return found


def _stress(record: Record, meaning: Meaning, structure: Structure) -> npt.NDArray[np.float64] | None:
    """(6,) eV/Å^3 from the stress, or -virial/volume; both must agree where both are there."""
    stress_name, stress_value = _find(record.values, meaning.keys.candidates("stress"))
    virial_name, virial_value = _find(record.values, meaning.keys.candidates("virial"))
    if stress_value is None and virial_value is None:
        return None
    if structure.volume is None:
        raise errors.LabelError(
            f"{stress_name if virial_value is None else virial_name} of a structure that is not periodic in three "
            "directions means nothing; leave it out of the file"
        )
    stress = virial = None
    if stress_value is not None:
        stress = _voigt(stress_name, stress_value) * (meaning.energy / meaning.length**3)
    if virial_value is not None:
        virial = _voigt(virial_name, virial_value) * (-meaning.energy / structure.volume)
    if stress is None or virial is None:
        return virial if stress is None else stress
    allowed = AGREEMENT * max(np.abs(stress).max(), np.abs(virial).max()) + SMALL_STRESS
    if not np.abs(stress - virial).max() <= allowed:
        raise errors.LabelError(
            f"{stress_name} and {virial_name} contradict each other: the stress is not -virial/volume "
            f"(xx: {stress[0]:.6g} against {virial[0]:.6g} eV/Å^3); correct the signs and units, or leave one out"
        )
    return stress


def _voigt(name: str, value: Any) -> npt.NDArray[np.float64]:
    """(6,) xx, yy, zz, yz, xz, xy from 6 numbers in this order, or from 9 of a symmetric tensor."""
    try:
        given = np.array(comment.numbers(value)) if isinstance(value, str) else np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise errors.LabelError(f"{name} is not made of numbers: {str(value)[:60]!r}") from None
    if not np.isfinite(given).all():
        raise errors.LabelError(f"{name} is not finite (NaN or infinite)")
    if given.shape == (6,):
        return given
    if given.size != 9:
        raise errors.LabelError(f"{name} has {given.size} numbers; 6 (xx, yy, zz, yz, xz, xy) or 9 are expected")
    tensor = given.reshape(3, 3)
    if np.abs(tensor - tensor.T).max() > SYMMETRY_TOLERANCE * np.abs(tensor).max() + SMALL_STRESS:
        raise errors.LabelError(f"the nine numbers of {name} are no symmetric tensor")
    tensor = (tensor + tensor.T) / 2
    return np.array([tensor[place] for place in VOIGT])


def _text(record: Record, meaning: Meaning, field: str) -> str | None:
    value = _find(record.values, meaning.keys.candidates(field))[1]
    return (str(value) or None) if value is not None else None


def _split(record: Record, meaning: Meaning) -> str | None:
    name, value = _find(record.values, meaning.keys.candidates("split"))
    if value is None:
        return None
    if (split := SPLITS.get(str(value).lower())) is None:
        raise errors.LabelError(
            f"{name} is {str(value)[:60]!r}; train, validation or test is expected (or name another split key)"
        )
    return split


def scales(length_unit: str, energy_unit: str) -> tuple[float, float]:
    """Å per unit of length and eV per unit of energy.

    Raises:
        InputError: a name is no unit.
    """
    for name, known, what in ((length_unit, units.LENGTHS, "length"), (energy_unit, units.ENERGIES, "energy")):
        if name.lower() not in known:
            raise errors.InputError(f"{name!r} is no unit of {what}; {', '.join(known)} are")
    return units.LENGTHS[length_unit.lower()], units.ENERGIES[energy_unit.lower()]
