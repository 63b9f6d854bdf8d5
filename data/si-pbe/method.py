"""The one method of this data set: GPAW, PBE, plane waves, the same density of k-points and smearing everywhere."""

import itertools
from importlib import metadata
from typing import Any

import ase
import gpaw
import numpy as np
import numpy.typing as npt
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

CUTOFF_EV = 200.0
SMEARING_EV = 0.1
K_SPACING = 0.61
"""Target (1/Å, 2 pi included) of the coarse mesh; the finer mesh below has half of it."""


def mesh_size(atoms: Atoms, spacing: float = K_SPACING) -> tuple[int, int, int]:
    """Even numbers of k-points along the reciprocal vectors: twice |b| / spacing rounded to the nearest, at least 2."""
    lengths = 2 * np.pi * np.linalg.norm(atoms.cell.reciprocal(), axis=1)
    return tuple(2 * max(1, round(length / spacing)) for length in lengths)


def body_centred_mesh(size: tuple[int, int, int]) -> npt.NDArray[np.float64]:
    """The points (i + 1/2) / n of a mesh of even size whose three i are all even or all odd; shape (n1 n2 n3 / 4, 3).

    A quarter of the mesh, arranged body-centred, integrates nearly as well as all of it. Doubling the cell along an
    axis and halving n there gives the same points, so that cells of 8 and of 16 atoms agree.
    """
    indices = itertools.product(*(range(n) for n in size))
    kept = [index for index in indices if len({i % 2 for i in index}) == 1]
    points = (np.array(kept) + 0.5) / np.array(size)
    return np.where(points > 0.5, points - 1.0, points)


def full_mesh(size: tuple[int, int, int]) -> npt.NDArray[np.float64]:
    """All points (i + 1/2) / n; shape (n1 n2 n3, 3). For the convergence check."""
    points = (np.array(list(itertools.product(*(range(n) for n in size)))) + 0.5) / np.array(size)
    return np.where(points > 0.5, points - 1.0, points)


def calculator(
    atoms: Atoms,
    *,
    log: str | None,
    cutoff: float = CUTOFF_EV,
    points: npt.NDArray[np.float64] | None = None,
    convergence: dict[str, float] | None = None,
) -> Any:
    """A GPAW calculator with the settings of the data set for these atoms; the checks replace one or another."""
    return gpaw.GPAW(
        mode=gpaw.PW(cutoff),
        xc="PBE",
        kpts=body_centred_mesh(mesh_size(atoms)) if points is None else points,
        occupations=gpaw.FermiDirac(SMEARING_EV),
        symmetry={"point_group": False},
        convergence=convergence or {},
        txt=log,
    )


def label(atoms: Atoms, *, log: str | None = None, **settings: Any) -> Atoms:
    """A copy with free energy (eV), forces (eV/Å) and stress (eV/Å^3, ASE's sign and Voigt order) attached."""
    labelled = atoms.copy()
    labelled.calc = calculator(atoms, log=log, **settings)
    energy = labelled.get_potential_energy(force_consistent=True)
    forces, stress = labelled.get_forces(), labelled.get_stress()
    labelled.calc = SinglePointCalculator(labelled, energy=energy, free_energy=energy, forces=forces, stress=stress)
    return labelled


def record() -> dict[str, Any]:
    """What a reader of the labels has to know about their origin."""
    return {
        "code": "GPAW",
        "version": metadata.version("gpaw"),
        "ase_version": ase.__version__,
        "functional": "PBE",
        "basis": "plane waves",
        "cutoff_ev": CUTOFF_EV,
        "paw_set": f"gpaw-data {metadata.version('gpaw-data')}, Si.PBE (4 valence electrons)",
        "smearing": "Fermi-Dirac",
        "smearing_ev": SMEARING_EV,
        "k_points": "even half-step-shifted mesh, n = 2 max(1, round(|b| / spacing)), its body-centred quarter",
        "k_spacing_per_angstrom": K_SPACING,
        "spin": "none",
        "convergence": "GPAW defaults (5e-4 eV and 1e-4 electrons per valence electron, 4e-8 eV^2)",
        "energy": "free energy E - TS, whose derivatives the forces and stress are; zero: GPAW's reference atom",
    }
