"""What a potential answers for one structure. Numpy only, so that clients read it without a runtime."""

from dataclasses import dataclass, field

import numpy as np

PROPERTIES: tuple[str, ...] = (
    "energy",
    "energies",
    "forces",
    "stress",
    "virials",
    "energy_novelties",
    "energy_uncertainty",
    "force_uncertainties",
    "energy_spread",
    "force_spreads",
    "domain",
)
"""Everything that can be asked for; units and meaning as the attributes of ``Prediction``."""


@dataclass(frozen=True, kw_only=True)
class Domain:
    """How far a structure lies outside of the range that the symmetry functions had in training.

    Attributes:
        counts: (N,) int64, symmetry functions of each atom outside of their training range.
        excess: (N,) float64, largest distance to the range over the functions of an atom, in units of the range's
            width.
        extrapolating: whether any atom has a count above zero or a negative density margin, or a spread asked for
            exceeds all that its calibration was fitted to.
        density_margins: (N,) float64, ln of the density of training data around the atom's symmetry functions minus its
            least value at a training atom of the element; negative where emptier than all of training. None for a
            potential without a density.
    """

    counts: np.ndarray
    excess: np.ndarray
    extrapolating: bool
    density_margins: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The answer for one structure of N atoms; a property not asked for, or not available, is None.

    Energies, forces and stress are the mean of the committee, reference energies included.

    Attributes:
        energy: total energy, eV.
        energies: (N,) atomic energies, eV; they sum to ``energy``.
        forces: (N, 3), eV/Å.
        stress: (6,) (1/V) dE/dstrain, Voigt order xx, yy, zz, yz, xz, xy, tension positive, eV/Å³.
        virials: (N, 3, 3) atomic virials -Σ_j r_ij ⊗ dE_i/dr_ij, eV; their sum is -stress · volume.
        energy_novelties: (N,) population std of the replicas' atomic energies, eV: "never seen", not an error bar.
        energy_uncertainty: calibrated uncertainty of ``energy``, eV.
        force_uncertainties: (N,) calibrated uncertainty of each atom's force, eV/Å.
        energy_spread: population std of the members' total energies, eV, before calibration.
        force_spreads: (N,) root mean square over members of |F_m - F| / √3 (per component), eV/Å, before calibration.
        domain: where the structure leaves the range of the training data.
        unavailable: property asked for -> why it is None.
    """

    energy: float | None = None
    energies: np.ndarray | None = None
    forces: np.ndarray | None = None
    stress: np.ndarray | None = None
    virials: np.ndarray | None = None
    energy_novelties: np.ndarray | None = None
    energy_uncertainty: float | None = None
    force_uncertainties: np.ndarray | None = None
    energy_spread: float | None = None
    force_spreads: np.ndarray | None = None
    domain: Domain | None = None
    unavailable: dict[str, str] = field(default_factory=dict)
