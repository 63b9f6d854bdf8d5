"""A label (energy, forces, stress of a structure) and a frame (a structure with its label and where it came from)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nnp.core import errors
from nnp.core.structure import Structure

LARGEST = 1e10
"""eV, eV/Å, eV/Å^3; no number of a label is larger: the content hash stays exact below it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Label:
    """What one first-principles calculation says of one structure.

    Attributes:
        energy: eV, total for the structure: the one whose derivative the forces are (with electronic smearing the free
            energy: ASE `free_energy`, VASP TOTEN).
        forces: (N, 3) float64, eV/Å, or None. All of them or none.
        stress: (6,) float64, eV/Å^3, Voigt order xx, yy, zz, yz, xz, xy, tension positive, or None.
        atomic_energies: (N,) float64, eV: the share of each atom in the energy, where a calculation gives it (an
            empirical or another learned potential), or None.
        charge: total charge of the cell in elementary charges.
        spin: total magnetic moment in Bohr magnetons; None where not spin-polarised or not known.
        electronic_temperature: temperature of a Fermi-Dirac smearing in K; None where there is none or it is not known.

    Raises:
        LabelError: numbers that are not finite, wrong shapes.
    """

    energy: float
    forces: npt.NDArray[np.float64] | None = None
    stress: npt.NDArray[np.float64] | None = None
    atomic_energies: npt.NDArray[np.float64] | None = None
    charge: float = 0.0
    spin: float | None = None
    electronic_temperature: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "energy", _number("energy", self.energy))
        object.__setattr__(self, "charge", _number("charge", self.charge))
        for name in ("spin", "electronic_temperature"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, _number(name, value))
        if self.electronic_temperature is not None and self.electronic_temperature < 0:
            raise errors.LabelError("the electronic temperature is negative")
        if self.forces is not None:
            object.__setattr__(self, "forces", _forces(self.forces))
        if self.stress is not None:
            object.__setattr__(self, "stress", _stress(self.stress))
        if self.atomic_energies is not None:
            object.__setattr__(self, "atomic_energies", _per_atom("atomic energies", self.atomic_energies))


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a frame was read: name of the file, 0-based frame, 1-based line (of the frame's first line) where known."""

    file: str
    frame: int
    line: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """A structure with its label, if any, and what the data set says of it.

    Attributes:
        structure: the structure.
        label: the label; None for an unlabelled structure.
        group: what kind of structure it is ("liquid", "vacancy"); errors are reported by group.
        trajectory: name of the trajectory; frames that share it never straddle a split.
        split: "train", "validation" or "test" where the data set decides it.
        name: free text.
        source: where it was read.
        atom_weights: (N,) weight of each atom in the force loss of a training, not negative; None weighs all alike.

    Raises:
        LabelError: values for another number of atoms, negative weights, or a stress without three periodic directions.
    """

    structure: Structure
    label: Label | None = None
    group: str | None = None
    trajectory: str | None = None
    split: str | None = None
    name: str | None = None
    source: Source | None = None
    atom_weights: npt.NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if self.atom_weights is not None:
            object.__setattr__(self, "atom_weights", _per_atom("atom weights", self.atom_weights))
            self._check_count("atom weights", self.atom_weights)
            if (self.atom_weights < 0.0).any():
                raise errors.LabelError("an atom weight is negative")
        if self.label is None:
            return
        self._check_count("atomic energies", self.label.atomic_energies)
        if self.label.forces is not None and len(self.label.forces) != len(self.structure):
            raise errors.LabelError(f"{len(self.label.forces)} forces for {len(self.structure)} atoms")
        if self.label.stress is not None and not self.structure.pbc.all():
            raise errors.LabelError("a stress needs a structure that is periodic in three directions")

    def _check_count(self, name: str, values: npt.NDArray[np.float64] | None) -> None:
        if values is not None and len(values) != len(self.structure):
            raise errors.LabelError(f"{len(values)} {name} for {len(self.structure)} atoms")


def _number(name: str, given: object) -> float:
    try:
        value = float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise errors.LabelError(f"the {name.replace('_', ' ')} is not a number: {given!r}") from None
    if not abs(value) <= LARGEST:
        raise errors.LabelError(f"the {name.replace('_', ' ')} is not a finite number below {LARGEST:g}: {value}")
    return value


def _forces(given: npt.ArrayLike) -> npt.NDArray[np.float64]:
    forces = np.array(given, dtype=np.float64, order="C")
    if forces.ndim != 2 or forces.shape[1] != 3:
        raise errors.LabelError(f"forces have shape {forces.shape}, not (N, 3)")
    wrong = np.flatnonzero(~np.isfinite(forces).all(axis=1))
    if wrong.size:
        what = "part of the forces is missing" if wrong.size < len(forces) else "the forces are missing"
        raise errors.LabelError(f"{what}: not a finite number for atom {int(wrong[0])}", atom=int(wrong[0]))
    if np.abs(forces).max(initial=0.0) > LARGEST:
        raise errors.LabelError(f"a force is larger than {LARGEST:g} eV/Å")
    forces.flags.writeable = False
    return forces


def _per_atom(name: str, given: npt.ArrayLike) -> npt.NDArray[np.float64]:
    values = np.array(given, dtype=np.float64)
    if values.ndim != 1:
        raise errors.LabelError(f"the {name} have shape {values.shape}, not (N,)")
    wrong = np.flatnonzero(~(np.abs(values) <= LARGEST))
    if wrong.size:
        raise errors.LabelError(f"the {name} have no finite number for atom {int(wrong[0])}", atom=int(wrong[0]))
    values.flags.writeable = False
    return values


def _stress(given: npt.ArrayLike) -> npt.NDArray[np.float64]:
    stress = np.array(given, dtype=np.float64, order="C")
    if stress.shape != (6,):
        raise errors.LabelError(f"the stress has shape {stress.shape}, not (6,): xx, yy, zz, yz, xz, xy")
    if not (np.abs(stress) <= LARGEST).all():
        raise errors.LabelError(f"the stress is not finite and below {LARGEST:g} eV/Å^3 (NaN or infinite)")
    stress.flags.writeable = False
    return stress
