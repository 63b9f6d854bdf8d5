"""The density of training data: against its definition, and that it tells seen from unseen."""

import numpy as np
import pytest
import torch

from nnp.learn import densities


@pytest.fixture(scope="module")
def clouds() -> np.ndarray:
    """500 points near the origin and 10 far away, in six dimensions."""
    random = np.random.default_rng(0)
    return np.concatenate([random.normal(size=(500, 6)), random.normal(size=(10, 6)) * 0.3 + 8.0])


def log_density(x: np.ndarray, found: densities.Density) -> np.ndarray:
    parts = (torch.from_numpy(np.asarray(part[0])) for part in (found.landmarks, found.log_weights, found.widths))
    return densities.log_density(torch.from_numpy(x), *parts).numpy()[:, 0]


def test_it_is_the_weighted_sum_of_gaussians(clouds: np.ndarray) -> None:
    found = densities.fit(clouds, np.zeros(len(clouds), dtype=int), 1, count=30)
    x = np.random.default_rng(1).normal(size=(4, 6))
    squares = ((x[:, None] - found.landmarks[0]) ** 2).sum(-1)
    expected = np.log((np.exp(found.log_weights[0]) * np.exp(-squares / found.widths[0])).sum(1))
    np.testing.assert_allclose(log_density(x, found), expected, rtol=1e-10)


def test_unseen_places_are_emptier_than_all_of_training(clouds: np.ndarray) -> None:
    found = densities.fit(clouds, np.zeros(len(clouds), dtype=int), 1, count=60)
    assert log_density(clouds, found).min() == pytest.approx(found.lowest[0])
    assert (log_density(np.full((1, 6), -8.0), found) < found.lowest[0]).all()  # the empty corner
    assert (log_density(np.full((1, 6), 4.0), found) < found.lowest[0]).all()  # between the clouds
    assert (log_density(np.full((1, 6), 8.0), found) > found.lowest[0]).all()  # rare, and seen


def test_few_points_fill_few_landmarks() -> None:
    points = np.array([[0.0, 1.0], [2.0, 3.0], [2.0, 3.0], [5.0, 5.0]])
    found = densities.fit(points, np.array([0, 0, 0, 1]), 2, count=5)
    assert (found.log_weights > densities.ABSENT).sum(axis=1).tolist() == [2, 1]
    np.testing.assert_allclose(np.sort(np.exp(found.log_weights[0, :2])), [1 / 3, 2 / 3])
    assert np.isfinite(found.lowest).all()


def test_an_element_that_was_never_seen_has_no_density() -> None:
    found = densities.fit(np.zeros((3, 2)), np.zeros(3, dtype=int), 2, count=4)
    parts = (torch.from_numpy(np.asarray(part[1])) for part in (found.landmarks, found.log_weights, found.widths))
    assert float(densities.log_density(torch.zeros(1, 2, dtype=torch.float64), *parts)) < -1e29


def test_many_atoms_are_taken_evenly(clouds: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(densities, "MOST_CANDIDATES", 100)
    found = densities.fit(clouds, np.zeros(len(clouds), dtype=int), 1, count=20)
    assert log_density(clouds, found).min() == pytest.approx(found.lowest[0])
