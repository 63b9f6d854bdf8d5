"""What is written is read back exactly, here and by ASE."""

import io
import math
from pathlib import Path

import ase.io
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nnp.core import reading, writing
from nnp.core.label import Frame, Label
from nnp.core.structure import Structure

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)
TEXTS = st.none() | st.text(st.sampled_from("aZé9_-. \"'=\\{}[],\u2028"), min_size=1, max_size=8)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    periodic = draw(st.sampled_from([(True,) * 3, (False,) * 3, (True, False, True)]))
    shift = draw(st.lists(st.floats(-0.2, 0.2), min_size=3, max_size=3))
    structure = Structure(
        numbers=np.array(draw(st.lists(st.sampled_from([1, 6, 14, 55]), min_size=2, max_size=2)), dtype=np.int32),
        positions=np.array([[0.0, 0.0, 0.0], [2.0, 2.0, 2.0]]) + np.outer([1, -1], shift) / 3,
        cell=np.diag([7.0, 8.0, 9.0]) + np.tri(3, k=-1) * shift[0] / 7,
        pbc=np.array(periodic),
    )
    six = draw(st.none() | st.lists(NUMBERS, min_size=6, max_size=6)) if all(periodic) else None
    label = Label(
        energy=draw(NUMBERS),
        forces=draw(st.none() | st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=2, max_size=2)),
        stress=None if six is None else np.array(six),
        atomic_energies=draw(st.none() | st.lists(NUMBERS, min_size=2, max_size=2)),
        charge=draw(st.sampled_from([0.0, -1.0, 0.1])),
        spin=draw(st.none() | NUMBERS),
        electronic_temperature=draw(st.none() | st.floats(0, 1e5)),
    )
    return Frame(
        structure=structure,
        label=draw(st.sampled_from([label, None])),
        group=draw(TEXTS),
        trajectory=draw(TEXTS),
        name=draw(TEXTS),
        split=draw(st.sampled_from([None, "train", "validation", "test"])),
        atom_weights=draw(st.none() | st.lists(st.floats(0, 100), min_size=2, max_size=2)),
    )


def same(first: object, second: object) -> bool:
    return (first is None) == (second is None) and (first is None or bool(np.array_equal(first, second)))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_frame=frames())
def test_a_frame_is_read_back_exactly(given_frame: Frame, tmp_path: Path) -> None:
    path = tmp_path / "frame.extxyz"
    writing.write_extxyz(path, [given_frame])
    (found,) = reading.read_frames(path, length_unit="angstrom")
    for name in ("numbers", "positions", "cell", "pbc"):
        assert same(getattr(found.structure, name), getattr(given_frame.structure, name))
    assert (found.label is None) == (given_frame.label is None)
    if found.label is not None:
        for name in ("energy", "forces", "stress", "atomic_energies", "charge", "spin", "electronic_temperature"):
            assert same(getattr(found.label, name), getattr(given_frame.label, name)), name
    for name in ("group", "trajectory", "split", "name"):
        assert getattr(found, name) == getattr(given_frame, name)
    assert same(found.atom_weights, given_frame.atom_weights)


def labelled(**changes: object) -> Frame:
    structure = Structure.from_symbols(["Na", "Cl"], [[0, 0, 0], [0, 0, 1 / 3 + 2]], np.eye(3) * 5, True)
    label = Label(energy=-math.pi, forces=np.eye(3)[:2] / 3, stress=np.arange(6) / 7, spin=1.5)
    return Frame(**{"structure": structure, "label": label, "group": "rock salt", **changes})


def test_ase_reads_it_with_a_calculator(tmp_path: Path) -> None:
    path, frame = tmp_path / "frame.extxyz.gz", labelled(name='say "hi"')
    writing.write_extxyz(path, [frame, frame])
    for atoms in ase.io.read(path, ":"):
        np.testing.assert_array_equal(atoms.positions, frame.structure.positions)
        np.testing.assert_array_equal(atoms.cell, frame.structure.cell)
        assert atoms.pbc.all()
        assert atoms.get_potential_energy() == atoms.get_potential_energy(force_consistent=True) == -math.pi
        np.testing.assert_array_equal(atoms.get_forces(), frame.label.forces)
        np.testing.assert_array_equal(atoms.get_stress(), frame.label.stress)
        assert atoms.get_magnetic_moment() == 1.5
        assert (atoms.info["group"], atoms.info["name"]) == ("rock salt", 'say "hi"')


def test_the_same_frames_make_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.xyz.gz", "b.xyz.gz"):
        writing.write_extxyz(tmp_path / name, [labelled()])
    assert (tmp_path / "a.xyz.gz").read_bytes() == (tmp_path / "b.xyz.gz").read_bytes()


def test_streams_and_unlabelled_frames() -> None:
    stream = io.StringIO()
    writing.write_extxyz(stream, iter([labelled(label=None)]))
    atoms = ase.io.read(io.StringIO(stream.getvalue()), format="extxyz")
    assert atoms.calc is None
    assert atoms.info == {"group": "rock salt"}


def test_control_characters_become_spaces(tmp_path: Path) -> None:
    path = tmp_path / "frame.xyz"
    writing.write_extxyz(path, [labelled(name="two\nlines\tand more")])
    (found,) = reading.read_frames(path)
    assert found.name == "two lines and more"


@pytest.mark.parametrize("name", ["Si_test.extxyz.gz", "Li_test.extxyz.gz"])
def test_mlearn_comes_back(shared: Path, tmp_path: Path, name: str) -> None:
    frames = list(reading.read_frames(shared / "data" / "mlearn" / name))
    writing.write_extxyz(tmp_path / name, frames)
    for first, second in zip(frames, reading.read_frames(tmp_path / name), strict=True):
        assert same(first.structure.positions, second.structure.positions)
        assert same(first.label.forces, second.label.forces)
        assert same(first.label.stress, second.label.stress)
