"""Portions and running moments: what is computed a part at a time equals what is computed at once."""

import numpy as np
import pytest

from nnp.learn import definition, portions, splits
from nnp.learn.moments import Moments
from tests.learn import toy_data
from tests.learn.test_train import RECIPE

FRAMES = toy_data.frames(40, alloy=True)


def test_portions_hold_every_frame_once_in_order() -> None:
    for atoms, count in ((1, 40), (9, 20), (160, 1), (10**6, 1)):
        parts = list(portions.portions(FRAMES, atoms))
        assert [frame for part in parts for frame in part] == list(FRAMES)
        assert len(parts) == count
    assert list(portions.portions([], 5)) == []


def test_a_sample_is_evenly_taken_and_holds_every_element() -> None:
    assert portions.some(FRAMES, 160) is FRAMES
    for atoms in (1, 8, 40, 100):
        sample = portions.some(FRAMES, atoms)
        assert {"Al", "Cu"} == {symbol for frame in sample for symbol in frame.structure.elements}
        assert sum(len(frame.structure) for frame in sample) <= atoms + 8


def test_running_moments_are_those_of_all_at_once() -> None:
    random = np.random.default_rng(0)
    values, species = random.normal(loc=1e6, size=(500, 3)), random.integers(0, 2, 500)
    found = Moments(3, 3)
    for rows in np.array_split(np.arange(500), 7):
        found.add(values[rows], species[rows])
    assert found.counts[2] == 0
    for element in range(2):
        own = values[species == element]
        np.testing.assert_allclose(found.mean[element], own.mean(axis=0), rtol=1e-14)
        np.testing.assert_allclose(found.deviation()[element], own.std(axis=0), rtol=1e-9)
        np.testing.assert_array_equal(found.lowest[element], own.min(axis=0))
        np.testing.assert_array_equal(found.highest[element], own.max(axis=0))


def test_a_definition_fitted_in_portions_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = splits.split(FRAMES, RECIPE)
    whole = definition.fit(RECIPE, FRAMES, parts)
    monkeypatch.setattr(portions.portions, "__defaults__", (20,))
    again = definition.fit(RECIPE, FRAMES, parts)
    assert again.functions == whole.functions
    np.testing.assert_allclose(again.scaled.scale, whole.scaled.scale, rtol=1e-10)
    np.testing.assert_allclose(again.scaled.lowest, whole.scaled.lowest, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(
        definition.density(again, FRAMES).lowest, definition.density(whole, FRAMES).lowest, rtol=1e-8
    )
