"""Distributions of known crystals, and the types of functions that they suggest."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal

from nnp.core import recipe
from nnp.core.label import Frame
from nnp.core.structure import Structure
from nnp.learn import preview
from nnp.learn.distributions import Distributions, distributions
from nnp.learn.selection import tuples
from tests.learn import toy_data


def frame(atoms: Atoms, rattle: float = 0.0) -> Frame:
    atoms = atoms.copy()
    if rattle:
        atoms.rattle(rattle, seed=1)
    return Frame(structure=Structure.from_atoms(atoms))


def lithium_phosphate() -> Atoms:
    """β-Li3PO4 with idealised coordinates: isolated tetrahedra PO4, lithium between four oxygens."""
    return crystal(
        ("P", "Li", "Li", "O", "O", "O"),
        [
            (0, 0.82, 0),
            (0.248, 0.328, 0.986),
            (0.5, 0.843, 0.989),
            (0.209, 0.686, 0.896),
            (0, 0.105, 0.9),
            (0.5, 0.185, 0.82),
        ],
        spacegroup=31,
        cellpar=[6.115, 5.239, 4.855, 90, 90, 90],
    )


def of(atoms: Atoms, elements: tuple[str, ...], rattle: float = 0.0, cutoff: float = 5.0) -> Distributions:
    return distributions([frame(atoms, rattle)], elements, cutoff)


@pytest.mark.parametrize(
    ("atoms", "neighbours", "angle"),
    [
        (bulk("Si", a=5.431, cubic=True), 4, 109.47),
        (bulk("Cu", a=3.6, cubic=True), 12, None),
        (bulk("Fe", "bcc", a=2.87, cubic=True), 8, None),
        (bulk("Po", "sc", a=3.35), 6, None),
    ],
)
def test_direct_neighbours_of_crystals(atoms: Atoms, neighbours: int, angle: float | None) -> None:
    found = of(atoms, (atoms.get_chemical_symbols()[0],))
    assert found.direct[0, 0] == neighbours
    assert found.shell[0, 0, 0] == pytest.approx(
        atoms.get_all_distances(mic=True)[0, 1:].min() if len(atoms) > 1 else 3.35
    )
    counts = found.adf[0, 0] * 3.0
    assert counts.sum() == pytest.approx(neighbours * (neighbours - 1) / 2)
    if angle is not None:
        assert abs(np.average(found.angles, weights=counts) - angle) < 1.5


def test_rdf_of_an_ideal_gas_is_one() -> None:
    random = np.random.default_rng(0)
    gas = [
        Frame(structure=Structure.from_atoms(Atoms("Ar40", random.random((40, 3)) * 12.0, cell=[12.0] * 3, pbc=True)))
        for _ in range(60)
    ]
    found = distributions(gas, ("Ar",), 4.0)
    assert np.abs(found.rdf[0, 0][60:].mean() - 1.0) < 0.03


def test_thirteen_of_twenty_seven_types_of_lithium_phosphate() -> None:
    suggested = tuples.suggest_masks([frame(lithium_phosphate() * (2, 2, 2), 0.05)], 5.0)
    kept = tuples.kept(suggested)
    assert (len(suggested), len(kept["radial"]), len(kept["angular"])) == (27, 9, 4)
    assert sorted(map(tuple, kept["angular"])) == [
        ("Li", "O", "Li"),
        ("Li", "O", "P"),
        ("O", "Li", "O"),
        ("O", "P", "O"),
    ]
    wanted = recipe.parse({"symmetry_functions": {"kind": "power_spectrum", "element_tuples": kept}})
    chosen, whole = (preview.preview([frame(lithium_phosphate())], given) for given in (wanted, recipe.Recipe()))
    assert all(chosen.counts[element] < 0.8 * whole.counts[element] for element in ("Li", "O", "P"))
    assert recipe.parse(whole.summary()["recipe"]) == wanted  # what is suggested, as a recipe
    assert chosen.suggested() == wanted  # which types have functions was chosen before
    reasons = {one.elements: one.reason for one in suggested if one.kind == "angular"}
    assert reasons["O", "P", "O"].startswith("6.0 angles between direct neighbours, at 109 ±")
    assert reasons["P", "P", "P"] == "P is no direct neighbour of P"


def test_a_guest_is_suggested_functions_for_itself_alone() -> None:
    wanted = recipe.parse({"cutoff": 5.2, "centres": ["Li"]})
    found = preview.preview(toy_data.guests(20), wanted)
    kept = tuples.kept(found.masks)
    assert (kept["radial"], kept["angular"]) == ([["Li", "Ar"]], [["Ar", "Li", "Ar"]])
    assert {one.reason for one in found.masks if one.centre == "Ar"} == {"atoms of Ar have no networks"}
    counts = preview.preview(toy_data.guests(20), found.suggested()).counts
    assert counts["Ar"] < 5 < counts["Li"]


def test_preview_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from ase.io import write

    data, picture = tmp_path / "data.extxyz", tmp_path / "preview.png"
    write(data, [lithium_phosphate()])
    (tmp_path / "recipe.json").write_text('{"cutoff": 4.0}')
    preview.main([str(data), "--recipe", str(tmp_path / "recipe.json"), "--output", str(picture), "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert printed["elements"] == ["Li", "O", "P"]
    assert set(printed["functions"]) == {"Li", "O", "P"}
    assert len(printed["curves"]["radial"]) == 8
    assert len(printed["element_tuples"]["angular"]) == 4
    assert len(printed["rdf"]["O-P"]) == len(printed["radii"])
    preview.main([str(data), "--output", str(picture)])
    assert "keep angular O-P-O" in capsys.readouterr().out
