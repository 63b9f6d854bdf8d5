"""Which value of a file is which part of a label, and in which unit."""

from pathlib import Path

import numpy as np
import pytest

from nnp.core import errors, reading, units

CELL = 'Lattice="5 0 0 0 5 0 0 0 5"'
COLUMNS = "Properties=species:S:1:pos:R:3:forces:R:3"
VOIGT = np.array([0.01, 0.02, 0.03, 0.004, 0.005, 0.006])
NINE = "0.01 0.006 0.005 0.006 0.02 0.004 0.005 0.004 0.03"
SIX = "0.01 0.02 0.03 0.004 0.005 0.006"
VIRIAL = " ".join(str(-125 * float(word)) for word in NINE.split())


def write(folder: Path, comment: str, *more: str) -> Path:
    path = folder / "one.xyz"
    atoms = "Si 0 0 0 1 2 3\nSi 1.6 1.6 1.6 4 5 6\n"
    path.write_text("".join(f"2\n{line}\n{atoms}" for line in (comment, *more)))
    return path


def label(folder: Path, comment: str, **options: object):
    (frame,) = reading.read_frames(write(folder, f"{COLUMNS} {comment}"), **options)
    return frame.label


def test_the_free_energy_wins(tmp_path: Path) -> None:
    assert label(tmp_path, "energy=1 free_energy=2").energy == 2
    assert label(tmp_path, "energy=1").energy == 1


def test_a_given_key_is_the_only_one_looked_for(tmp_path: Path) -> None:
    keys = reading.LabelKeys(energy="REF_energy", forces="forces")
    assert label(tmp_path, "energy=1 free_energy=2 REF_energy=3", keys=keys).energy == 3
    (frame,) = reading.read_frames(
        write(tmp_path, f"{COLUMNS.replace('forces', 'REF_forces')} energy=1"),
        keys=reading.LabelKeys(forces="REF_forces"),
    )
    np.testing.assert_array_equal(frame.label.forces, [[1, 2, 3], [4, 5, 6]])


def test_what_belongs_to_single_atoms(tmp_path: Path) -> None:
    text = COLUMNS.replace(":forces:R:3", ":local:R:1:importance:R:2")
    keys = reading.LabelKeys(atomic_energies="local")
    path = write(tmp_path, f"{text} energy=5")
    (frame,) = reading.read_frames(path, keys=keys, energy_unit="hartree")
    np.testing.assert_allclose(frame.label.atomic_energies, np.array([1, 4]) * units.HARTREE)
    assert frame.atom_weights is None
    with pytest.raises(errors.ReadError, match="shape"):
        list(reading.read_frames(path, keys=reading.LabelKeys(atom_weights="importance")))
    with pytest.raises(errors.ReadError, match="key of atom weights"):
        list(reading.read_frames(path, keys=reading.LabelKeys(atom_weights="importances")))


def test_a_misspelt_key_is_found_out(tmp_path: Path) -> None:
    path = write(tmp_path, f"{COLUMNS} REF_energy=3")
    with pytest.raises(errors.ReadError, match=r"forces without an energy.*REF_energy"):
        list(reading.read_frames(path))
    path = write(tmp_path, f"{COLUMNS} energy=3")
    with pytest.raises(errors.ReadError, match=r"no frame has 'virals'.*the frames have energy"):
        list(reading.read_frames(path, keys=reading.LabelKeys(virial="virals"), on_error="skip"))


def test_a_key_need_not_be_in_every_frame(tmp_path: Path) -> None:
    path = write(tmp_path, f"{COLUMNS} {CELL} energy=3", f"{COLUMNS} {CELL} energy=3 sigma='{SIX}'")
    first, second = reading.read_frames(path, keys=reading.LabelKeys(stress="sigma"))
    assert first.label.stress is None
    np.testing.assert_array_equal(second.label.stress, VOIGT)


@pytest.mark.parametrize(
    "words", [f"stress='{SIX}'", f"stress='{NINE}'", f"virial='{VIRIAL}'", f"stress='{SIX}' virial='{VIRIAL}'"]
)
def test_stress_and_virial_are_told_apart_by_key(tmp_path: Path, words: str) -> None:
    np.testing.assert_allclose(label(tmp_path, f"{CELL} energy=1 {words}").stress, VOIGT, rtol=1e-14)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (f"{CELL} stress='{SIX}' virial='{SIX}'", "contradict each other"),
        (f"{CELL} stress='1 2 3'", "stress has 3 numbers"),
        (f"{CELL} stress='1 2 3 4 5 x'", "not made of numbers"),
        (f"{CELL} stress='1 2 3 4 5 nan'", "not finite"),
        (f"{CELL} stress='{NINE.replace('0.006', '0.007', 1)}'", "no symmetric tensor"),
        (f"stress='{SIX}'", "not periodic in three directions"),
        (f"{CELL} charge=many", "charge is no number"),
        (f"{CELL} electronic_temperature=-5", "negative"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, words: str, reason: str) -> None:
    with pytest.raises(errors.ReadError, match=reason) as caught:
        label(tmp_path, f"energy=1 {words}")
    assert (caught.value.frame, caught.value.line) == (0, 1)


