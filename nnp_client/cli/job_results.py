"""What a finished job found, for people: errors by split and group, what previews and selections found, gates."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from nnp_client.cli.state import table

ERRORS = (
    ("energy_rmse_mev_per_atom", "E meV/atom"),
    ("force_rmse_ev_per_a", "F eV/Å"),
    ("stress_rmse_gpa", "stress GPa"),
)


def tables(result: Mapping[str, Any] | None) -> Iterator[Table]:
    """The tables of a job's result; none for a job that measured nothing."""
    found = result or {}
    if isinstance(metrics := found.get("metrics"), dict) and metrics:
        yield errors(metrics)
    if isinstance(compared := found.get("errors"), dict):
        yield table(["recipe", *(label for _, label in ERRORS[:2])], [_recipe(*pair) for pair in compared.items()])
    if isinstance(functions := found.get("functions"), dict):
        yield table(["element", "functions"], [[symbol, count] for symbol, count in functions.items()])
    if isinstance(types := found.get("types"), list):
        rows = [
            [one["kind"], "-".join(one["elements"]), "keep" if one["kept"] else "drop", one["reason"]] for one in types
        ]
        yield table(["functions", "elements", "suggestion", "why"], rows)
    if isinstance(curve := found.get("curve"), list):
        yield table(["functions", "loss", "of random choices"], [_point(point) for point in curve])
    if isinstance(gates := found.get("gates"), dict):
        rows = [[check["name"], "yes" if check["passed"] else "NO", check["detail"]] for check in gates["checks"]]
        yield table(["gate", "passed", "detail"], rows)


def errors(metrics: Mapping[str, Any]) -> Table:
    """Root mean square errors: a row for each split, and below it one for each group."""
    rows = []
    for split, total in metrics.items():
        rows.append([split, *_cells(total)])
        rows += [[f"  {group}", *_cells(of_group)] for group, of_group in total.get("by_group", {}).items()]
    return table(["RMSE", "frames", *(label for _, label in ERRORS)], rows)


def _point(point: Mapping[str, Any]) -> list[Any]:
    losses = (point.get("loss"), point.get("random_loss"))
    return [point.get("count"), *("-" if value is None else f"{value:.4g}" for value in losses)]


def _recipe(name: str, errors: Mapping[str, Any]) -> list[str]:
    """Cross-validated errors of a recipe with their 95 % intervals."""
    cells = [name]
    for key, _ in ERRORS[:2]:
        found = errors.get(key)
        cells.append(
            f"{found['mean']:.4g} ({found['interval'][0]:.4g} to {found['interval'][1]:.4g})" if found else "-"
        )
    return cells


def _cells(errors: Mapping[str, Any]) -> list[Any]:
    values = [errors.get(name) for name, _ in ERRORS]
    return [errors.get("structures"), *("-" if value is None else f"{value:.4g}" for value in values)]
