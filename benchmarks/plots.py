"""Draw the figures of docs/benchmarks.md from the JSON lines in benchmarks/results.

python benchmarks/plots.py
"""

import json
from pathlib import Path

from matplotlib.figure import Figure

HERE = Path(__file__).parent
IMAGES = HERE.parent / "docs" / "images"
SETS = {"mlearn-si": "Si (mlearn)", "mlearn-li": "Li (mlearn)", "aenet-tio2": "TiO2 (aenet subset)"}
OURS = "#0969da"
OTHERS = "#8c959f"


def accuracy() -> Figure:
    """Force errors of the default recipe with their intervals, beside the published ones on the same data."""
    figure = Figure(figsize=(12.0, 3.2), dpi=130, layout="constrained")
    for axes, (name, title) in zip(figure.subplots(1, 3), SETS.items(), strict=True):
        found = json.loads((HERE / "results" / f"accuracy-{name}.json").read_text())
        rows = [("nnpd, default recipe", found["force_rmse_ev_per_a"], found["force_rmse_ev_per_a_interval"])]
        for label, errors in found["references"].items():
            if "force_rmse_ev_per_a" in errors:
                rows.append((label.split(" (")[0], errors["force_rmse_ev_per_a"], None))
        labels = [row[0] for row in rows]
        for place, (_, value, interval) in enumerate(rows):
            spread = None if interval is None else [[value - interval[0]], [interval[1] - value]]
            axes.barh(place, value, color=OURS if place == 0 else OTHERS, xerr=spread)
        axes.set_yticks(range(len(rows)), labels, fontsize=7)
        axes.invert_yaxis()
        axes.set(title=title, xlabel="force RMSE (eV/Å, test)")
    return figure


def groups() -> Figure:
    """Force and energy errors of the silicon and lithium test sets by group."""
    figure = Figure(figsize=(8.0, 2.8), dpi=130, layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("mlearn-si", "mlearn-li"), strict=True):
        found = json.loads((HERE / "results" / f"accuracy-{name}.json").read_text())["by_group"]
        places = range(len(found))
        axes.bar([p - 0.2 for p in places], [g["force_rmse_ev_per_a"] for g in found.values()], 0.4, color=OURS)
        axes.set_xticks(places, list(found), fontsize=7)
        axes.set(title=SETS[name], ylabel="force RMSE (eV/Å)")
        other = axes.twinx()
        other.bar([p + 0.2 for p in places], [g["energy_rmse_mev_per_atom"] for g in found.values()], 0.4, color=OTHERS)
        other.set(ylabel="energy RMSE (meV/atom), grey")
    return figure


def main() -> None:
    """Write every figure."""
    for name, draw in (("accuracy", accuracy), ("accuracy-groups", groups)):
        draw().savefig(IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
