"""Gaussian density function: its definition, both ways to sum it, and its weights in the force loss."""

import numpy as np
import pytest
import torch

from nnp.core import recipe
from nnp.learn import committee, definition, gdf, splits, stacks, train
from tests.learn import toy_data
from tests.learn.test_train import RECIPE

GDF = recipe.GaussianDensityWeighting()


def _imbalanced(common: int, rare: int, size: int = 12) -> np.ndarray:
    """A tight cloud of common atoms in four of the dimensions, and rare ones spread around."""
    random = np.random.default_rng(0)
    bulk = np.concatenate([random.normal(scale=0.2, size=(common, 4)), np.zeros((common, size - 4))], axis=1)
    return np.concatenate([bulk, random.normal(size=(rare, size))])


@pytest.mark.parametrize("centre", [3.0, None])
def test_weights_follow_the_published_definition(centre: float | None) -> None:
    """Eqs. 4 and 5 with SIMPLE-NN's sigmoid, which acts on 1/ρ itself: g from 1 (all alike) to M (alone)."""
    points, sigma, b = _imbalanced(60, 6), 0.1, 1.0
    squares = ((points[:, None] - points[None]) ** 2).sum(-1)
    g = 1.0 / np.exp(-squares / (2.0 * sigma**2 * 12)).mean(1)
    c = centre
    if c is None:  # the end of a line through the lowest three quarters
        lowest = np.sort(g)[: round(0.75 * 66)]
        rows = np.stack([np.arange(len(lowest)), np.ones(len(lowest))], axis=1)
        c = (rows @ np.linalg.lstsq(rows, lowest, rcond=None)[0])[-1]
    theta = g / (1.0 + np.exp(-b * (g - c)))
    wanted = recipe.GaussianDensityWeighting(width=sigma, exponent=1.0, steepness=b, centre=centre)
    np.testing.assert_allclose(gdf.weights(points, np.zeros(66, dtype=int), wanted), theta / theta.mean(), rtol=5e-3)


def test_the_exponent_tempers_the_weights() -> None:
    points, species = _imbalanced(300, 10), np.zeros(310, dtype=int)
    full, half = (gdf.weights(points, species, recipe.GaussianDensityWeighting(exponent=p)) for p in (1.0, 0.5))
    np.testing.assert_allclose(half, np.sqrt(full) / np.sqrt(full).mean(), rtol=1e-9)
    assert half.max() < full.max()


def test_weights_have_mean_1_for_each_element_and_favour_the_rare() -> None:
    points, species = np.concatenate([_imbalanced(300, 10), _imbalanced(90, 30)]), np.repeat([0, 1], [310, 120])
    found = gdf.weights(points, species, GDF)
    assert found[:310].mean() == pytest.approx(1.0)
    assert found[310:].mean() == pytest.approx(1.0)
    assert found[300:310].min() > 2.0 * found[:300].mean()


@pytest.mark.parametrize("centre", [None, 1.0, 35.0, 5000.0])
def test_uniform_data_have_weight_1_however_the_sigmoid_lies(centre: float | None) -> None:
    corners = np.repeat(np.eye(8), 5, axis=0)
    wanted = recipe.GaussianDensityWeighting(exponent=1.0, steepness=1.0, centre=centre)
    np.testing.assert_allclose(gdf.weights(corners, np.zeros(40, dtype=int), wanted), 1.0, rtol=1e-9)


def test_sampled_sums_agree_with_exact_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gdf, "FIRST_SAMPLE", 256)
    points = _imbalanced(4_000, 60)
    exact, sampled = gdf.densities(points, exact=True), gdf.densities(points, exact=False)
    assert np.abs(sampled / exact - 1.0).max() < 0.01
    weights = [gdf.modified(1.0 / rho, 1.0, 1.0, 20.0) for rho in (exact, sampled)]
    np.testing.assert_allclose(weights[1], weights[0], rtol=0.02)
    np.testing.assert_array_equal(sampled, gdf.densities(points, exact=False))


def test_the_force_loss_weighs_each_atom() -> None:
    wanted = RECIPE.model_copy(update={"force_weighting": GDF})
    frames = list(toy_data.frames(12))
    settled = definition.fit(wanted, frames, splits.split(frames, wanted))
    weighed = definition.atom_weights(settled, frames[:3], wanted)
    batch = definition.prepare(settled, frames[:3], [[0, 1, 2]], wanted, room=0, atom_weights=weighed)[0]
    np.testing.assert_allclose(batch.atom_weights[:, 0].numpy(), np.concatenate(list(weighed.values())), rtol=1e-6)
    assert batch.atom_weights.std() > 0.01
    members = stacks.initial(RECIPE.committee, settled.functions.size, ("Cu",), 1.0, np.random.default_rng(0))
    with torch.no_grad():
        predicted = committee.predict(members, batch)
        found = committee.squares(predicted, batch, batch.weights)["force"]
    assert predicted.forces is not None
    expected = (((predicted.forces - batch.forces) ** 2).mean(-1) * batch.atom_weights[:, 0]).mean(-1)
    torch.testing.assert_close(found, expected)


def test_a_training_with_weights_runs() -> None:
    wanted = RECIPE.model_copy(update={"force_weighting": GDF, "steps": 20, "replicas": None})
    run = train.train(wanted, toy_data.frames(24, alloy=True), threads=1)
    assert [p.stage for p in run][-1] == "contract"
