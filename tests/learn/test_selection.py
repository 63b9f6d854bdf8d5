"""Selections of functions: their equations against differences and a plain fit, every method against random choice."""

from collections.abc import Generator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import bulk
from ase.calculators.emt import EMT

from nnp.core import errors, neighbours, reading, recipe, selection
from nnp.core.label import Frame, Label
from nnp.core.structure import Structure
from nnp.learn import batches, descriptor, grid
from nnp.learn.finish import Progress
from nnp.learn.selection import curve, genetic, methods, pool, problem, select, sparse
from tests.learn import toy_data

WANTED = recipe.parse(
    {"cutoff": 4.0, "symmetry_functions": {"kind": "power_spectrum", "radial": 4, "channels": 3, "l_max": 3}}
)
ELEMENTS = ("Al", "Cu")
COUNT = 12


@lru_cache
def alloys(count: int = 40) -> tuple[Frame, ...]:
    """Hot, strained fcc cells of 16 atoms of any composition with labels of EMT."""
    random = np.random.default_rng(0)
    result = []
    for _ in range(count):
        atoms = bulk("Cu", "fcc", a=3.8, cubic=True) * (2, 2, 1)
        atoms.symbols[random.random(16) < random.random()] = "Al"
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + random.normal(scale=0.03, size=(3, 3))), scale_atoms=True)
        atoms.positions += random.normal(scale=0.05 + 0.15 * random.random(), size=(16, 3))
        atoms.calc = EMT()
        label = Label(energy=atoms.get_potential_energy(), forces=atoms.get_forces())
        result.append(Frame(structure=Structure.from_atoms(atoms), label=label))
    return tuple(result)


def functions() -> descriptor.Descriptor:
    frames = alloys()
    return grid.symmetry_functions_for(
        WANTED, ELEMENTS, neighbours.neighbour_table([frame.structure for frame in frames], WANTED.cutoff)
    )


@pytest.fixture(scope="module")
def built(repository: Path) -> problem.Problem:
    """A pool of 158 functions on 84 structures of silicon of all kinds."""
    frames = list(reading.read_frames(repository / "data" / "si-pbe" / "si-pbe.extxyz"))[::5]
    wanted = recipe.parse(
        {"cutoff": 5.0, "symmetry_functions": {"kind": "power_spectrum", "radial": 8, "channels": 6, "l_max": 5}}
    )
    table = neighbours.neighbour_table([frame.structure for frame in frames], wanted.cutoff)
    silicon = grid.symmetry_functions_for(wanted, ("Si",), table)
    *_, (done, found) = pool.compute(silicon, frames, 6, np.random.default_rng(0))
    assert done == len(frames)
    return problem.build(silicon, found, frames, wanted, folds=3)


def sums(frame, structure) -> np.ndarray:
    table = neighbours.neighbour_table([structure], WANTED.cutoff)
    species = batches.species_of([frame], ELEMENTS)
    values = batches.values(functions(), table.vectors, table.neighbour_species(species), species)
    return np.array([values[species == element].sum(axis=0) for element in range(2)])


def test_slopes_are_differences_of_the_values() -> None:
    frame = alloys()[3]
    *_, (_, found) = pool.compute(functions(), [frame], 2, np.random.default_rng(7))
    moves = np.random.default_rng(7).normal(size=(2, 16, 3)) / np.sqrt(48.0)
    assert found is not None
    for direction, move in enumerate(moves):
        ahead, behind = (
            sums(frame, replace(frame.structure, positions=frame.structure.positions + sign * 1e-5 * move))
            for sign in (1, -1)
        )
        np.testing.assert_allclose(found.slopes[0, direction], (ahead - behind) / 2e-5, atol=2e-7)
        assert found.forces[0, direction] == pytest.approx(np.sum(frame.label.forces * move))


