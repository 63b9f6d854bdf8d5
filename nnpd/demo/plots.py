"""The pictures of the demonstration: learning curve, parity, uncertainty against error, novelty of unseen groups."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from nnp.core import metrics

Array = npt.NDArray[np.float64]
STYLE = {"figure.dpi": 130, "font.size": 9, "axes.grid": True, "grid.alpha": 0.3, "axes.axisbelow": True}
TRAIN, TEST = "#8c959f", "#0969da"


def learning_curve(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Errors on the training and validation parts against the epoch, both axes labelled with units."""
    panels = [
        ("energy_rmse_mev_per_atom", "energy RMSE (meV/atom)"),
        ("force_rmse_ev_per_a", "force RMSE (eV/Å)"),
        ("stress_rmse_gpa", "stress RMSE (GPa)"),
    ]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 3.0), layout="constrained")
        for axes, (key, label) in zip(figure.subplots(1, 3), panels, strict=True):
            for part, colour in (("train", TRAIN), ("validation", TEST)):
                points = [(row["epoch"], row[f"{part}_{key}"]) for row in history if row.get(f"{part}_{key}")]
                if points:
                    axes.plot(*np.array(points).T, color=colour, label=part)
            axes.set(xlabel="epoch", ylabel=label, yscale="log")
            if axes.lines:
                axes.legend()
        figure.savefig(path)


def parity(train: metrics.Parity, test: metrics.Parity, path: Path) -> None:
    """Predicted against first-principles energies, forces and stresses."""
    panels = [("energies", "energy (eV/atom)"), ("forces", "force component (eV/Å)"), ("stresses", "stress (GPa)")]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 3.4), layout="constrained")
        for axes, (name, label) in zip(figure.subplots(1, 3), panels, strict=True):
            for part, rows, colour in (("train", getattr(train, name), TRAIN), ("test", getattr(test, name), TEST)):
                axes.plot(rows[:, 0], rows[:, 1], ".", markersize=3, color=colour, label=part, rasterized=True)
            ends = np.array(axes.get_xlim())
            axes.plot(ends, ends, "-", color="black", linewidth=0.7)
            axes.set(xlabel=f"PBE {label}", ylabel=f"predicted {label}", xlim=ends)
            axes.legend()
        figure.savefig(path)


def uncertainty_against_error(uncertainties: Array, errors: Array, path: Path) -> None:
    """Force error of each test atom against its calibrated uncertainty, with the errors that sigma promises.

    Args:
        uncertainties: (N,) eV/Å, standard deviation per force component.
        errors: (N, 3) force error components, eV/Å.
        path: where the PNG goes.
    """
    components = np.abs(errors).ravel()
    sigma = np.repeat(uncertainties, 3)
    inside = [float(np.mean(components <= k * sigma)) for k in (1, 2)]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 4.0), layout="constrained")
        axes = figure.subplots()
        axes.loglog(sigma, np.maximum(components, 1e-4), ".", markersize=2, color=TEST, alpha=0.4, rasterized=True)
        centres, found = _binned_rms(sigma, components)
        axes.loglog(centres, found, "o-", color="#cf222e", markersize=4, label="RMS error in bins of uncertainty")
        ends = np.array([sigma.min(), sigma.max()])
        axes.loglog(ends, ends, "k-", linewidth=0.8, label="RMS error = uncertainty")
        axes.loglog(ends, 2 * ends, "k--", linewidth=0.8, label="2 x uncertainty")
        axes.set(
            xlabel="calibrated force uncertainty (eV/Å)",
            ylabel="|force error| per component (eV/Å)",
            title=f"test split: {inside[0]:.0%} within 1 sigma, {inside[1]:.0%} within 2",
        )
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.legend(fontsize=7)
        figure.savefig(path)


def novelty(seen: Array, unseen: Mapping[str, Array], path: Path) -> None:
    """Distribution of the per-atom novelty in groups that training saw and in those that it did not.

    Args:
        seen: (N,) eV, atoms of test structures of the groups used in training.
        unseen: group -> (N,) eV, atoms of the groups left out.
        path: where the PNG goes.
    """
    everything = np.concatenate([seen, *unseen.values()])
    bins = np.geomspace(max(everything.min(), 1e-4), everything.max(), 40).tolist()
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.4, 3.4), layout="constrained")
        axes = figure.subplots()
        label = "groups seen in training (test split)"
        axes.hist(seen, bins, weights=_share(seen), color=TRAIN, alpha=0.8, label=label)
        for (group, values), colour in zip(unseen.items(), ("#cf222e", "#bf8700", "#8250df", "#1a7f37"), strict=False):
            axes.hist(
                values,
                bins,
                weights=_share(values),
                histtype="step",
                linewidth=1.6,
                color=colour,
                label=f"{group}, unseen",
            )
        axes.set(xscale="log", xlabel="per-atom novelty (eV)", ylabel="fraction of the atoms")
        axes.legend(fontsize=7)
        figure.savefig(path)


def _share(values: Array) -> Array:
    """Weights that make a histogram one of fractions: bins even in the logarithm need no width."""
    return np.full(len(values), 1.0 / len(values))


def _binned_rms(sigma: Array, components: Array, bins: int = 10) -> tuple[Array, Array]:
    """Root mean square of the error in bins of equal population."""
    parts = np.array_split(np.argsort(sigma), min(bins, len(sigma)))
    centres = np.array([sigma[part].mean() for part in parts])
    return centres, np.array([np.sqrt(np.mean(components[part] ** 2)) for part in parts])