def test_charge_spin_and_temperature_belong_to_the_label(tmp_path: Path) -> None:
    found = label(tmp_path, "energy=1 charge=-1 magmom=2 electronic_temperature=1000")
    assert (found.charge, found.spin, found.electronic_temperature) == (-1, 2, 1000)
    found = label(tmp_path, "energy=1")
    assert (found.charge, found.spin, found.electronic_temperature) == (0, None, None)
    keys = reading.LabelKeys(charge="q", spin="moment", electronic_temperature="T_e")
    found = label(tmp_path, "energy=1 q=1 moment=3 T_e=300", keys=keys)
    assert (found.charge, found.spin, found.electronic_temperature) == (1, 3, 300)


def test_an_energy_alone_is_a_label(tmp_path: Path) -> None:
    path = tmp_path / "one.xyz"
    path.write_text("1\nenergy=-3\nSi 0 0 0\n")
    (frame,) = reading.read_frames(path)
    assert frame.label.energy == -3
    assert frame.label.forces is None


def test_labels_can_be_required(tmp_path: Path) -> None:
    path = tmp_path / "one.xyz"
    path.write_text("1\ngroup=atom\nSi 0 0 0\n")
    assert [frame.label for frame in reading.read_frames(path)] == [None]
    with pytest.raises(errors.ReadError, match="no energy: free_energy or energy is not there"):
        list(reading.read_frames(path, require_labels=True))


REF = COLUMNS.replace("forces", "REF_forces")
UNFAMILIAR = [
    (f"{COLUMNS.replace(':forces:R:3', ':velo:R:3')} REF_energy=-3", {}, "energy"),
    (f"{REF} REF_energy=-3", {}, "energy"),
    (f"{REF} stage=1", {}, "forces"),
    (f"{REF} energy=-3", {}, "forces"),
    (f"{REF} REF_energy=-3", {"energy": "REF_energy"}, "forces"),
]


@pytest.mark.parametrize(("line", "given", "field"), UNFAMILIAR)
def test_labels_under_other_names_are_not_lost_silently(
    tmp_path: Path, line: str, given: dict[str, str], field: str
) -> None:
    path, keys = write(tmp_path, line), reading.LabelKeys(**given)
    reason = rf"no {field} under the usual name .*REF_{field}; say which it is .*--{field}-key REF_{field}"
    with pytest.raises(errors.ReadError, match=reason) as caught:
        list(reading.read_frames(path, keys=keys))
    assert (caught.value.frame, caught.value.line) == (0, 1)
    (frame,) = reading.read_frames(path, keys=keys, require_labels=False)
    assert frame.label is None or frame.label.forces is None


@pytest.mark.parametrize(
    "words",
    [
        "group=high_energy",
        "note='energy of the slab: see the table'",
        "energy_source=table",
        "energy_cutoff=350",
        "kinetic_energy=0.1",
        "e_above_hull=0.1 fermi_energy=3.2",
    ],
)
def test_structures_stay_structures(tmp_path: Path, words: str) -> None:
    path = write(tmp_path, f"Properties=species:S:1:pos:R:3:force_field_type:R:3 {words}")
    text = path.read_text().replace("force_field_type:R:3", "force_field_type:I:1")
    path.write_text(text.replace(" 1 2 3", " 1").replace(" 4 5 6", " 2"))
    (frame,) = reading.read_frames(path)
    assert frame.label is None


def test_units_reach_everything(tmp_path: Path) -> None:
    path = write(tmp_path, f"{COLUMNS} {CELL} energy=2 stress='{SIX}'")
    (frame,) = reading.read_frames(path, length_unit="bohr", energy_unit="hartree")
    hartree, bohr = 27.211386245988, 0.529177210903
    assert frame.label.energy == pytest.approx(2 * hartree, rel=1e-15)
    np.testing.assert_allclose(frame.label.forces[1], np.array([4, 5, 6]) * hartree / bohr, rtol=1e-15)
    np.testing.assert_allclose(frame.label.stress, VOIGT * hartree / bohr**3, rtol=1e-15)
    np.testing.assert_allclose(frame.structure.positions[1], 1.6 * bohr, rtol=1e-15)
    np.testing.assert_allclose(frame.structure.cell, 5 * bohr * np.eye(3), rtol=1e-15)
    path = write(tmp_path, f"{COLUMNS} {CELL} energy=2 virial='{VIRIAL}'")
    (frame,) = reading.read_frames(path, length_unit="bohr", energy_unit="Hartree")
    np.testing.assert_allclose(frame.label.stress, VOIGT * hartree / bohr**3, rtol=1e-14)
    assert hartree == units.HARTREE


def test_unknown_units(tmp_path: Path) -> None:
    with pytest.raises(errors.InputError, match="'feet' is no unit of length; angstrom, bohr"):
        list(reading.read_frames(write(tmp_path, COLUMNS), length_unit="feet"))