def test_gradients_may_follow_in_the_same_process() -> None:
    """With functions that no other test has: what is kept of them was made for the pool."""
    fields = {
        "kind": "power_spectrum",
        "radial": 2,
        "channels": 2,
        "l_max": 2,
        "four_body": {"l_max": 2, "mixtures": 3},
    }
    wanted = recipe.parse({"cutoff": 4.1, "symmetry_functions": fields})
    frames = alloys()[:2]
    table = neighbours.neighbour_table([frame.structure for frame in frames], wanted.cutoff)
    chosen = grid.symmetry_functions_for(wanted, ELEMENTS, table)
    *_, (_, found) = pool.compute(chosen, frames, 2, np.random.default_rng(0))
    assert found is not None
    species = batches.species_of(frames, ELEMENTS)
    arrays = (table.vectors, table.neighbour_species(species), species)
    vectors, kinds, centres = (torch.from_numpy(np.ascontiguousarray(array)) for array in arrays)
    vectors.requires_grad_()
    values = chosen.values(chosen.geometry(vectors, kinds, centres))
    (slopes,) = torch.autograd.grad(values.sum(), vectors)
    assert torch.isfinite(slopes).all()


def test_error_is_that_of_a_plain_fit(built: problem.Problem) -> None:
    chosen = [0, 5, 9, 30]
    columns = built.columns(chosen)
    held = built.folds == 1
    fitted = np.linalg.lstsq(built.rows[~held][:, columns], built.targets[~held], rcond=None)[0]
    residuals = built.rows[np.ix_(held, columns)] @ fitted - built.targets[held]
    found = problem.error(built, chosen, 1, ridge=1e-13)
    assert found.loss == pytest.approx((residuals**2).sum(), rel=1e-5)
    force = residuals[built.is_force[held]]
    unweighted = force**2 / built.weights[held & built.is_force]
    sizes = built.weights[held & built.is_force]
    assert found.force == pytest.approx(np.sqrt(np.average(unweighted, weights=sizes)), rel=1e-5)


