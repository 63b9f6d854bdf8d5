"""Foreign files that cannot be imported are refused with the file, the line and the reason."""

import gzip
import pickle
from pathlib import Path

import pytest

from nnp.core import errors
from nnp.learn import foreign
from tests.learn import foreign_files
from tests.learn.foreign_files import INPUT_NN, SCALING, SIMPLE_NN


def _line(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), start=1) if part in line)


def _refused(files: dict[str, bytes], file: str, line: int | None, *parts: str) -> None:
    with pytest.raises(errors.ForeignError) as caught:
        foreign.read(files)
    assert caught.value.file == file
    assert caught.value.line == line
    for part in parts:
        assert part in caught.value.reason
    copy = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(copy, errors.ForeignError)
    assert str(copy) == str(caught.value)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("nnp_type 4G-HDNNP", ("4G-HDNNP", "not supported")),
        ("nnp_generation 3", ("'3'", "not supported")),
        ("nn_type_short 2", ("pairs", "not supported")),
        ("use_electrostatics", ("'use_electrostatics'", "charges")),
        ("fixed_gausswidth H 0.5", ("'fixed_gausswidth'", "charges")),
        ("global_nodes_electrostatic 15 15", ("'global_nodes_electrostatic'", "charges")),
        ("vdw_type 1", ("'vdw_type'", "dispersion")),
        ("use_hamiltonian", ("'use_hamiltonian'", "not supported")),
        ("cutof_type 1", ("unknown keyword", "did you mean 'cutoff_type'")),
        ("frobnicate 7", ("unknown keyword 'frobnicate'", "remove the line")),
        ("number_of_elements 2", ("given twice", "line 2")),
        ("symfunction_short H 2 N 0.5 0.0 6.0", ("'N'", "none of the elements H, O")),
        ("symfunction_short H 8 H 0.5 0.0 6.0", ("type 8", "not supported")),
        ("symfunction_short H 2 H 0.5 6.0", ("type 2 has 3 parameters (eta shift cutoff), not 2",)),
        ("symfunction_short H 2 H nan 0.0 6.0", ("'nan' is not finite",)),
        ("symfunction_short H 2 H x 0.0 6.0", ("'x' is no number",)),
        ("symfunction_short H 2 H 1_000 0.0 6.0", ("'1_000' is no number",)),
        ("symfunction_short H 2 H \u0663 0.0 6.0", ("is no number",)),
        ("symfunction_short H 2 H -0.5 0.0 6.0", ("eta = -0.5 is negative",)),
        ("symfunction_short H 3 H O 0.5 1.0 2.0 6.0 -1.0", ("shift -1 of an angular function",)),
        ("symfunction_short H 2 H 0.5 0.0 -6.0", ("not positive",)),
        ("symfunction_short H 20 H 6.0 5.0 p2", ("left end",)),
        ("symfunction_short H 20 H 1.0 5.0 p9", ("unknown subtype 'p9'",)),
        ("symfunction_short H 22 H O 1.0 5.0 90 80 p2", ("left angle",)),
        ("atom_energy N -3.0", ("'N'", "none of the elements")),
        ("atom_energy H -3.0", ("given twice", "line 4")),
        ("mean_energy -3.0", ("'conv_energy'", "all three or none")),
        ("element_nodes_short H 3 2 4", ("hidden layers",)),
        ("element_activation_short H t t", ("3 activations",)),
        ("element_activation_short H t q l", ("unknown activation 'q'",)),
        ("element_activation_short H t t l\nelement_activation_short H t s l", ("given twice for H",)),
        ("element_hidden_layers_short H 2\nelement_hidden_layers_short H 2", ("given twice for H",)),
    ],
)
def test_a_line_of_the_settings_is_named(line: str, parts: tuple[str, ...]) -> None:
    text = INPUT_NN + line + "\n"
    _refused(foreign_files.n2p2(input_nn=text), "input.nn", len(text.splitlines()), *parts)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("number_of_elements 2", "number_of_elements 3", "'elements' names 2"),
        ("elements O H ", "elements O Xx ", "no chemical symbol"),
        ("cutoff_type 2 0.0", "cutoff_type 9", "unknown cutoff_type 9"),
        ("cutoff_type 2 0.0", "cutoff_type 1 1.0", "alpha"),
        ("scale_max_short 1.0", "scale_max_short 0.0", "equal"),
        ("global_nodes_short 3 2", "global_nodes_short 3 2 1", "3 values"),
        ("global_activation_short t t l", "global_activation_short t x l", "unknown activation 'x'"),
    ],
)
def test_a_changed_line_of_the_settings_is_named(old: str, new: str, part: str) -> None:
    text = INPUT_NN.replace(old, new)
    _refused(foreign_files.n2p2(input_nn=text), "input.nn", _line(text, new), part)


