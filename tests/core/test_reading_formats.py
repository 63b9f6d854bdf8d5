"""RuNNer, CP2K and what ASE reads, each against an independent reader."""

import gzip
from pathlib import Path

import ase
import ase.build
import ase.db
import ase.io
import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from nnp.core import errors, reading

HARTREE, BOHR = 27.211386245988, 0.529177210903
ATOM = "atom 0.0 0.0 {z} {symbol} 0.0 0.0 0.01 0.02 0.03\n"
ATOMS = "".join(ATOM.format(z=z, symbol="H") for z in (0.0, 1.4))
BLOCK = f"begin\ncomment a dimer\n{ATOMS}energy -1.1\ncharge 1\nend\n"

CP2K = """ CP2K| version string:                                       CP2K version 2024.1
 CELL_TOP| Vector a [angstrom     9.000     0.000     0.000    |a| =       9.000
 CELL| Vector a [angstrom]:       4.000     0.000     0.000    |a| =       4.000
 CELL| Vector b [angstrom]:       0.500     4.000     0.000    |b| =       4.031
 CELL| Vector c [angstrom]:       0.000     0.000     5.000    |c| =       5.000
 CELL| Periodicity                                                           XYZ
 DFT| Charge                                                                   1

 MODULE QUICKSTEP: ATOMIC COORDINATES IN ANGSTROM

   Atom Kind Element         X             Y             Z       Z(eff)     Mass

       1    1 H    1     0.000000    0.000000    0.000000      1.00       1.0079
       2    1 H    1     0.000000    0.000000    0.750000      1.00       1.0079

  *** SCF run converged in     9 steps ***

 ENERGY| Total FORCE_EVAL ( QS ) energy [a.u.]:               -1.100000000000000

 ATOMIC FORCES in [a.u.]

 # Atom   Kind   Element          X              Y              Z
      1      1      H           0.00000000     0.00000000    -0.01000000
      2      1      H           0.00000000     0.00000000     0.01000000
 SUM OF ATOMIC FORCES           0.00000000     0.00000000     0.00000000     0.00000000

 STRESS| Analytical stress tensor [GPa]
 STRESS|                        x                   y                   z
 STRESS|      x        1.00000000000E+00   4.00000000000E+00   5.00000000000E+00
 STRESS|      y        4.00000000000E+00   2.00000000000E+00   6.00000000000E+00
 STRESS|      z        5.00000000000E+00   6.00000000000E+00   3.00000000000E+00
"""
CP2K_2025 = """ ENERGY| Total FORCE_EVAL ( QS ) energy [hartree]             -1.100000000000000

 FORCES| Atomic forces [hartree/bohr]
 FORCES|   Atom     x               y               z               |f|
 FORCES|      1  0.00000000E+00  0.00000000E+00 -1.00000000E-02   1.00000000E-02
 FORCES|      2  0.00000000E+00  0.00000000E+00  1.00000000E-02   1.00000000E-02
 FORCES| Sum     0.00000000E+00  0.00000000E+00  0.00000000E+00   0.00000000E+00
"""


def labelled() -> ase.Atoms:
    atoms = ase.build.bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=2)
    atoms.calc = EMT()
    results = {name: atoms.calc.get_property(name, atoms) for name in ("energy", "forces", "stress")}
    atoms.calc = SinglePointCalculator(atoms, **results, free_energy=results["energy"] - 0.5)
    return atoms


def refusal(path: Path, **options: object) -> errors.ReadError:
    with pytest.raises(errors.ReadError) as caught:
        list(reading.read_frames(path, **options))
    return caught.value


