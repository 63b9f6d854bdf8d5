"""The fitted calibration recovers a known one, and its record tells good from bad."""

import numpy as np
import pytest

from nnp.core.label import Frame, Label
from nnp.core.prediction import Prediction
from nnp.core.structure import Structure
from nnp.learn import calibration


def test_recovers_how_the_errors_were_drawn() -> None:
    random = np.random.default_rng(0)
    spread = np.exp(random.normal(size=20000) - 2.0)
    sigma = np.sqrt(0.02**2 + (2.0 * spread**0.8) ** 2)
    found = calibration.fit(spread, random.normal(size=20000) * sigma)
    assert found is not None
    np.testing.assert_allclose(
        found.apply([0.05, 0.2, 1.0]), np.interp([0.05, 0.2, 1.0], *_sorted(spread, sigma)), rtol=0.05
    )
    assert found.record.coverage_68 == pytest.approx(0.683, abs=0.015)
    assert found.record.coverage_95 == pytest.approx(0.95, abs=0.01)
    assert found.record.miscalibration_area < 0.01
    assert found.lowest == spread.min()
    assert found.highest == spread.max()


def test_the_record_sees_overconfidence_and_useless_ranks() -> None:
    random = np.random.default_rng(1)
    error = random.normal(size=5000)
    overconfident = calibration.check(np.full(5000, 0.2), error)
    assert overconfident.coverage_68 < 0.3
    assert overconfident.miscalibration_area > 0.2
    assert overconfident.spearman is None
    assert abs(calibration.check(random.uniform(0.5, 2.0, 5000), error).spearman or 1.0) < 0.05


def test_too_little_data_gives_no_calibration() -> None:
    assert calibration.fit([0.1, 0.2], [0.1, 0.1]) is None
    assert calibration.fit(np.zeros(100), np.ones(100)) is None


def test_forces_count_by_component_and_energies_by_atom() -> None:
    random = np.random.default_rng(2)
    frames, predictions = [], []
    for _ in range(40):
        spread = random.uniform(0.01, 0.1, 2)
        structure = Structure.from_symbols(("Si", "Si"), [[0, 0, 0], [2, 0, 0]], np.zeros((3, 3)), False)
        frames.append(Frame(structure=structure, label=Label(energy=1.0, forces=np.zeros((2, 3)))))
        forces = random.normal(size=(2, 3)) * spread[:, None]
        energy = 1.0 + 2.0 * 0.01 * random.normal()
        predictions.append(Prediction(energy=energy, forces=forces, force_spreads=spread, energy_spread=0.02))
    maps = calibration.of(frames, predictions)
    assert maps is not None
    assert maps["force"]["record"]["count"] == 240
    assert maps["energy"]["record"]["count"] == 40
    assert maps["energy"]["highest"] == pytest.approx(0.01)


def _sorted(spread: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(spread)
    return spread[order], sigma[order]
