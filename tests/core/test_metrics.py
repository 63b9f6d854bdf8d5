"""Errors from predictions, against numbers worked out by hand."""

import numpy as np
import pytest

from nnp.core import metrics, units
from nnp.core.label import Frame, Label
from nnp.core.prediction import Prediction
from nnp.core.structure import Structure

CELL = np.eye(3) * 4.0


def _frame(group: str, split: str, *, labelled: bool = True) -> Frame:
    structure = Structure.from_symbols(("Si", "Si"), [[0, 0, 0], [2, 0, 0]], CELL, True)
    label = Label(energy=-2.0, forces=np.zeros((2, 3)), stress=np.zeros(6))
    return Frame(structure=structure, label=label if labelled else None, group=group, split=split)


def _prediction(energy: float, force: float, stress: float) -> Prediction:
    forces = np.array([[force, 0.0, 0.0], [0.0, 0.0, 0.0]])
    return Prediction(energy=-2.0 + energy, forces=forces, stress=np.full(6, stress))


def test_errors_are_per_atom_per_component_and_in_gpa() -> None:
    found = metrics.errors([_frame("a", "test")], [_prediction(0.02, 0.6, 0.001)])
    assert found.energy_rmse_mev_per_atom == pytest.approx(10.0)
    assert found.energy_mae_mev_per_atom == pytest.approx(10.0)
    assert found.force_rmse_ev_per_a == pytest.approx(0.6 / np.sqrt(6))
    assert found.force_mae_ev_per_a == pytest.approx(0.1)
    assert found.force_max_ev_per_a == pytest.approx(0.6)
    assert found.stress_rmse_gpa == pytest.approx(0.001 / units.GPA)
    assert (found.structures, found.atoms) == (1, 2)


def test_groups_and_splits_are_kept_apart() -> None:
    frames = [_frame("a", "train"), _frame("b", "train"), _frame("a", "test")]
    predictions = [_prediction(0.01, 0, 0), _prediction(0.02, 0, 0), _prediction(0.04, 0, 0)]
    table = metrics.table(frames, predictions)
    assert set(table) == {"train", "test"}
    assert table["train"]["by_group"]["b"]["energy_rmse_mev_per_atom"] == pytest.approx(10.0)
    assert table["test"]["energy_rmse_mev_per_atom"] == pytest.approx(20.0)
    assert metrics.by_group(frames, predictions)["a"].structures == 2
    assert metrics.by_split(frames, predictions)["train"].structures == 2


def test_missing_labels_and_predictions_count_nowhere() -> None:
    frames = [_frame("a", "test", labelled=False), _frame("a", "test")]
    found = metrics.errors(frames, [_prediction(1.0, 1.0, 1.0), Prediction(energy=-2.0)])
    assert found.structures == 1
    assert found.energy_rmse_mev_per_atom == 0.0
    assert found.force_rmse_ev_per_a is None
    assert found.stress_rmse_gpa is None


def test_parity_pairs_reference_and_prediction() -> None:
    pairs = metrics.parity([_frame("a", "test")], [_prediction(0.02, 0.6, 0.001)])
    np.testing.assert_allclose(pairs.energies, [[-1.0, -0.99]])
    assert pairs.forces.shape == (6, 2)
    np.testing.assert_allclose(pairs.forces[0], [0.0, 0.6])
    np.testing.assert_allclose(pairs.stresses[:, 1], 0.001 / units.GPA)
