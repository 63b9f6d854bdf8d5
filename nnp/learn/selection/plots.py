"""Pictures of a selection."""

import io
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from nnp.learn.selection.curve import Point

STYLE = {"figure.dpi": 130, "font.size": 9, "axes.grid": True, "grid.alpha": 0.3, "axes.axisbelow": True}


def error_against_count(points: Sequence[Point], method: str, chosen: int) -> bytes:
    """Cross-validated errors against the number of functions, with random choices and the chosen count, as PNG."""
    counts = [point.count for point in points]
    by_chance = [(point.count, point.random_loss) for point in points if point.random_loss is not None]
    panels = [
        ("loss", "loss", [point.loss for point in points]),
        ("force RMSE", "force RMSE (eV/Å)", [point.force_rmse_ev_per_a for point in points]),
        ("energy RMSE", "energy RMSE (meV/atom)", [point.energy_rmse_mev_per_atom for point in points]),
    ]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 3.2), layout="constrained")
        for axes, (title, label, values) in zip(figure.subplots(1, 3), panels, strict=True):
            axes.plot(counts, values, "o-", color="#0969da", markersize=3, label=method)
            if title == "loss" and by_chance:
                axes.plot(*zip(*by_chance, strict=True), "s--", color="#8c959f", markersize=3, label="random")
            axes.axvline(chosen, color="black", linewidth=0.7, linestyle=":", label=f"{chosen} chosen")
            axes.set(xlabel="functions", ylabel=label, xscale="log")
            if all(value > 0.0 for value in values):
                axes.set_yscale("log")
            axes.legend()
        figure.suptitle("Linear model of energies and forces, structures it has not seen")
        return png(figure)


def png(figure: Figure) -> bytes:
    """A figure as PNG."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()
