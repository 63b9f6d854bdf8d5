"""Pictures of a search."""

import math
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from nnp.learn.search.trials import Trial
from nnp.learn.selection.plots import STYLE, png


def errors_by_trial(trials: Sequence[Trial]) -> bytes:
    """Error of each trial in their order, and the lowest so far."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 3.4), layout="constrained")
        axes = figure.subplots()
        for state, marker, colour in (("complete", "o", "#0969da"), ("pruned", "x", "#8c959f")):
            chosen = [trial for trial in trials if trial.state == state and trial.value is not None]
            axes.plot([t.number for t in chosen], [t.value or 0.0 for t in chosen], marker, color=colour, label=state)
        done = [t.value if t.state == "complete" and t.value is not None else math.inf for t in trials]
        lowest = np.minimum.accumulate(done)
        axes.step(range(len(trials)), lowest, where="post", color="black", linewidth=0.8, label="lowest")
        axes.set(xlabel="trial", ylabel="validation error (eV)", yscale="log", title="Search for hyperparameters")
        axes.legend()
        return png(figure)
