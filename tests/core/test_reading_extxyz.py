"""Extended XYZ: what is read, and how each kind of damage is named."""

import gzip
import io
from pathlib import Path

import ase.io
import numpy as np
import pytest

from nnp.core import errors, reading
from nnp.core.reading import comment

CELL = 'Lattice="5.4 0 0 0 5.4 0 0 0 5.4"'
HEAD = f"{CELL} Properties=species:S:1:pos:R:3:forces:R:3 energy=-10.5 group=bulk"
ATOMS = ("Si 0.0 0.0 0.0 0.1 0.2 0.3", "Si 1.35 1.35 1.35 -0.1 -0.2 -0.3")


def frame(head: str = HEAD, atoms: tuple[str, ...] = ATOMS, count: int | str | None = None) -> str:
    return "\n".join([str(len(atoms) if count is None else count), head, *atoms]) + "\n"


def write(folder: Path, *frames: str, name: str = "data.extxyz") -> Path:
    path = folder / name
    path.write_text("".join(frames))
    return path


def refused(path: Path, **options: object) -> errors.ReadError:
    with pytest.raises(errors.ReadError) as caught:
        list(reading.read_frames(path, **options))
    assert caught.value.file == str(path)
    return caught.value


def test_a_frame_knows_what_it_is_and_where_it_stood(tmp_path: Path) -> None:
    path = write(tmp_path, frame(), "\n", frame(HEAD + ' split=val trajectory="run 7" config=x-1'), "\n\n")
    first, second = reading.read_frames(path)
    assert first.structure.formula == "Si2"
    assert first.structure.pbc.all()
    assert first.label.energy == -10.5
    np.testing.assert_array_equal(first.label.forces, [[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]])
    assert (first.group, first.trajectory, first.split, first.name) == ("bulk", None, None, None)
    assert (second.split, second.trajectory, second.name) == ("validation", "run 7", "x-1")
    assert (first.source.frame, first.source.line) == (0, 1)
    assert (second.source.frame, second.source.line) == (1, 6)


def test_the_same_as_ase_reads(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    frames = []
    for atoms in (ase.Atoms("H2O", [(0, 0, 0), (0, 0, 1), (0, 0.9, 0.1)]), ase.Atoms("NaCl", [(0, 0, 0), (0, 0, 2.8)])):
        atoms.rattle(0.1, rng=random)
        atoms.info["charge"] = 1
        frames.append(atoms)
    frames[1].set_cell([[6, 0, 0], [0.5, 6, 0], [0.1, 0.2, 7]])
    frames[1].pbc = (True, True, False)
    path = tmp_path / "ase.xyz"
    ase.io.write(path, frames, format="extxyz")
    for ours, theirs in zip(reading.read_frames(path), ase.io.read(path, ":"), strict=True):
        np.testing.assert_array_equal(ours.structure.positions, theirs.positions)
        np.testing.assert_array_equal(ours.structure.cell[:2], theirs.cell[:2])
        np.testing.assert_array_equal(ours.structure.pbc, theirs.pbc)
        assert ours.label is None


def test_plain_xyz_has_no_cell(tmp_path: Path) -> None:
    (found,) = reading.read_frames(write(tmp_path, frame("a water molecule", ("O 0 0 0", "H 0 0 0.96"))))
    assert not found.structure.pbc.any()
    assert found.label is None


def test_compressed_by_content_not_by_name(tmp_path: Path) -> None:
    path = tmp_path / "data.xyz"
    path.write_bytes(gzip.compress(frame().encode()))
    assert len(list(reading.read_frames(path))) == 1


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (frame() + frame(count=3), (1, 8), "ends inside this frame: 3 atoms are announced, 2 are there"),
        (frame() + "two\n", (1, 5), "a number of atoms is expected here, not 'two'"),
        (frame() + "-2\n", (1, 5), "a number of atoms is expected"),
        (frame() + "9" * 30 + "\n", (1, 5), "a number of atoms is expected"),
        (frame(count=1), (1, 4), "number of atoms of the frame before may be wrong"),
        (frame() + frame(count=3) + frame(), (1, 9), "1 columns where 7 are expected"),
        (frame() + frame(atoms=("Si 0 0 zero 0 0 0", ATOMS[1])), (1, 7), "pos has 'zero', no number"),
        (frame() + frame(atoms=(ATOMS[0], "Si 1 1 1 0 0")), (1, 8), "6 columns where 7"),
        (frame() + frame(atoms=(ATOMS[0], "Si 1 nan 1 0 0 0")), (1, 8), "position is not a finite number"),
        (frame(atoms=(ATOMS[0], "Xx 1 1 1 0 0 0")), (0, 4), "unknown element 'Xx'"),
        (frame(atoms=(ATOMS[0], "Si 1 1 1 nan nan nan")), (0, 4), "part of the forces is missing"),
        (frame(atoms=(ATOMS[0], "Si 0 0 5.4 0 0 0")), (0, 4), "coincide"),
        (frame(HEAD.replace("5.4 0 0 0 5.4 0 0 0 5.4", "1 0 0 2 0 0 0 0 1")), (0, 1), "singular cell"),
        (frame(HEAD.replace("5.4 0 0", "5.4 0")), (0, 2), "Lattice='5.4 0 0 5.4 0 0 5.4' is not made of nine"),
        (frame(HEAD.replace("-10.5", "nan")), (0, 1), "energy is not a finite number"),
        (frame(HEAD.replace("-10.5", "low")), (0, 1), "energy is no number"),
        (frame(HEAD.replace("pos:R:3", "pos:R")), (0, 2), "not made of name:kind:count"),
        (frame(HEAD.replace("species", "letters")), (0, 2), "no species:S:1"),
        (frame(HEAD + " split=maybe"), (0, 1), "train, validation or test is expected"),
        (frame(HEAD + ' pbc="T T maybe"'), (0, 2), "neither T nor F"),
        (frame(atoms=()), (0, 1), "at least one atom"),
        ("", (None, None), "there is no frame"),
    ],
)
def test_damage_is_named_with_frame_and_line(
    tmp_path: Path, text: str, place: tuple[int | None, int | None], words: str
) -> None:
    error = refused(write(tmp_path, text))
    assert words in error.reason
    assert (error.frame, error.line) == place


