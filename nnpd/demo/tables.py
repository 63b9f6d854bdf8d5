"""The tables of the demonstration."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from rich.table import Table
from scipy.stats import mannwhitneyu

from nnp.core.metrics import Errors
from nnp_client.wire.datasets import DatasetVersionOut
from nnp_client.wire.potentials import GateReport
from nnpd.demo.dynamics import Run

Array = npt.NDArray[np.float64]


def dataset(version: DatasetVersionOut) -> Table:
    """Structures of each group in each split, as the registry counted them."""
    counts = (version.statistics or {})["groups"]
    table = Table("group", "train", "test", title=f"{version.reference}: structures by group and split")
    for group, splits in counts.items():
        table.add_row(group, str(splits.get("train", 0)), str(splits.get("test", 0)))
    return table


def gates(report: GateReport | None) -> Table:
    """What was checked before promotion."""
    table = Table("gate", "passed", "detail")
    for check in report.checks if report else []:
        table.add_row(check.name, "yes" if check.passed else "NO", check.detail)
    return table


def summary(
    by_group: Mapping[str, Mapping[str, Errors]], totals: Mapping[str, Errors], runs: Mapping[str, Run], *, atoms: int
) -> Table:
    """Errors by group, train and test side by side, and what a step of dynamics costs.

    Args:
        by_group: split -> group -> errors.
        totals: split -> errors over all groups.
        runs: where it was evaluated -> trajectory.
        atoms: number of atoms of the trajectories.
    """
    remote, local = runs["remote"], runs["in process"]
    speed = (
        f"{1000.0 * local.milliseconds_per_step / atoms:.1f} us per atom and step in process; a step of {atoms} atoms: "
        f"{remote.milliseconds_per_step:.2f} ms remote, {local.milliseconds_per_step:.2f} ms in process"
    )
    table = Table("group", title="RMSE: E in meV/atom, F in eV/Å, stress in GPa", caption=speed)
    for split in by_group:
        for quantity in ("E", "F", "stress"):
            table.add_column(f"{split} {quantity}", justify="right")
    groups = sorted({group for found in by_group.values() for group in found})
    for group in groups:
        rows = [_row(found[group]) if group in found else ["-"] * 3 for found in by_group.values()]
        table.add_row(group, *(cell for cells in rows for cell in cells), end_section=group == groups[-1])
    table.add_row("all", *(cell for found in totals.values() for cell in _row(found)))
    return table


def novelty(seen: Array, unseen: Mapping[str, Array], potential: str) -> Table:
    """Per-atom novelty of unseen groups against test atoms of seen groups; the area under the ROC curve ranks them."""
    table = Table("atoms", "number", "median novelty (eV)", "AUROC against seen", title=f"novelty from {potential}")
    table.add_row("seen in training (test split)", str(len(seen)), f"{np.median(seen):.4f}", "")
    for group, values in unseen.items():
        area = mannwhitneyu(values, seen).statistic / (len(values) * len(seen))
        table.add_row(f"{group}, unseen", str(len(values)), f"{np.median(values):.4f}", f"{area:.3f}")
    return table


def dynamics(runs: Mapping[str, Run], *, atoms: int) -> Table:
    """Cost and health of each trajectory."""
    columns = ("place", "steps", "ms/step", "us/atom", "T (K)", "drift (meV/atom)", "novelty (eV)")
    table = Table(*columns, title=f"{atoms} atoms, 1 fs, microcanonical, ASE; largest novelty of the run")
    for place, run in runs.items():
        table.add_row(
            place,
            str(run.steps),
            f"{run.milliseconds_per_step:.2f}",
            f"{1000.0 * run.milliseconds_per_step / atoms:.1f}",
            f"{run.temperature:.0f}",
            f"{run.drift_mev_per_atom:+.3f}",
            f"{run.largest_novelty:.4f}",
        )
    return table


def _row(found: Errors) -> list[str]:
    numbers = (found.energy_rmse_mev_per_atom, found.force_rmse_ev_per_a, found.stress_rmse_gpa)
    return ["-" if value is None else f"{value:.3g}" for value in numbers]
