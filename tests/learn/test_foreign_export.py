"""Potentials written for other programs and read back are the same; what cannot be written is named."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nnp.core import errors
from nnp.core.structure import Structure
from nnp.learn import angular, evaluation, foreign, network, potential, radial, symmetry_functions
from nnp.learn.foreign import probes
from nnp.learn.foreign import units as native
from tests.learn import foreign_files


def _own(**changes: Any) -> potential.Potential:
    """A potential of our own kind: radial and wide angular functions of two elements."""
    functions = symmetry_functions.SymmetryFunctions(
        elements=("H", "O"),
        cutoff=4.0,
        cutoff_function=changes.get("cutoff_function", "tanh_cubed"),
        radial=changes.get("radial", (radial.Radial(eta=0.5, shift=1.0), radial.Radial(eta=0.0))),
        element_channels=changes.get("element_channels"),
        angular=changes.get(
            "angular", angular.WideAngular(channels=(radial.Radial(eta=0.1), radial.Radial(eta=0.4, shift=1.0)))
        ),
    )
    generator = torch.Generator().manual_seed(3)
    random = np.random.default_rng(3)
    shape = (2, functions.size)
    scale = torch.from_numpy(random.uniform(0.5, 2.0, size=shape))
    scale[1, 3] = 0.0
    lower = torch.from_numpy(random.uniform(0.0, 0.1, size=shape))

    def head(*widths: tuple[int, ...]) -> potential.Head:
        return potential.Head(
            [
                network.Network.random(
                    functions.size, own, changes.get("activation", "tanh"), generator=generator, dtype=torch.float64
                )
                for own in widths
            ]
        )

    return potential.Potential(
        symmetry_functions=functions,
        shift=lower + 0.2,
        scale=scale,
        members=[head(*changes.get("widths", ((4, 3), (5, 2)))) for _ in range(changes.get("members", 1))],
        reference_energies={"H": -13.6, "O": -432.1},
        lower=lower,
        upper=lower + 1.0,
    )


def _same(first: potential.Potential, second: potential.Potential, tolerance: float = 1e-12) -> None:
    """Equal predictions for a cluster and a cell."""
    structures: list[Structure] = probes.structures(first.elements)
    pairs = zip(evaluation.evaluate(first, structures), evaluation.evaluate(second, structures), strict=True)
    for one, other in pairs:
        assert one.energy is not None
        assert one.energy == pytest.approx(other.energy, rel=tolerance)
        assert one.forces is not None
        np.testing.assert_allclose(one.forces, other.forces, rtol=0.0, atol=tolerance * np.abs(one.forces).max())


def _same_parameters(first: potential.Potential, second: potential.Potential) -> None:
    own, other = first.state_dict(), second.state_dict()
    assert own.keys() == other.keys()
    for name, values in own.items():
        torch.testing.assert_close(values, other[name], rtol=1e-12, atol=0.0)
    assert first.reference_energies == pytest.approx(second.reference_energies, rel=1e-12)


@pytest.mark.parametrize("units", [native.ATOMIC, native.METAL])
def test_an_n2p2_potential_survives_the_way_out_and_in(tmp_path: Path, units: native.Units) -> None:
    first = foreign.read(foreign_files.n2p2()).potential
    paths = foreign.write_n2p2(first, tmp_path, units)
    assert sorted(path.name for path in paths) == ["input.nn", "scaling.data", "weights.001.data", "weights.008.data"]
    second = foreign.read(tmp_path, units=str(units)).potential
    _same_parameters(first, second)
    _same(first, second)


def test_scaling_by_the_range_is_written_as_such(tmp_path: Path) -> None:
    foreign.write_n2p2(foreign.read(foreign_files.n2p2()).potential, tmp_path)
    assert "\ncenter_symmetry_functions\n" in (tmp_path / "input.nn").read_text()
    foreign.write_n2p2(_own(), tmp_path)
    assert "\nscale_symmetry_functions_sigma\n" in (tmp_path / "input.nn").read_text()


def test_a_potential_of_our_own_is_written_for_n2p2(tmp_path: Path) -> None:
    first = _own()
    foreign.write_n2p2(first, tmp_path)
    second = foreign.read(tmp_path).potential
    _same(first, second)
    assert second.upper is not None
    foreign.write_n2p2(second, tmp_path / "again")
    _same_parameters(second, foreign.read(tmp_path / "again").potential)


def test_a_committee_gets_a_folder_for_each_member(tmp_path: Path) -> None:
    committee = _own(members=2)
    foreign.write_n2p2(committee, tmp_path)
    structures = probes.structures(committee.elements)
    (both,) = evaluation.evaluate(committee, structures[:1])
    parts = [
        evaluation.evaluate(foreign.read(tmp_path / f"member-{number}").potential, structures[:1])[0].energy
        for number in (1, 2)
    ]
    assert both.energy == pytest.approx(np.mean([part for part in parts if part is not None]), rel=1e-12)


def test_a_simple_nn_potential_survives_the_way_out_and_in(tmp_path: Path) -> None:
    first = foreign.read(foreign_files.simple_nn()).potential
    (path,) = foreign.write_simple_nn(first, tmp_path)
    second = foreign.read(path).potential
    _same_parameters(first, second)
    _same(first, second)


def test_a_simple_nn_potential_is_written_for_n2p2_and_back(tmp_path: Path) -> None:
    first = foreign.read(foreign_files.simple_nn()).potential
    foreign.write_n2p2(first, tmp_path)
    text = (tmp_path / "input.nn").read_text()
    assert "global_activation_short t l\n" in text  # O comes first; the linear layer of Si is multiplied into the next
    assert "element_activation_short Si s l\n" in text
    second = foreign.read(tmp_path).potential
    assert second.lower is None
    _same(first, second)
    (path,) = foreign.write_simple_nn(second, tmp_path / "back")
    _same(first, foreign.read(path).potential)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"angular": angular.PowerSpectrum(channels=(radial.Radial(eta=0.1),), l_max=2)}, "angular functions of kind"),
        ({"radial": (radial.Chebyshev(order=2),)}, "Chebyshev"),
        ({"element_channels": ((1.0, 2.0),)}, "element channels"),
        ({"cutoff_function": "cosine_squared"}, "cutoff function 'cosine_squared'"),
        ({"activation": "silu"}, "activation 'silu'"),
        ({"widths": ((4, 3), (5,))}, "networks"),
        ({"widths": ((), ())}, "networks"),
    ],
)
def test_what_n2p2_cannot_hold_is_named(tmp_path: Path, changes: dict[str, Any], part: str) -> None:
    with pytest.raises(errors.ExportError) as caught:
        foreign.write_n2p2(_own(**changes), tmp_path / "new")
    assert part in caught.value.part
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("symfunction_short H 12 0.5 0.0 6.0", "type 12"),
        ("symfunction_short H 2 H 0.5 0.0 6.0", "cutoff function 'tanh_cubed_unnormalised'"),
        ("symfunction_short H 3 O H 0.05 1.0 2.0 6.0 0.5", "type 3"),
    ],
)
def test_what_simple_nn_cannot_hold_is_named(tmp_path: Path, line: str, part: str) -> None:
    lines = [one for one in foreign_files.INPUT_NN.splitlines() if not one.startswith("symfunction_short")]
    if "cutoff" not in part:
        lines[lines.index("cutoff_type 2 0.0")] = "cutoff_type 1"
    text = "\n".join([*lines, line, "symfunction_short O 2 H 0.5 0.0 6.0", ""])
    files = foreign_files.n2p2(
        input_nn=text,
        scaling="1 1 0 1 0.5 0.2\n2 1 0 1 0.5 0.2\n",
        hydrogen=foreign_files.weights(1),
        oxygen=foreign_files.weights(1),
    )
    with pytest.raises(errors.ExportError) as caught:
        foreign.write_simple_nn(foreign.read(files).potential, tmp_path / "new")
    assert part in caught.value.part
    assert not (tmp_path / "new").exists()


def test_units_of_import_do_not_change_what_is_predicted() -> None:
    """The same numbers in other units are another potential, whose length and energy scale."""
    small = foreign.read(foreign_files.n2p2(), units="angstrom,ev").potential
    large = foreign.read(foreign_files.n2p2(), units="nm,ev").potential
    (structure,) = probes.structures(small.elements)[:1]
    stretched = Structure(
        numbers=structure.numbers, positions=structure.positions * 10.0, cell=structure.cell, pbc=structure.pbc
    )
    (one,), (other,) = evaluation.evaluate(small, [structure]), evaluation.evaluate(large, [stretched])
    assert one.energy == pytest.approx(other.energy, rel=1e-13)
