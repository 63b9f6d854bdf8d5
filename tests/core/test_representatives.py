import numpy as np

from nnp.core.label import Frame, Label
from nnp.core.representatives import representatives
from nnp.core.structure import Structure


def frame(symbols: str, force: float) -> Frame:
    atoms = list(symbols)
    positions = np.arange(3.0 * len(atoms)).reshape(-1, 3) * 2
    structure = Structure.from_symbols(atoms, positions, np.zeros((3, 3)), False)
    return Frame(structure=structure, label=Label(energy=0.0, forces=np.full((len(atoms), 3), force)))


def test_the_largest_forces_are_chosen() -> None:
    frames = [frame("HH", force) for force in (0.1, 3.0, 0.2, 2.0, 1.0)]
    assert representatives(frames, count=3) == [frames[i].structure for i in (1, 3, 4)]


def test_every_element_is_met() -> None:
    frames = [*(frame("HH", force) for force in (5.0, 6.0, 7.0)), frame("HO", 0.1), frame("CC", 0.2)]
    chosen = representatives(frames, count=3)
    assert {int(number) for structure in chosen for number in structure.numbers} == {1, 6, 8}
    assert len(representatives(frames, count=1)) == 3


def test_large_structures_are_for_elements_that_no_small_one_has() -> None:
    frames = [frame("H" * 8, 9.0), frame("HH", 1.0), frame("O" * 8, 0.1)]
    chosen = representatives(frames, count=3, most_atoms=4)
    assert chosen == [frames[1].structure, frames[2].structure]


def test_there_may_be_fewer() -> None:
    assert representatives([]) == []
    assert len(representatives([frame("HH", 1.0)], count=3)) == 1