def test_skipping_keeps_the_good_frames(tmp_path: Path) -> None:
    bad = frame(atoms=(ATOMS[0], "Xx 1 1 1 0 0 0"))
    path = write(tmp_path, frame(), bad, frame(), frame(HEAD.replace("-10.5", "nan")), frame(count=9))
    rejected: list[reading.Rejection] = []
    frames = list(reading.read_frames(path, on_error="skip", rejected=rejected, name="mine.xyz"))
    assert [found.source.frame for found in frames] == [0, 2]
    assert [(entry.file, entry.frame, entry.line) for entry in rejected] == [
        ("mine.xyz", 1, 8),
        ("mine.xyz", 3, 13),
        ("mine.xyz", 4, 20),
    ]


def test_a_cut_archive_keeps_what_was_before(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    frames = [
        frame(atoms=tuple(f"Si {x} {y} {z} 0 0 0" for x, y, z in 2.3 * np.eye(3) + random.random((3, 3)) / 9))
        for _ in range(200)
    ]
    whole = gzip.compress("".join(frames).encode())
    path = tmp_path / "cut.xyz.gz"
    path.write_bytes(whole[: len(whole) // 2])
    assert "damaged or ends too early" in refused(path).reason
    rejected: list[reading.Rejection] = []
    assert len(list(reading.read_frames(path, on_error="skip", rejected=rejected))) > 20
    assert len(rejected) == 1


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "data.xyz"
    path.write_bytes(b"2\n\xff\xfe\x00\n")
    assert "no text" in refused(path).reason


@pytest.mark.parametrize(
    ("line", "pairs"),
    [
        ("a=1 b", {"a": "1", "b": "T"}),
        ("a=\"1 2\" b='x y' c={1 2} d=[[1, 2], [3, 4]]", {"a": "1 2", "b": "x y", "c": "1 2", "d": "[[1, 2], [3, 4]]"}),
        (r'a = "he said \"hi\" \\ so" "two words"=3', {"a": r'he said "hi" \ so', "two words": "3"}),
        ("", {}),
        ("energy=-1.5e+3 a=b=c", {"energy": "-1.5e+3", "a": "b=c"}),
        ('"unclosed a=1', {"unclosed": "T", "a": "1"}),
    ],
)
def test_comment_lines(line: str, pairs: dict[str, str]) -> None:
    assert comment.parse(line) == pairs


def test_numbers_in_comment_lines() -> None:
    assert comment.numbers("_JSON [[1, 2], [3, 4.5]]") == [1, 2, 3, 4.5]
    assert comment.truths("[T, F, True]") == [True, False, True]


def test_si_of_mlearn(shared: Path) -> None:
    path = shared / "data" / "mlearn" / "Si_train.extxyz.gz"
    frames = list(reading.read_frames(path, require_labels=True))
    assert len(frames) == 214
    assert sum(len(found.structure) for found in frames) == 13233
    with gzip.open(path, "rt") as text:
        theirs = ase.io.read(
            io.StringIO("".join(text.readline() for _ in range(len(frames[0].structure) + 2))), format="extxyz"
        )
    assert frames[0].label.energy == theirs.get_potential_energy()
    np.testing.assert_array_equal(frames[0].label.forces, theirs.get_forces())
    np.testing.assert_allclose(frames[0].label.stress, theirs.get_stress(), rtol=0, atol=1e-17)
    assert {found.split for found in frames} == {"train"}
