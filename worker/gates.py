"""The gates a potential version must pass before an alias may point at it; their report is kept with the version."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nnp.core import metrics

FORMAT = 1
ALLOWANCE = 0.02
"""How much worse than the incumbent still counts as equal: training scatters by more than this with the seed."""
ENERGY_ALLOWANCE = 0.1
"""meV/atom; below it energy errors are numerical noise."""
FORCE_ALLOWANCE = 0.001
"""eV/Å; below it force errors are numerical noise."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One gate: whether it is passed, why, and the numbers it compared."""

    name: str
    passed: bool
    detail: str
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Incumbent:
    """The version an alias points at: its errors on the same frames, or why there are none."""

    reference: str
    errors: metrics.Errors | None
    reason: str | None = None


def physics_contract(results: Sequence[Mapping[str, Any]], excused: Mapping[str, str] | None = None) -> Check:
    """Forces are derivatives of the energy, and the other promises of `nnp.learn.contract`.

    Args:
        results: its results: name, value, tolerance, passed.
        excused: results that a limit of the version stands for, with the code of the limit.
    """
    broken = [str(result["name"]) for result in results if not result["passed"]]
    limited = {name: code for name, code in (excused or {}).items() if name in broken}
    failed = [name for name in broken if name not in limited]
    held = f"{len(results) - len(broken)} of {len(results)}" if limited else f"all {len(results)}"
    detail = f"broken: {', '.join(failed)}" if failed else f"{held} promises hold"
    if limited:
        detail += "; a limit of the version: " + ", ".join(f"{name} ({code})" for name, code in limited.items())
    return Check(
        name="physics_contract",
        passed=bool(results) and not failed,
        detail=detail,
        values={
            str(result["name"]): {"value": result["value"], "tolerance": result["tolerance"]} for result in results
        },
    )


def finite_test_errors(errors: metrics.Errors | None) -> Check:
    """There are test frames, and every error on them is a finite number."""
    found = {} if errors is None else errors.to_dict()
    values = {name: value for name, value in found.items() if value is not None}
    if errors is None or errors.structures == 0:
        passed, detail = False, "the dataset version has no labelled test frames: nothing tells how good it is"
    elif not all(math.isfinite(value) for value in values.values()):
        passed, detail = False, "an error on the test split is not a finite number"
    else:
        passed, detail = True, f"finite on {errors.structures} test structures"
    return Check(name="finite_test_errors", passed=passed, detail=detail, values=values)


def not_measured(incumbent: Incumbent | None, *, same_files: bool = False) -> Check:
    """An import without labelled test frames replaces nothing but a version from the same files."""
    detail = "it was imported without labelled test frames, so its errors are not known here"
    if incumbent is not None and same_files:
        detail = f"it is the potential of {incumbent.reference}: both were imported from the same files"
    elif incumbent is not None:
        detail += f" and nothing tells whether it is as good as {incumbent.reference}; nnp evaluate measures them"
    return Check(name="not_worse_than_incumbent", passed=incumbent is None or same_files, detail=detail, values={})


def not_worse_than_incumbent(errors: metrics.Errors | None, incumbent: Incumbent | None) -> Check:
    """On the same test frames it is as good as the version it would replace."""
    name = "not_worse_than_incumbent"
    if incumbent is None:
        return Check(name=name, passed=True, detail="there is no incumbent", values={})
    if incumbent.errors is None:
        detail = f"{incumbent.reference} cannot be judged on these frames: {incumbent.reason}"
        return Check(name=name, passed=True, detail=detail, values={})
    mine, theirs = _compared(errors), _compared(incumbent.errors)
    allowances = {"energy_rmse_mev_per_atom": ENERGY_ALLOWANCE, "force_rmse_ev_per_a": FORCE_ALLOWANCE}
    worse = [
        f"{key} {mine.get(key, math.nan):.4g} against {value:.4g}"
        for key, value in theirs.items()
        # Written so that a NaN on our side is worse, whatever the other side is.
        if not mine.get(key, math.nan) <= value * (1 + ALLOWANCE) + allowances[key]
    ]
    return Check(
        name=name,
        passed=not worse,
        detail=f"worse than {incumbent.reference}: {'; '.join(worse)}"
        if worse
        else f"as good as {incumbent.reference} or better",
        values={"candidate": mine, "incumbent": theirs, "allowance": ALLOWANCE},
    )


def report(
    checks: Sequence[Check], *, dataset_version: str | None, alias: str, incumbent: Incumbent | None
) -> dict[str, Any]:
    """The report as it is stored, sent and shown; its `incumbent` is whom it was compared with."""
    return {
        "format": FORMAT,
        "passed": all(check.passed for check in checks),
        "dataset_version": dataset_version,
        "alias": alias,
        "incumbent": incumbent.reference if incumbent else None,
        "checks": [_json(asdict(check)) for check in checks],
    }


def _compared(errors: metrics.Errors | None) -> dict[str, float]:
    if errors is None:
        return {}
    values = {
        "energy_rmse_mev_per_atom": errors.energy_rmse_mev_per_atom,
        "force_rmse_ev_per_a": errors.force_rmse_ev_per_a,
    }
    return {key: value for key, value in values.items() if value is not None}


def _json(value: Any) -> Any:
    """JSON has no NaN and no infinity; a database refuses them."""
    if isinstance(value, Mapping):
        return {key: _json(entry) for key, entry in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
