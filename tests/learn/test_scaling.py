"""Scaling: unit variance where functions vary, bounded where they hardly do, none where they do not."""

import numpy as np
import pytest

from nnp.core import errors
from nnp.learn import scaling
from nnp.learn.moments import Moments

NAMES = ["G2 a", "G2 b", "G2 c", "p d", "p e", "p f"]


def _values(random: np.random.Generator) -> np.ndarray:
    return random.normal(size=(500, 6)) * [1.0, 2.0, 1e-2, 10.0, 10.0, 1e-6]


def _moments(values: np.ndarray, species: np.ndarray, elements: int = 1) -> Moments:
    found = Moments(elements, values.shape[1])
    found.add(values, species)
    return found


def test_bounded_scaling_does_not_amplify_rare_functions() -> None:
    values = _values(np.random.default_rng(0))
    scaled = scaling.fit(_moments(values, np.zeros(500, dtype=int)), ("Si",), [NAMES], by="function", floor=0.1)
    deviation = values.std(axis=0)
    np.testing.assert_allclose(scaled.scale[0, [0, 1, 3, 4]] * deviation[[0, 1, 3, 4]], 1.0)
    assert scaled.scale[0, 2] == pytest.approx(1.0 / (0.1 * deviation[0]))
    assert scaled.scale[0, 2] * deviation[2] < 0.2
    np.testing.assert_allclose(scaled.shift[0], values.mean(axis=0))


def test_constant_functions_are_dropped_and_listed() -> None:
    scaled = scaling.fit(
        _moments(_values(np.random.default_rng(1)), np.zeros(500, dtype=int)),
        ("Si",),
        [NAMES],
        by="function",
        floor=0.01,
    )
    assert scaled.dropped == (("Si", "p f"),)
    assert scaled.scale[0, 5] == 0.0


def test_each_element_has_its_own_scaling_and_range() -> None:
    random = np.random.default_rng(2)
    values = np.concatenate([random.normal(size=(50, 6)), 5.0 + 3.0 * random.normal(size=(70, 6))])
    species = np.repeat([0, 1], [50, 70])
    scaled = scaling.fit(_moments(values, species, 2), ("O", "Ti"), [NAMES, NAMES], by="function", floor=0.01)
    np.testing.assert_allclose(scaled.lowest[1], values[50:].min(axis=0))
    np.testing.assert_allclose(scaled.highest[0], values[:50].max(axis=0))
    np.testing.assert_allclose(scaled.scale[1] * values[50:].std(axis=0), 1.0)


def test_identical_environments_are_refused() -> None:
    with pytest.raises(errors.InputError, match="no symmetry function varies around Si"):
        scaling.fit(_moments(np.ones((5, 6)), np.zeros(5, dtype=int)), ("Si",), [NAMES], by="function", floor=0.01)
    values = np.random.default_rng(3).normal(size=(5, 6))
    with pytest.raises(errors.InputError, match="no training structure has the element Ti"):
        scaling.fit(_moments(values, np.zeros(5, dtype=int), 2), ("O", "Ti"), [NAMES, NAMES], by="function", floor=0.01)


def test_functions_of_an_element_without_networks_need_not_vary() -> None:
    values, species = np.ones((10, 6)), np.repeat([0, 1], 5)
    values[5:] += np.random.default_rng(4).normal(size=(5, 6))
    for by in ("kind", "function"):
        given = {"by": by, "floor": 0.1, "centres": ["Cu"]}
        scaled = scaling.fit(_moments(values, species, 2), ("Si", "Cu"), [NAMES, NAMES], **given)
        assert not scaled.scale[0].any()
        assert scaled.scale[1].all()


def test_rounding_is_no_variation() -> None:
    values = np.random.default_rng(5).normal(size=6) * (1.0 + 1e-15 * np.random.default_rng(6).normal(size=(50, 6)))
    moments = _moments(values, np.zeros(50, dtype=int))
    assert moments.deviation().any()
    with pytest.raises(errors.InputError, match="no symmetry function varies around Si"):
        scaling.fit(moments, ("Si",), [NAMES], by="kind", floor=0.1)


def test_one_number_for_each_kind_keeps_what_varies_little_small() -> None:
    values = _values(np.random.default_rng(3))
    scaled = scaling.fit(_moments(values, np.zeros(500, dtype=int)), ("Si",), [NAMES], by="kind", floor=0.1)
    deviation = values.std(axis=0)
    for kind in {name.split()[0] for name in NAMES}:
        own = np.array([name.split()[0] == kind for name in NAMES]) & (scaled.scale[0] > 0.0)
        np.testing.assert_allclose(scaled.scale[0, own] * np.sqrt((deviation[own] ** 2).mean()), 1.0)