@pytest.mark.parametrize("method", methods.METHODS)
def test_every_method_beats_random_choice(method: str, built: problem.Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(genetic, "GENERATIONS", 3)
    judged = select.judged(built, method)
    *by_fold, whole = curve.rankings(judged, method, COUNT, np.random.default_rng(1))
    assert len(whole) == len(set(whole)) == COUNT
    assert set(whole) <= set(judged.candidates)
    found = curve.point(judged, by_fold, COUNT, np.random.default_rng(2))
    drawn = [curve.point(built, by_fold, COUNT, np.random.default_rng(seed)).random_loss for seed in range(3)]
    assert found.loss < 0.95 * np.mean(drawn)


def test_matching_pursuit_takes_what_lowers_the_error_most(built: problem.Problem) -> None:
    folds = [0, 1]
    chosen = methods.METHODS["matching_pursuit"](built, 3, folds, np.random.default_rng(0))

    def left(functions: list[int]) -> float:
        square, right = sparse.reduced(built, folds, np.array(functions))
        return -float(right @ np.linalg.solve(square, right))

    for taken, best in enumerate(chosen):
        errors_of = {int(f): left([*chosen[:taken], int(f)]) for f in built.candidates if f not in chosen[:taken]}
        assert errors_of[best] == pytest.approx(min(errors_of.values()), rel=1e-6)


def test_principal_components_are_compared_with_random_functions(built: problem.Problem) -> None:
    judged = select.judged(built, "pca")
    ranking = [[int(column) for column in judged.candidates]] * 3
    found = curve.point(judged, ranking, COUNT, np.random.default_rng(5), built)
    assert found.random_loss == curve.point(built, ranking, COUNT, np.random.default_rng(5)).random_loss
    assert found.random_loss != curve.point(judged, ranking, COUNT, np.random.default_rng(5)).random_loss


def test_what_a_ranking_learns_from_is_not_what_it_is_judged_by(built: problem.Problem) -> None:
    spoiled = replace(built, targets=np.where(built.folds == 2, 1e3, built.targets))
    for method in ("lasso", "matching_pursuit", "elimination"):
        first, second = (
            list(curve.rankings(one, method, COUNT, np.random.default_rng(0)))[2] for one in (built, spoiled)
        )
        assert first == second


def finished(run: Generator[Progress, None, select.Selected], stages: list[str] | None = None) -> select.Selected:
    while True:
        try:
            progress = next(run)
        except StopIteration as stop:
            return stop.value
        if stages is not None:
            stages.append(progress.stage)


def test_a_selection_gives_a_recipe_with_fewer_functions() -> None:
    frames = [replace(f, split="test" if i % 5 == 0 else None) for i, f in enumerate(alloys())]
    how = selection.Selection(count=20, folds=3, directions=4)
    stages: list[str] = []
    result = finished(select.select(WANTED, frames, how), stages)
    assert list(dict.fromkeys(stages)) == ["pool", "rank", "curve"]
    assert (result.count, result.structures, result.pool_size) == (20, 32, functions().size)
    given = descriptor.from_dict(recipe.parse(result.to_dict()["recipe"]).symmetry_functions.definition)
    assert batches.functions_of(given, [frames[1]])[0].shape == (16, 20)
    assert [point.count for point in result.points][-2:] == [20, functions().size - len(result.dropped) // 2]
    assert result.plot.startswith(b"\x89PNG")


@pytest.mark.parametrize("without", [None, ["Li"]])
def test_functions_of_a_guest_are_judged_by_the_energies_that_it_is_trained_on(without: list[str] | None) -> None:
    told = {"cutoff": 5.2, "centres": ["Li"], "without": without}
    wanted = recipe.parse({**WANTED.model_dump(mode="json"), **told})
    frames = list(toy_data.guests(40))
    frames[1:] = [replace(frame, split="test" if i % 5 == 0 else None) for i, frame in enumerate(frames[1:])]
    result = finished(select.select(wanted, frames, selection.Selection(count=6, folds=3)))
    assert (result.structures, result.atoms) == (32, 5 * 32)
    assert {element for element, _ in result.dropped} <= {"Li"}
    assert (result.points[-1].force_rmse_ev_per_a > 0.0) == (
        without is not None
    )  # labels of a host's forces mean nothing
    true = np.array([frame.label.energy / 5 for frame in frames[1:]])
    assert result.points[-1].energy_rmse_mev_per_atom < 0.3 * 1000.0 * true.std()
    unknown = wanted.model_copy(update={"centres": ("Cu",)})
    with pytest.raises(errors.RecipeError, match="centres: the data set has no element Cu"):
        finished(select.select(unknown, frames))


@pytest.mark.parametrize("method", ["elimination", "lasso", "pca"])
def test_one_stoichiometry_leaves_no_equation_undetermined(method: str) -> None:
    half = [frame for frame in toy_data.frames(80, alloy=True) if frame.structure.symbols.count("Al") == 2]
    result = finished(select.select(WANTED, half, selection.Selection(method=method, count=6, folds=3)))
    assert 0.0 < result.points[-1].energy_rmse_mev_per_atom < 50.0


def test_curves() -> None:
    assert curve.counts(32) == [4, 6, 8, 11, 16, 23, 32]
    assert curve.counts(1) == [1]
    points = [
        curve.Point(count=n, force_rmse_ev_per_a=0.0, energy_rmse_mev_per_atom=0.0, loss=loss, random_loss=None)
        for n, loss in ((4, 2.0), (8, 1.04), (16, 1.0), (32, 1.02))
    ]
    assert curve.warnings(points, 8, "pca") == ()
    against = [replace(point, random_loss=1.06) for point in points]
    assert curve.warnings(against, 16, "pca") == curve.warnings(against, 5, "pca") == ()
    assert "pca is no better than random choice at 8 functions" in curve.warnings(against, 8, "pca")[0]
    assert curve.fewest(points, 0.05) == 8
    assert curve.fewest(points, 0.0) == 16


def test_impossible_selections_are_refused() -> None:
    with pytest.raises(errors.RecipeError, match=r"selection\.method"):
        selection.parse({"method": "astrology"})
    with pytest.raises(errors.InputError, match="3 independent structures or trajectories cannot be divided into 4"):
        list(select.select(WANTED, alloys()[:3]))
    with pytest.raises(errors.InputError, match="select from a smaller pool"):
        problem.check_size(4001, 2)


def test_a_rare_element_is_among_the_structures_looked_at() -> None:
    plenty, rare = toy_data.frames(20), toy_data.frames(20, alloy=True)
    one = next(frame for frame in rare if set(frame.structure.elements) == {"Al", "Cu"})
    looked_at = select._frames(recipe.Recipe(), [*plenty, one, one], atoms=12)
    assert len(looked_at) < 8
    assert {symbol for frame in looked_at for symbol in frame.structure.elements} == {"Al", "Cu"}