def test_a_missing_keyword_is_named() -> None:
    text = INPUT_NN.replace("cutoff_type 2 0.0\n", "")
    _refused(foreign_files.n2p2(input_nn=text), "input.nn", None, "'cutoff_type' is missing")


def test_an_element_without_functions_is_named() -> None:
    text = "".join(line for line in INPUT_NN.splitlines(keepends=True) if not line.startswith("symfunction_short O"))
    _refused(foreign_files.n2p2(input_nn=text), "input.nn", 3, "no symmetry functions", "for O")


@pytest.mark.parametrize("name", ["scaling.data", "weights.001.data", "weights.008.data"])
def test_a_missing_file_is_named(name: str) -> None:
    files = foreign_files.n2p2()
    del files[name]
    _refused(files, name, None, "missing")


@pytest.mark.parametrize("name", ["weightse.001.data", "hardness.008.data"])
def test_the_files_of_charges_are_refused(name: str) -> None:
    _refused({**foreign_files.n2p2(), name: b"1.0\n"}, name, None, "charges")


@pytest.mark.parametrize(
    ("old", "new", "line", "part"),
    [
        ("1 2 0.1 3.0 0.6 0.4\n", "", 6, "4 rows where 'input.nn' has 5 symmetry functions (H 3, O 2)"),
        ("2 2 0.0 1.5", "2 3 0.0 0.0 0.0 0.0\n2 2 0.0 1.5", 7, "6 rows"),
        ("1 2 0.1 3.0", "1 3 0.1 3.0", 3, "function 2 of element 1 is expected here"),
        ("1 2 0.1 3.0", "1 2 3.0 3.0", 3, "range of symmetry function 2 is zero"),
        ("1 2 0.1 3.0", "1 2 3.1 3.0", 3, "maximum is below the minimum"),
        ("1 2 0.1 3.0", "1 2 0.1 inf", 3, "'inf' is not finite"),
        ("1 2 0.1 3.0 0.6 0.4", "1 2 0.1", 3, "3 columns, not 5"),
        ("1 2 0.1 3.0 0.6 0.4", "1 2 0.1 3.0 0.6 0.4 0.4", 3, "7 columns, not 5"),
        ("1 2 0.1 3.0 0.6 0.4", "1 2 0.1 3.0 0.6", 3, "5 columns where the rows before have 6"),
    ],
)
def test_a_line_of_the_scaling_is_named(old: str, new: str, line: int, part: str) -> None:
    _refused(foreign_files.n2p2(scaling=SCALING.replace(old, new)), "scaling.data", line, part)


def test_a_zero_sigma_is_named() -> None:
    text = INPUT_NN.replace("scale_symmetry_functions\ncenter_symmetry_functions", "scale_symmetry_functions_sigma")
    scaling = SCALING.replace("1.5 0.4 0.2", "1.5 0.4 0.0")
    _refused(
        foreign_files.n2p2(input_nn=text, scaling=scaling), "scaling.data", 6, "sigma of symmetry function 2 is zero"
    )


def test_the_lines_of_the_weights_are_named() -> None:
    good = foreign_files.weights(3)
    cut = "".join(good.splitlines(keepends=True)[:-1])
    _refused(foreign_files.n2p2(hydrogen=cut), "weights.001.data", 23, "22 connections", "needs 23", "truncated")
    _refused(foreign_files.n2p2(hydrogen=good + "0.5\n"), "weights.001.data", 25, "24 connections", "longer")
    lines = good.splitlines()
    lines[4] = "NaN"
    _refused(foreign_files.n2p2(hydrogen="\n".join(lines)), "weights.001.data", 5, "'NaN' is not finite")
    lines[4] = "0.5 a 4 0 2 1 2"
    _refused(foreign_files.n2p2(hydrogen="\n".join(lines)), "weights.001.data", 5, "'a 4 0 2 1 1' is expected")


def test_lines_end_where_other_programs_end_them() -> None:
    files = foreign_files.n2p2()
    comment = "# H\u2082O\x85\u2028 and so on\x1c\n"
    for encoding in ("utf-8", "utf-8-sig"):
        assert foreign.read({**files, "input.nn": comment.encode(encoding) + files["input.nn"]}).potential
    old = b"# well\x85 in an old code page\n" + files["input.nn"]
    assert foreign.read({**files, "input.nn": old}).potential
    _refused({**files, "input.nn": old + b"cutof_type 1\n"}, "input.nn", old.count(b"\n") + 1, "unknown keyword")


def test_widths_that_can_be_read_in_two_ways_are_refused() -> None:
    text = "number_of_elements 1\nelements H\ncutoff_type 1\nglobal_hidden_layers_short 2\nglobal_nodes_short 3 1\n"
    text += "global_activation_short t t l\nelement_nodes_short H 1 2\nsymfunction_short H 2 H 0.5 0.0 6.0\n"
    # 1-1-2-1, or 1-2-1-1 with the first layer of width 2
    files = foreign_files.n2p2(input_nn=text, scaling="1 1 0.0 2.0 0.5\n", hydrogen="0.5\n" * 9)
    _refused(files, "weights.001.data", None, "suit several networks")


