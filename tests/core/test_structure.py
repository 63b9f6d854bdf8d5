import numpy as np
import pytest
from ase.build import bulk, fcc111, molecule

from nnp.core import errors
from nnp.core.structure import Structure

SILICON = {"numbers": [14, 14], "positions": [[0, 0, 0], [1.36, 1.36, 1.36]], "cell": np.eye(3) * 5.43, "pbc": True}


def test_what_describes_it() -> None:
    structure = Structure.from_atoms(molecule("CH3CH2OH"))
    assert structure.formula == "C2H6O"
    assert structure.elements == ("H", "C", "O")
    assert structure.symbols[:3] == ("C", "C", "O")
    assert len(structure) == 9
    assert structure.volume is None
    crystal = Structure.from_atoms(bulk("NaCl", "rocksalt", a=5.64, cubic=True))
    assert crystal.formula == "Cl4Na4"
    assert crystal.volume == pytest.approx(5.64**3)


def test_atoms_and_back() -> None:
    atoms = bulk("Si")
    again = Structure.from_atoms(atoms).to_atoms()
    assert again == atoms
    slab = fcc111("Al", (1, 1, 3), vacuum=8.0)
    structure = Structure.from_atoms(slab)
    assert structure.pbc.tolist() == [True, True, False]
    assert structure.cell[2].tolist() == [0.0, 0.0, 0.0]
    assert structure.volume is None
    np.testing.assert_array_equal(structure.to_atoms().positions, slab.positions)


def test_it_copies_and_does_not_change() -> None:
    positions = np.zeros((1, 3))
    structure = Structure(numbers=[14], positions=positions, cell=np.eye(3) * 3, pbc=True)
    positions[0, 0] = 1.0
    assert structure.positions[0, 0] == 0.0
    for name in ("numbers", "positions", "cell", "pbc"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(structure, name)[0] = 1
    with pytest.raises(AttributeError):
        structure.pbc = np.zeros(3, dtype=bool)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"numbers": [], "positions": np.empty((0, 3))}, "at least one atom"),
        ({"numbers": [14.0, 14.0]}, "integers"),
        ({"numbers": [14, 0]}, "atom 1: unknown element"),
        ({"numbers": [119, 14]}, "atom 0: unknown element"),
        ({"positions": [[0, 0, 0]]}, "shape"),
        ({"positions": [[0, 0, 0], [np.nan, 0, 0]]}, "atom 1: the position is not a finite number"),
        ({"positions": [[0, 0, 0], [0, -1e8, 0]]}, "atom 1: the position is more than"),
        ({"cell": np.eye(2)}, "shape"),
        ({"cell": np.diag([5.0, np.inf, 5.0])}, "not finite"),
        ({"cell": np.eye(3) * 1e8}, "longer"),
        ({"cell": np.zeros((3, 3))}, "singular cell"),
        ({"cell": [[5, 0, 0], [0, 5, 0], [5, 5, 1e-6]]}, "linearly dependent"),
        ({"cell": [[5, 0, 0], [5, 0, 0], [0, 0, 5]], "pbc": [True, True, False]}, "linearly dependent"),
    ],
)
def test_what_is_refused(change: dict, message: str) -> None:
    with pytest.raises(errors.StructureError, match=message):
        Structure(**{**SILICON, **change})


def test_directions_that_are_not_periodic_need_no_vector() -> None:
    structure = Structure(**{**SILICON, "cell": np.diag([5.0, np.nan, 0.0]), "pbc": [True, False, False]})
    assert structure.cell.tolist() == [[5.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def test_symbols() -> None:
    structure = Structure.from_symbols(["O", "H", "H"], np.eye(3), np.zeros((3, 3)), False)
    assert structure.numbers.tolist() == [8, 1, 1]
    for unknown in ("Xx", "X", "si"):
        with pytest.raises(errors.StructureError, match=f"atom 1: unknown element '{unknown}'") as caught:
            Structure.from_symbols(["Si", unknown], np.eye(3)[:2], np.zeros((3, 3)), False)
        assert caught.value.atom == 1
