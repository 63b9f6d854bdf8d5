import ase.units
import pytest

from nnp.core import units


def test_constants_agree_with_those_of_ase() -> None:
    """ASE holds CODATA 2014, which differs from 2018 in the ninth digit."""
    for ours, theirs in [
        (units.BOHR, ase.units.Bohr),
        (units.HARTREE, ase.units.Hartree),
        (units.RYDBERG, ase.units.Rydberg),
        (units.BOLTZMANN, ase.units.kB),
        (units.GPA, ase.units.GPa),
    ]:
        assert ours == pytest.approx(theirs, rel=1e-6)
