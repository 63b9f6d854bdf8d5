"""The demonstration's plots and tables; its story is told in full by `make demo` and by the end-to-end test."""

from pathlib import Path

import numpy as np
import pytest
from ase.calculators.lj import LennardJones
from matplotlib import image
from rich.console import Console

from nnp.core import metrics
from nnpd.demo import dynamics, plots, tables

RANDOM = np.random.default_rng(5)


def _pairs(count: int) -> np.ndarray:
    reference = RANDOM.normal(size=count)
    return np.stack([reference, reference + RANDOM.normal(scale=0.1, size=count)], axis=1)


def _parity() -> metrics.Parity:
    return metrics.Parity(energies=_pairs(20), forces=_pairs(200), stresses=_pairs(60))


def _errors(**values: float | None) -> metrics.Errors:
    names = metrics.Errors.__dataclass_fields__
    return metrics.Errors(**{**dict.fromkeys(names), "structures": 3, "atoms": 24, **values})  # type: ignore[arg-type]


def _text(table: object) -> str:
    console = Console(width=220)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_plots_have_ink_on_them(tmp_path: Path) -> None:
    history = [
        {"epoch": epoch, f"{part}_force_rmse_ev_per_a": 1.0 / epoch, f"{part}_energy_rmse_mev_per_atom": 9.0 / epoch}
        for epoch in range(1, 6)
        for part in ("train", "validation")
    ]
    plots.learning_curve(history, tmp_path / "learning_curve.png")
    plots.parity(_parity(), _parity(), tmp_path / "parity.png")
    plots.uncertainty_against_error(
        RANDOM.uniform(0.05, 0.5, 40), RANDOM.normal(size=(40, 3)) * 0.2, tmp_path / "uncertainty.png"
    )
    plots.novelty(RANDOM.uniform(1e-3, 1e-2, 50), {"liquid": RANDOM.uniform(1e-2, 1, 50)}, tmp_path / "novelty.png")
    drawn = sorted(tmp_path.glob("*.png"))
    assert len(drawn) == 4
    for path in drawn:
        assert image.imread(path)[..., :3].std() > 0.05


def test_the_summary_names_every_group_and_the_cost_of_a_step() -> None:
    found = _errors(energy_rmse_mev_per_atom=5.25, force_rmse_ev_per_a=0.125, stress_rmse_gpa=0.5)
    run = dynamics.Run(
        steps=10, milliseconds_per_step=2.16, temperature=300.0, drift_mev_per_atom=0.01, largest_novelty=0.02
    )
    table = tables.summary(
        {"train": {"liquid": found, "sc": found}, "test": {"sc": found}},
        {"train": found, "test": found},
        {"remote": run, "in process": run},
        atoms=216,
    )
    text = _text(table)
    assert "liquid" in text
    assert "5.25" in text
    assert "10.0 us per atom" in text


def test_the_novelty_of_unseen_atoms_is_ranked_by_the_area_under_the_roc_curve() -> None:
    seen, unseen = np.array([1.0, 2.0, 3.0]), np.array([2.5, 4.0])
    # By hand: of the six pairs, unseen is above seen in 5.
    assert "0.833" in _text(tables.novelty(seen, {"liquid": unseen}, "Si-narrow:1"))


def test_dynamics_conserves_energy_with_a_smooth_potential() -> None:
    calculator = LennardJones(sigma=2.1, epsilon=0.05, rc=5.0, smooth=True)
    run = dynamics.run(calculator, steps=3)
    assert run.steps == 3
    assert run.drift_mev_per_atom == pytest.approx(0.0, abs=1.0)
