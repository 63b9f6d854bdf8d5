"""Units of a foreign potential; the files do not state them, so Bohr and Hartree are the custom of RuNNer and n2p2."""

from dataclasses import dataclass

from nnp.core import errors, units


@dataclass(frozen=True, kw_only=True)
class Units:
    """Units of length and energy by their names in `nnp.core.units`."""

    length: str
    energy: str

    @property
    def length_a(self) -> float:
        """One unit of length in Å."""
        return units.LENGTHS[self.length]

    @property
    def energy_ev(self) -> float:
        """One unit of energy in eV."""
        return units.ENERGIES[self.energy]

    def __str__(self) -> str:
        return f"{self.length},{self.energy}"


ATOMIC = Units(length="bohr", energy="hartree")
METAL = Units(length="angstrom", energy="ev")


def parse(text: str) -> Units:
    """Units from "length,energy", such as "bohr,hartree" or "angstrom,ev".

    Raises:
        InputError: unknown names.
    """
    words = [word.strip().lower() for word in text.split(",")]
    if len(words) != 2 or words[0] not in units.LENGTHS or words[1] not in units.ENERGIES:
        raise errors.InputError(
            f"units {text[:60]!r}: give a length and an energy such as 'bohr,hartree' or 'angstrom,ev'; "
            f"lengths: {', '.join(units.LENGTHS)}; energies: {', '.join(units.ENERGIES)}"
        )
    return Units(length=words[0], energy=words[1])
