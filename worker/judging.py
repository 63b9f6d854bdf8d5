"""The gates of a version that was just made: its physics contract, and its errors beside those of the incumbent."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nnp.core import metrics
from nnp.core.label import Frame
from nnp.core.potential import Potential
from worker import evaluation, gates, incumbent
from worker.work import Work

if TYPE_CHECKING:
    from nnp.learn.finish import Trained


def judge(
    work: Work,
    trained: "Trained",
    test: Sequence[Frame],
    *,
    dataset_version: str,
    limits: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The gate report of a version with a test split.

    Args:
        work: its payload names the potential and the alias that the version is measured for.
        trained: the version.
        test: labelled frames that it never saw.
        dataset_version: where they come from.
        limits: of the version; each excuses the checks of the contract that it names.
    """
    work.journal.progress("gates", message=f"{len(test)} test structures")
    potential = Potential.load(trained.onnx_float32, threads=work.workplace.threads)
    errors = metrics.errors(test, evaluation.predict(work, potential, test)) if test else None
    rival = incumbent.judge(work, work.payload["potential"], _alias(work), test)
    checks = [
        _contract(trained, limits),
        gates.finite_test_errors(errors),
        gates.not_worse_than_incumbent(errors, rival),
    ]
    return _report(work, checks, dataset_version, rival)


def judge_unmeasured(
    work: Work, trained: "Trained", source: str, limits: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The gate report of an import without labelled test frames.

    It may stand where nothing stands yet, or where a version from the same files stands (`source`, their artifact).
    """
    standing = incumbent.lookup(work, work.payload["potential"], _alias(work))
    rival = None if standing is None else gates.Incumbent(reference=standing.reference, errors=None)
    same = standing is not None and standing.artifact_hashes.get("source") == source
    return _report(work, [_contract(trained, limits), gates.not_measured(rival, same_files=same)], None, rival)


def _alias(work: Work) -> str:
    return work.payload.get("alias", "production")


def _contract(trained: "Trained", limits: Sequence[Mapping[str, Any]]) -> gates.Check:
    excused = {check: limit["code"] for limit in limits for check in limit.get("checks", ())}
    return gates.physics_contract(trained.contract.to_dict()["checks"], excused)


def _report(
    work: Work, checks: Sequence[gates.Check], dataset_version: str | None, rival: gates.Incumbent | None
) -> dict[str, Any]:
    for check in checks:
        work.journal.say(f"gate {check.name}: {check.detail}", level="info" if check.passed else "warning")
    return gates.report(checks, dataset_version=dataset_version, alias=_alias(work), incumbent=rival)
