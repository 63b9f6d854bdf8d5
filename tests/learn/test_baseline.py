"""Baselines: known values and limits, derivatives, the graph, the checkpoint, and labels minus a baseline."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.calculators.lj import LennardJones as AseLennardJones

from nnp.core import errors, recipe
from nnp.core.label import Frame, Label
from nnp.core.potential import Potential
from nnp.core.structure import Structure
from nnp.learn import baseline, contract, difference, pair_terms
from nnp.learn.dispersion import Dispersion
from nnp.learn.lennard_jones import LennardJones
from nnp.learn.zbl import Zbl
from tests.learn import random_potential, toy_data

ELEMENTS = ("O", "Ti")
LJ = LennardJones(elements=ELEMENTS, epsilon=((0.01, 0.02), (0.02, 0.0)), sigma=((2.6, 2.2), (2.2, 1.0)), cutoff=6.0)
TAIL = Dispersion(elements=ELEMENTS, c6=((20.0, 35.0), (35.0, 60.0)), radius=((2.5, 2.8), (2.8, 3.0)), cutoff=7.0)
ZBL = Zbl(elements=ELEMENTS, inner=((0.6, 1.0), (1.0, 1.5)), outer=((1.3, 2.2), (2.2, 3.0)))
RUTILE = Atoms(
    "Ti2O4",
    scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5], [0.31, 0.3, 0], [0.7, 0.7, 0], [0.2, 0.8, 0.5], [0.8, 0.2, 0.52]],
    cell=[4.6, 4.6, 2.95],
    pbc=True,
)


def of_pairs(term: baseline.Baseline, r: np.ndarray, first: int, second: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Energies of one-sided pairs, doubled to those of whole pairs, and slopes along the pair."""
    vectors = torch.zeros((len(r), 3, 1), dtype=torch.float64)
    vectors[:, 2, 0] = torch.from_numpy(r)
    kinds = torch.full((len(r), 1), second)
    energies, gradients = term.energies_and_gradients(vectors, kinds, torch.full((len(r),), first))
    return 2.0 * energies, 2.0 * gradients[:, 2, 0]


def test_lennard_jones_has_its_minimum_and_ends_at_its_cutoff() -> None:
    bottom = 2.2 * 2.0 ** (1.0 / 6.0)
    energies, slopes = of_pairs(LJ, np.array([2.2, bottom, 6.0, 9.0]), 0, 1)
    torch.testing.assert_close(energies, torch.tensor([0.0, -0.02, 0.0, 0.0], dtype=torch.float64), atol=1e-15, rtol=0)
    assert abs(slopes[1]) < 1e-15
    assert not slopes[2:].any()
    assert not of_pairs(LJ, np.array([1.0, 3.0]), 1, 1)[0].any()  # this pair does not interact


def test_lennard_jones_equals_ase() -> None:
    argon = LennardJones(elements=("Ar",), epsilon=((0.0103,),), sigma=((3.4,),), cutoff=50.0)
    cluster = Atoms("Ar4", [[0, 0, 0], [3.6, 0, 0], [0.3, 3.9, 0], [1.5, 1.2, 3.3]])
    cluster.calc = AseLennardJones(epsilon=0.0103, sigma=3.4, rc=39.0, smooth=False)
    frame = Frame(structure=Structure.from_atoms(cluster), label=Label(energy=0.0, forces=np.zeros((4, 3))))
    label = difference.subtracted(argon, [frame])[0].label
    shift = 6 * 4 * 0.0103 * ((3.4 / 39.0) ** 12 - (3.4 / 39.0) ** 6)  # ASE shifts each of the six pairs to 0 at rc
    assert label is not None
    assert -label.energy == pytest.approx(cluster.get_potential_energy() + shift, abs=1e-12)
    np.testing.assert_allclose(-label.forces, cluster.get_forces(), atol=1e-12)


def test_dispersion_has_its_limits() -> None:
    wide = Dispersion(elements=("C",), c6=((25.0,),), radius=((3.0,),), cutoff=100.0)
    energies, _ = of_pairs(wide, np.array([1e-3, 20.0]), 0, 0)
    assert energies[0] == pytest.approx(-25.0 / 3.0**6)
    assert energies[1] == pytest.approx(-25.0 / 20.0**6, rel=2e-5)


@pytest.mark.parametrize("term", [LJ, TAIL, ZBL], ids=["lennard_jones", "dispersion", "zbl"])
@pytest.mark.parametrize("pair", [(0, 0), (0, 1), (1, 1)])
def test_slopes_are_derivatives(term: baseline.Baseline, pair: tuple[int, int]) -> None:
    r, step = np.linspace(1.05, 7.2, 60), 1e-4
    forward, back = (of_pairs(term, r + sign * step, *pair)[0] for sign in (1.0, -1.0))
    slopes = of_pairs(term, r, *pair)[1]
    scale = max(float(slopes.abs().max()), 1e-9)
    torch.testing.assert_close((forward - back) / (2.0 * step) / scale, slopes / scale, atol=1e-6, rtol=0.0)


