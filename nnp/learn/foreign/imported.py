"""What the readers return."""

from collections.abc import Mapping
from dataclasses import dataclass

from nnp.learn.foreign.units import Units
from nnp.learn.potential import Potential


@dataclass(frozen=True, kw_only=True, eq=False)
class Imported:
    """A potential of another program.

    Attributes:
        potential: parameters in float64, eV and Å; the energy of a structure is that of the program, offsets included.
        format: "n2p2" or "simple-nn".
        files: name -> sha256 of its unpacked content.
        units: units of the files.
        warnings: sentences about what had to be assumed.
    """

    potential: Potential
    format: str
    files: Mapping[str, str]
    units: Units
    warnings: tuple[str, ...]

    @property
    def origin(self) -> dict[str, object]:
        """Where it comes from, JSON-like."""
        return {"format": self.format, "files": dict(self.files), "units": str(self.units)}