def test_damaged_files_are_named() -> None:
    files = foreign_files.n2p2()
    packed = gzip.compress(files["input.nn"])
    assert foreign.read({**files, "input.nn": packed}).files == foreign.read(files).files
    _refused({**files, "input.nn": packed[:-20]}, "input.nn", None, "damaged")
    _refused({**files, "input.nn": b"elements H\n\0\1"}, "input.nn", 2, "no text")
    old = {**files, "input.nn": b"# L\xe4nge in Bohr\r\n" + files["input.nn"].replace(b"\n", b"\r\n")}
    assert foreign.read(old).potential.elements == ("H", "O")
    _refused({**files, "old/input.nn": files["input.nn"]}, "input.nn", None, "two files")
    _refused({**files, **foreign_files.simple_nn()}, "potential_saved", None, "one potential at a time")
    _refused({"README": b""}, "the files", None, "neither 'input.nn'")


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("POT O 5.0", "POT N 5.0", "'N' is none of the elements Si, O"),
        ("POT O 5.0", "POT Si 5.0", "twice"),
        ("SYM 1", "SYM 2", "one of 2 symmetry functions ('SYM 2') is expected, not 'scale1'"),
        ("5 5.0 0.02 1.0 1.0 Si Si", "3 5.0 0.02 1.0 1.0 Si Si", "type 3 are not supported"),
        ("5 5.0 0.02 1.0 1.0 Si Si", "5 5.0 0.02 1.0 1.0 Si", "6 words"),
        ("5 5.0 0.02 1.0 1.0 Si Si", "5 5.0 0.02 1.0 1.0 Si C", "'C' is none"),
        ("scale1 0.2", "scale1 0.2 0.3", "2 values, not 1"),
        ("scale2 0.5 0.25", "scale2 0.5 0.0", "symmetry function 2 is zero"),
        ("NET 1 2 1", "NET 2 2 1", "number of hidden layers"),
        ("NET 1 2 1", "NET 1 2 2", "2 outputs"),
        ("LAYER 0 tanh", "LAYER 0 mish", "'mish' is not supported"),
        ("w1 -0.6", "w1 -0.6 1.0", "2 values, not 1"),
        ("w1 -0.6", "w1 nan", "'nan' is not finite"),
        ("w1 -0.6", "w1 -0_6", "'-0_6' is no number"),
        ("POT O 5.0", "POT O 4.5", "beyond that of 'POT'"),
        ("POT O 5.0", "POT O x", "'x' is no number"),
        ("5 5.0 0.02 1.0 1.0", "5 5.0 0.02 0.5 1.0", "zeta = 0.5 is below 1"),
        ("5 5.0 0.02 1.0 1.0", "5 5.0 0.02 1.0 2.0", "lambda = 2 is outside"),
        ("5 5.0 0.02 1.0 1.0", "5 5.0 -0.02 1.0 1.0", "eta = -0.02 is negative"),
        ("w1 -0.6", "w2 -0.6", "'w1' is expected here, not 'w2'"),
    ],
)
def test_a_line_of_simple_nn_is_named(old: str, new: str, part: str) -> None:
    text = SIMPLE_NN.replace(old, new)
    with pytest.raises(errors.ForeignError, match="potential_saved, line") as caught:
        foreign.read(foreign_files.simple_nn(text))
    assert part in caught.value.reason
    near = SIMPLE_NN[: SIMPLE_NN.index(old)].count("\n") + 1
    assert caught.value.line is not None
    assert near <= caught.value.line <= near + 2


def test_a_truncated_simple_nn_file_is_named() -> None:
    text = "\n".join(SIMPLE_NN.splitlines()[:30])
    _refused(foreign_files.simple_nn(text), "potential_saved", 30, "truncated")
    text = SIMPLE_NN.partition("POT O")[0]
    _refused(foreign_files.simple_nn(text), "potential_saved", 24, "without the potential ('POT') of O")


def test_one_of_several_simple_nn_files_is_asked_for(tmp_path: Path) -> None:
    for name in ("potential_saved_30", "potential_saved_60"):
        (tmp_path / name).write_text(SIMPLE_NN)
    with pytest.raises(errors.ForeignError, match="there are 2 potentials"):
        foreign.read(tmp_path)
    assert list(foreign.read(tmp_path / "potential_saved_30").files) == ["potential_saved_30"]


def test_unknown_units_and_absent_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.InputError, match="'bohr,hartree'"):
        foreign.read(foreign_files.n2p2(), units="parsec,hartree")
    with pytest.raises(errors.ForeignError, match="no such file or folder"):
        foreign.read(tmp_path / "absent")