def test_sums_survive_their_dictionary_and_keep_the_contract_in_a_graph() -> None:
    sums = baseline.from_dict(json.loads(json.dumps(baseline.Sum([LJ, TAIL, ZBL]).to_dict())), {})
    assert isinstance(sums, baseline.Sum)
    assert sums.parts == (LJ, TAIL, ZBL)
    assert (sums.cutoff, sums.repels) == (7.0, True)
    potential = random_potential.make(ELEMENTS, angular=random_potential.SPECTRUM, baseline=sums)
    assert potential.cutoff == 7.0
    files = {f"onnx_{dtype}": random_potential.file(potential, dtype) for dtype in ("float32", "float64")}
    report = contract.check(potential, **files, structures=[Structure.from_atoms(RUTILE)])
    assert report.passed, str(report)
    assert Potential.load(files["onnx_float32"]).manifest.baseline == sums.to_dict()


def test_the_graph_adds_exactly_what_is_subtracted_from_labels() -> None:
    structure = Structure.from_atoms(RUTILE)
    with_terms, bare = (
        Potential.load(random_potential.file(random_potential.make(ELEMENTS, baseline=terms))).evaluate([structure])[0]
        for terms in (baseline.Sum([TAIL, LJ]), None)
    )
    label = Label(energy=with_terms.energy, forces=with_terms.forces, stress=with_terms.stress)
    (residual,) = difference.subtracted(baseline.Sum([TAIL, LJ]), [Frame(structure=structure, label=label)])
    assert residual.label is not None
    assert residual.label.energy == pytest.approx(bare.energy, abs=1e-9)
    np.testing.assert_allclose(residual.label.forces, bare.forces, atol=1e-10)
    np.testing.assert_allclose(residual.label.stress, bare.stress, atol=1e-12)


def test_recipes_name_baselines_by_pair() -> None:
    wanted = recipe.parse(
        {
            "baseline": [
                {"kind": "zbl", "inner": 0.4, "outer": 0.8},
                {"kind": "lennard_jones", "epsilon": {"Ti-O": 0.02}, "sigma": {"Ti-O": 2.2}, "cutoff": 6.0},
                {"kind": "dispersion", "c6": {"O-O": 20.0}, "radius": {"O-O": 2.5}},
            ]
        }
    )
    made = difference.baseline(wanted.baseline_terms, ELEMENTS, {})
    assert isinstance(made, baseline.Sum)
    zbl, pairs, tail = made.parts
    assert zbl == Zbl(elements=ELEMENTS, inner=((0.528, 0.904), (0.904, 1.28)), outer=((1.056, 1.808), (1.808, 2.56)))
    assert pairs == LennardJones(
        elements=ELEMENTS, epsilon=((0.0, 0.02), (0.02, 0.0)), sigma=((1.0, 2.2), (2.2, 1.0)), cutoff=6.0
    )
    assert isinstance(tail, Dispersion)
    assert pair_terms.by_pair(ELEMENTS, tail.c6) == {"O-O": 20.0, "O-Ti": 0.0, "Ti-Ti": 0.0}


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ([{"kind": "dispersion", "c6": {"C-C": 1.0}, "radius": {"C-C": 1.0}}], "baseline.0.c6.C-C.*no element C"),
        ([{"kind": "potential", "name": "Si:3"}], "baseline.0.name: there is no potential Si:3 at hand"),
        ([{"kind": "zbl", "inner": 1.0, "outer": 0.5}], "inner must be less than outer"),
        ([{"kind": "lennard_jones", "epsilon": {"O-O": 1.0}, "sigma": {}}], "must name the same pairs"),
    ],
)
def test_impossible_baselines_are_refused(terms: list[dict], message: str) -> None:
    with pytest.raises(errors.RecipeError, match=message):
        difference.baseline(recipe.parse({"baseline": terms}).baseline_terms, ELEMENTS, {})


def test_the_end_of_zbl_is_where_it_leaves_the_smallest_forces() -> None:
    (automatic,) = recipe.Recipe().baseline_terms
    assert automatic.outer is None
    frames = toy_data.frames(12)
    known = difference.baseline((automatic.model_copy(update={"outer": 1.5}),), ("Cu",), {})
    assert known is not None
    # Labels that are ZBL ending at 1.5 covalent sums: labels minus what is left of the labels without it.
    rest = difference.subtracted(known, frames)
    pure = [
        replace(f, label=replace(f.label, forces=f.label.forces - r.label.forces))
        for f, r in zip(frames, rest, strict=True)
    ]
    (settled,) = difference.settled((automatic,), pure, ("Cu",), 6.0)
    assert settled.outer == 1.5
    (bounded,) = difference.settled((automatic,), pure, ("Cu",), 3.0)
    assert bounded.outer * 2.0 * 1.32 <= 3.0
    assert difference.settled((settled,), frames, ("Cu",), 6.0) == (settled,)
