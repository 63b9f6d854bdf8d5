"""Units: everything inside is eV, Å, amu, fs, K and their products; these constants lead in and out (CODATA 2018).

Source: https://physics.nist.gov/cuu/Constants/, 2018 values.
"""

from types import MappingProxyType

BOHR = 0.529177210903
"""One Bohr radius in Å."""

HARTREE = 27.211386245988
"""One Hartree in eV."""

RYDBERG = HARTREE / 2
"""One Rydberg in eV."""

BOLTZMANN = 8.617333262e-5
"""Boltzmann's constant in eV/K."""

GPA = 1e9 * 1e-30 / 1.602176634e-19
"""One GPa in eV/Å^3 (0.00624...)."""

LENGTHS = MappingProxyType({"angstrom": 1.0, "bohr": BOHR, "nm": 10.0})
"""Units of length by name, in Å."""

ENERGIES = MappingProxyType({"ev": 1.0, "hartree": HARTREE, "rydberg": RYDBERG, "mev": 1e-3})
"""Units of energy by name, in eV."""
