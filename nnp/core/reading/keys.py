"""Under which names a file keeps what belongs to a label and to a frame."""

from dataclasses import dataclass, fields
from types import MappingProxyType

USUAL = MappingProxyType(
    {
        # The energy whose derivative the forces are wins over the energy extrapolated to zero smearing.
        "energy": ("free_energy", "energy"),
        "forces": ("forces", "force"),
        "stress": ("stress",),
        "atomic_energies": ("atomic_energies",),
        "atom_weights": ("atom_weights",),
        "virial": ("virial",),
        "charge": ("charge", "total_charge"),
        # Not "spin": half of the data sets out there mean a multiplicity by it.
        "spin": ("magmom",),
        "electronic_temperature": ("electronic_temperature",),
        "group": ("group",),
        "trajectory": ("trajectory",),
        "split": ("split",),
        "name": ("name", "config", "config_type"),
    }
)
"""The names looked for, in this order, where the caller says nothing."""
OF_ATOMS = ("forces", "atomic_energies", "atom_weights")
"""What is an array over the atoms; the rest belongs to the frame."""


@dataclass(frozen=True, kw_only=True)
class LabelKeys:
    """Names in the file; None means the usual names (`USUAL`).

    A name that is given is the only one looked for, and the file must have it in at least one frame.

    Attributes:
        energy: of the energy whose derivative the forces are; usually `free_energy`, else `energy`.
        forces: of the column or array of forces; usually `forces`.
        stress: of the stress, energy/length^3, tension positive; 6 numbers (xx, yy, zz, yz, xz, xy) or 9.
        virial: of the virial, an energy; the stress is -virial/volume. Never guessed from the numbers.
        atomic_energies: of the column or array of energies of single atoms; usually `atomic_energies`.
        atom_weights: of the column or array of weights in the force loss; usually `atom_weights`.
        charge: of the total charge; usually `charge`.
        spin: of the total magnetic moment in Bohr magnetons; usually `magmom`.
        electronic_temperature: of the temperature of a Fermi-Dirac smearing in K.
        group: of the kind of structure; usually `group`.
        trajectory: of the name of the trajectory; usually `trajectory`.
        split: of train, validation or test; usually `split`.
        name: of a free text; usually `name`, `config` or `config_type`.
    """

    energy: str | None = None
    forces: str | None = None
    stress: str | None = None
    virial: str | None = None
    atomic_energies: str | None = None
    atom_weights: str | None = None
    charge: str | None = None
    spin: str | None = None
    electronic_temperature: str | None = None
    group: str | None = None
    trajectory: str | None = None
    split: str | None = None
    name: str | None = None

    def candidates(self, field: str) -> tuple[str, ...]:
        """The names to look for, best first."""
        given = getattr(self, field)
        return USUAL[field] if given is None else (given,)

    def given(self) -> dict[str, str]:
        """The names that the caller gave, by field."""
        return {field.name: name for field in fields(self) if (name := getattr(self, field.name)) is not None}
