import dataclasses
import json
import math

import pytest

from nnp.core import metrics
from worker import gates

GOOD = metrics.Errors(
    structures=10,
    atoms=80,
    energy_rmse_mev_per_atom=5.0,
    energy_mae_mev_per_atom=4.0,
    force_rmse_ev_per_a=0.1,
    force_mae_ev_per_a=0.08,
    force_max_ev_per_a=0.5,
    stress_rmse_gpa=0.3,
    stress_mae_gpa=0.2,
)
NAN = dataclasses.replace(GOOD, force_rmse_ev_per_a=math.nan)


def incumbent(errors: metrics.Errors | None, reason: str | None = None) -> gates.Incumbent:
    return gates.Incumbent(reference="Si:3", errors=errors, reason=reason)


def test_a_broken_promise_fails_the_contract() -> None:
    promises = [
        {"name": "forces", "value": 1e-9, "tolerance": 1e-6, "passed": True},
        {"name": "extensivity", "value": 0.1, "tolerance": 1e-8, "passed": False},
    ]
    check = gates.physics_contract(promises)
    assert not check.passed
    assert "extensivity" in check.detail
    assert "forces" not in check.detail
    assert gates.physics_contract(promises[:1]).passed


def test_no_contract_is_no_pass() -> None:
    assert not gates.physics_contract([]).passed


@pytest.mark.parametrize(
    "errors", [None, dataclasses.replace(GOOD, structures=0), NAN, dataclasses.replace(GOOD, stress_rmse_gpa=math.inf)]
)
def test_errors_on_the_test_split_must_be_finite_numbers(errors: metrics.Errors | None) -> None:
    assert not gates.finite_test_errors(errors).passed


def test_finite_errors_pass() -> None:
    assert gates.finite_test_errors(GOOD).passed


@pytest.mark.parametrize(
    ("field", "factor", "passed"),
    [
        ("force_rmse_ev_per_a", 1.0, True),
        ("force_rmse_ev_per_a", 0.5, True),
        ("force_rmse_ev_per_a", 1.01, True),
        ("force_rmse_ev_per_a", 1.1, False),
        ("energy_rmse_mev_per_atom", 1.1, False),
        ("energy_rmse_mev_per_atom", math.nan, False),
    ],
)
def test_the_candidate_is_compared_with_the_incumbent(field: str, factor: float, passed: bool) -> None:
    mine = dataclasses.replace(GOOD, **{field: getattr(GOOD, field) * factor})
    assert gates.not_worse_than_incumbent(mine, incumbent(GOOD)).passed is passed


def test_numerical_noise_of_a_perfect_incumbent_does_not_count() -> None:
    perfect = dataclasses.replace(GOOD, energy_rmse_mev_per_atom=0.001, force_rmse_ev_per_a=1e-6)
    nearly = dataclasses.replace(GOOD, energy_rmse_mev_per_atom=0.01, force_rmse_ev_per_a=1e-5)
    assert gates.not_worse_than_incumbent(nearly, incumbent(perfect)).passed


def test_without_a_comparable_incumbent_the_gate_is_open() -> None:
    assert gates.not_worse_than_incumbent(GOOD, None).passed
    check = gates.not_worse_than_incumbent(GOOD, incumbent(None, "it does not cover O"))
    assert check.passed
    assert "it does not cover O" in check.detail


def test_the_report_is_json_and_fails_with_any_check() -> None:
    checks = [gates.finite_test_errors(NAN), gates.not_worse_than_incumbent(GOOD, incumbent(GOOD))]
    report = gates.report(checks, dataset_version="si:1", alias="production", incumbent=incumbent(GOOD))
    assert not report["passed"]
    assert report["incumbent"] == "Si:3"
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_a_limit_of_the_version_excuses_the_checks_it_names_and_no_others() -> None:
    results = [
        {"name": "continuity", "value": 1e-3, "tolerance": 1e-6, "passed": False},
        {"name": "forces", "value": 1e-9, "tolerance": 1e-6, "passed": True},
    ]
    excused = gates.physics_contract(results, {"continuity": "hard_cutoff"})
    assert excused.passed
    assert excused.detail == "1 of 2 promises hold; a limit of the version: continuity (hard_cutoff)"
    results[1]["passed"] = False
    assert not gates.physics_contract(results, {"continuity": "hard_cutoff"}).passed
    assert not gates.physics_contract(results).passed


def test_an_unmeasured_import_stands_only_where_nothing_stands() -> None:
    assert gates.not_measured(None).passed
    check = gates.not_measured(gates.Incumbent(reference="Si:1", errors=None))
    assert not check.passed
    assert "nnp evaluate" in check.detail
    assert gates.not_measured(gates.Incumbent(reference="Si:1", errors=None), same_files=True).passed