def test_runner_is_in_bohr_and_hartree(tmp_path: Path) -> None:
    path = tmp_path / "input.data"
    path.write_text(BLOCK + "\n" + BLOCK)
    first, second = reading.read_frames(path)
    np.testing.assert_allclose(first.structure.positions[1], [0, 0, 1.4 * BOHR], rtol=1e-15)
    assert first.label.energy == pytest.approx(-1.1 * HARTREE, rel=1e-15)
    assert first.label.charge == 1
    np.testing.assert_allclose(first.label.forces[0], np.array([0.01, 0.02, 0.03]) * HARTREE / BOHR, rtol=1e-15)
    assert (first.source.line, second.source.line) == (1, 9)
    (first, second) = reading.read_frames(path, length_unit="angstrom", energy_unit="eV")
    assert first.structure.positions[1, 2] == 1.4
    assert first.label.energy == -1.1


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("1.4", "1.4x", 4, "'1.4x' is no number"),
        ("end\n", "", 6, "the file ends inside this frame"),
        ("begin", "start", 1, "neither its name nor its content"),
        ("energy -1.1", "volume 3", 5, "unknown word 'volume'"),
        ("charge 1", "lattice 1 2 3", 1, "1 lattice vectors"),
        (" 0.03", "", 3, "'atom' needs 9 values"),
        ("-1.1", "nan", 1, "energy is not a finite number"),
    ],
)
def test_damage_in_runner_files(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    path = tmp_path / "input.data"
    path.write_text(BLOCK.replace(old, new, 1))
    error = refusal(path)
    assert words in error.reason
    assert error.line == (None if "neither" in words else line)


def test_runner_names_the_line_of_the_atom(tmp_path: Path) -> None:
    path = tmp_path / "input.data"
    path.write_text(BLOCK + BLOCK.replace("1.4 H", "1.4 Hx"))
    error = refusal(path)
    assert (error.frame, error.line) == (1, 11)
    rejected: list[reading.Rejection] = []
    assert len(list(reading.read_frames(path, on_error="skip", rejected=rejected))) == 1
    assert [entry.line for entry in rejected] == [11]


@pytest.mark.parametrize("name", ["H2O_RPBE-D3", "DMABN_SCAN"])
def test_runner_files_of_n2p2(shared: Path, name: str) -> None:
    folder = shared / "reference" / "n2p2" / name
    with gzip.open(folder / "structures.extxyz.gz", "rt") as text:
        theirs = ase.io.read(text, ":", format="extxyz")
    for ours, atoms in zip(reading.read_frames(folder / "input.data"), theirs, strict=True):
        assert list(ours.structure.symbols) == atoms.get_chemical_symbols()
        # The other file has its atoms wrapped into the cell.
        shifts = ours.structure.positions - atoms.positions
        if atoms.pbc.any():
            fractions = shifts @ np.linalg.inv(atoms.cell)
            shifts = (fractions - np.round(fractions)) @ np.asarray(atoms.cell)
        np.testing.assert_allclose(shifts, 0, atol=1e-12)
        np.testing.assert_allclose(ours.structure.cell[ours.structure.pbc], atoms.cell[atoms.pbc], atol=1e-12)


@pytest.mark.parametrize("results", [CP2K[CP2K.index(" ENERGY|") :], CP2K_2025 + CP2K[CP2K.index(" STRESS|") :]])
def test_single_points_of_cp2k(tmp_path: Path, results: str) -> None:
    path = tmp_path / "job.out"
    path.write_text(CP2K[: CP2K.index(" ENERGY|")] + results)
    (frame,) = reading.read_frames(path)
    assert frame.structure.formula == "H2"
    np.testing.assert_array_equal(frame.structure.cell, [[4, 0, 0], [0.5, 4, 0], [0, 0, 5]])
    assert frame.label.energy == pytest.approx(-1.1 * HARTREE, rel=1e-15)
    assert frame.label.charge == 1
    np.testing.assert_allclose(frame.label.forces, [[0, 0, -0.01 * HARTREE / BOHR], [0, 0, 0.01 * HARTREE / BOHR]])
    np.testing.assert_allclose(frame.label.stress / ase.units.GPa, [-1, -2, -3, -6, -5, -4], rtol=1e-6)
    assert frame.source.line == 9


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CP2K.replace("SCF run converged", "SCF run NOT converged"), "not converged"),
        (CP2K + CP2K_2025, "2 energies follow one table"),
        (CP2K.replace("      2      1      H ", "      # "), "part of the forces is missing"),
        (CP2K.replace("MODULE QUICKSTEP", "MODULE FIST"), "no table 'ATOMIC COORDINATES'"),
        (CP2K.replace("     0.000000    0.000000    0.750000", "     0.000000    0.000000    ********"), "'********'"),
    ],
)
def test_outputs_of_cp2k_that_are_no_single_points(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "job.out"
    path.write_text(text)
    assert words in refusal(path).reason


@pytest.mark.parametrize("name", ["frames.traj", "frames.db"])
def test_ase_files_keep_the_force_consistent_energy(tmp_path: Path, name: str) -> None:
    atoms, path = labelled(), tmp_path / name
    if name.endswith(".db"):
        with ase.db.connect(path) as database:
            database.write(atoms, group="solid")
            database.write(atoms, group="solid")
    else:
        ase.io.write(path, [atoms, atoms])
    frames = list(reading.read_frames(path))
    assert [frame.source.frame for frame in frames] == [0, 1]
    assert frames[1].label.energy == atoms.get_potential_energy(force_consistent=True)
    np.testing.assert_array_equal(frames[1].label.forces, atoms.get_forces())
    np.testing.assert_array_equal(frames[1].label.stress, atoms.get_stress())
    assert frames[1].group == ("solid" if name.endswith(".db") else None)


@pytest.mark.parametrize(("name", "format"), [("POSCAR", "vasp"), ("cu.cif", "cif"), ("cu.lmp", "lammps-data")])
def test_structures_without_labels(tmp_path: Path, name: str, format: str) -> None:
    atoms, path = labelled(), tmp_path / name
    atoms.calc = None
    ase.io.write(path, atoms, format=format, **({"masses": True} if format == "lammps-data" else {}))
    (frame,) = reading.read_frames(path)
    assert frame.label is None
    assert frame.structure.formula == "Cu4"
    np.testing.assert_allclose(frame.structure.volume, atoms.get_volume())
    compressed = tmp_path / f"{name}.gz"
    compressed.write_bytes(gzip.compress(path.read_bytes()))
    (again,) = reading.read_frames(compressed, format=format)
    np.testing.assert_array_equal(again.structure.positions, frame.structure.positions)


@pytest.mark.parametrize("packed", [False, True])
def test_lammps_types_without_elements_are_refused(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / ("cu.lmp.gz" if packed else "cu.lmp")

    def save(**options: bool) -> str:
        plain = tmp_path / "plain"
        ase.io.write(plain, labelled(), format="lammps-data", **options)
        text = plain.read_text()
        path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
        return text

    save()
    assert "the elements of the atom types are not told: a section 'Masses'" in refusal(path).reason
    text = save(atom_type_labels=True)
    assert next(iter(reading.read_frames(path))).structure.formula == "Cu4"
    path = tmp_path / "labels.lmp"
    path.write_text(text.replace("1 Cu\n", "1 red\n"))
    assert "'Atom Type Labels' with chemical symbols, is missing" in refusal(path).reason
    path.write_text(text.replace("1 Cu\n", "1 red\n").replace("\nAtoms", "\nMasses\n\n1 63.546\n\nAtoms"))
    assert next(iter(reading.read_frames(path))).structure.formula == "Cu4"


@pytest.mark.parametrize("name", ["OUTCAR_example_1", "vasprun_pstress.xml"])
def test_vasp(name: str) -> None:
    """The files with which ASE tests its own readers; TOTEN as it is printed there."""
    path = Path(ase.__file__).parent / "test" / "testdata" / "vasp" / name
    if not path.is_file():
        pytest.skip("this installation of ASE has no test data")
    (frame,) = reading.read_frames(path)
    text = path.read_text()
    if name.startswith("OUTCAR"):
        printed = float(text.split("free  energy   TOTEN  =")[-1].split()[0])
        assert frame.label.spin == pytest.approx(17.0482806)
    else:
        # The last one is an enthalpy; that of the last step of the SCF is TOTEN.
        printed = float(text.split('<i name="e_fr_energy">')[-2].split("<")[0])
    assert frame.label.energy == pytest.approx(printed, abs=1e-6)
    assert frame.label.forces.shape == (len(frame.structure), 3)
    assert frame.label.stress is not None


def test_what_nobody_can_read(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear editor,\n")
    assert "possible are extxyz: extended XYZ" in refusal(path).reason
    assert "the format 'word' is unknown; possible are" in refusal(path, format="word").reason
    assert "not readable as cif" in refusal(path, format="cif").reason
    assert "there is no such file" in refusal(tmp_path / "nothing.xyz").reason
    path.write_text("")
    assert "the file is empty" in refusal(path).reason
    rejected: list[reading.Rejection] = []
    assert list(reading.read_frames(tmp_path / "letter.txt", format="outcar", on_error="skip", rejected=rejected)) == []
    assert len(rejected) == 1
