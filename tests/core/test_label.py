import numpy as np
import pytest

from nnp.core import errors
from nnp.core.label import Frame, Label
from nnp.core.structure import Structure

MOLECULE = Structure(numbers=[1, 1], positions=[[0, 0, 0], [0.74, 0, 0]], cell=np.zeros((3, 3)), pbc=False)
CRYSTAL = Structure(numbers=[14], positions=[[0, 0, 0]], cell=np.eye(3) * 3, pbc=True)


def test_numbers_become_floats_and_arrays_do_not_change() -> None:
    label = Label(energy=np.float32(-1.5), forces=[[0, 0, 1]], stress=[1, 2, 3, 4, 5, 6], spin=2, charge=np.int64(-1))
    assert (type(label.energy), type(label.spin), type(label.charge)) == (float, float, float)
    assert label.forces.dtype == label.stress.dtype == np.float64
    for array in (label.forces, label.stress):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"energy": np.nan}, "energy is not a finite number"),
        ({"energy": "low"}, "energy is not a number"),
        ({"energy": 1e12}, "energy is not a finite number"),
        ({"energy": 0.0, "forces": [[0, 0, 0], [0, np.nan, 0]]}, "part of the forces is missing: .* atom 1"),
        ({"energy": 0.0, "forces": [[np.nan] * 3]}, "the forces are missing"),
        ({"energy": 0.0, "forces": [0, 0, 0]}, "shape"),
        ({"energy": 0.0, "forces": [[0, 0, 1e11]]}, "larger"),
        ({"energy": 0.0, "stress": np.eye(3)}, "shape"),
        ({"energy": 0.0, "stress": [np.inf] * 6}, "not finite"),
        ({"energy": 0.0, "atomic_energies": [[1.0]]}, "shape"),
        ({"energy": 0.0, "atomic_energies": [0.0, np.inf]}, "no finite number for atom 1"),
        ({"energy": 0.0, "spin": np.nan}, "spin is not"),
        ({"energy": 0.0, "electronic_temperature": -1}, "negative"),
    ],
)
def test_what_is_refused(fields: dict, message: str) -> None:
    with pytest.raises(errors.LabelError, match=message):
        Label(**fields)


def test_a_frame_holds_what_fits_together() -> None:
    assert Frame(structure=MOLECULE).label is None
    assert Frame(structure=MOLECULE, label=Label(energy=1.0, forces=np.zeros((2, 3)))).label.energy == 1.0
    assert Frame(structure=CRYSTAL, label=Label(energy=1.0, stress=np.zeros(6))).label.stress.shape == (6,)
    with pytest.raises(errors.LabelError, match="1 forces for 2 atoms"):
        Frame(structure=MOLECULE, label=Label(energy=1.0, forces=np.zeros((1, 3))))
    with pytest.raises(errors.LabelError, match="periodic in three directions"):
        Frame(structure=MOLECULE, label=Label(energy=1.0, stress=np.zeros(6)))
    with pytest.raises(errors.LabelError, match="1 atomic energies for 2 atoms"):
        Frame(structure=MOLECULE, label=Label(energy=1.0, atomic_energies=np.zeros(1)))
    with pytest.raises(errors.LabelError, match="3 atom weights for 2 atoms"):
        Frame(structure=MOLECULE, atom_weights=np.zeros(3))
    with pytest.raises(errors.LabelError, match="negative"):
        Frame(structure=MOLECULE, atom_weights=np.array([1.0, -1.0]))
