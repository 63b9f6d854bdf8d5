"""The job `evaluate`: errors of a potential version on a dataset version; with an alias, its gates are run again."""

from typing import Any

from sqlalchemy.orm import Session

from models_store import potentials
from models_store.tables import PotentialVersion
from nnp.core import contract, metrics, representatives
from nnp.core import recipe as recipes
from nnp.core.label import Frame
from nnp.core.potential import Potential
from worker import evaluation, gates, incumbent
from worker.work import Publish, Work


def run(work: Work) -> Publish:
    """Predict every labelled frame and compare, by split and group.

    Raises:
        NotFound: there is no such version.
        CoverageError: the potential does not know an element of the data.
    """
    payload = work.payload
    with work.workplace.reading() as session:
        version = potentials.resolve(session, payload["version"])
    recipe = None if version.recipe is None else recipes.parse(version.recipe)
    frames = evaluation.as_learnt(evaluation.frames(work, payload["dataset_version"]), recipe)
    split = payload.get("split")
    chosen = [frame for frame in frames if frame.label is not None and split in (None, frame.split)]
    potential = evaluation.load(work.workplace.artifacts, version, threads=work.workplace.threads)
    result = {
        "potential_version": version.reference,
        "dataset_version": payload["dataset_version"],
        "metrics": metrics.table(chosen, evaluation.predict(work, potential, chosen)),
    }
    if payload.get("alias") is None:
        return lambda _session: result
    report = _gates_again(work, version, potential, frames)

    def publish(session: Session) -> dict[str, Any]:
        potentials.record_gates(session, potentials.resolve(session, version.reference), report)
        return {**result, "gates": report}

    return publish


def _gates_again(work: Work, version: PotentialVersion, potential: Potential, frames: list[Frame]) -> dict[str, Any]:
    """The gates against today's incumbent, on the frames that the version was not trained on."""
    alias = work.payload["alias"]
    test = evaluation.unseen(work, version, work.payload["dataset_version"], frames)
    errors = metrics.errors(test, evaluation.predict(work, potential, test)) if test else None
    rival = incumbent.judge(work, version.potential.name, alias, test, but=version.id)
    checks = [
        _contract(work, version, test),
        gates.finite_test_errors(errors),
        gates.not_worse_than_incumbent(errors, rival),
    ]
    return gates.report(checks, dataset_version=work.payload["dataset_version"], alias=alias, incumbent=rival)


def _contract(work: Work, version: PotentialVersion, test: list[Frame]) -> gates.Check:
    """The physics contract, which depends on the version only: as it was found before, else checked now."""
    for check in (version.gates or {}).get("checks", []):
        if check["name"] == "physics_contract":
            return gates.Check(**check)
    structures = representatives.representatives(test)
    if not structures:
        return gates.physics_contract([])
    report = contract.check(
        float64=evaluation.load(work.workplace.artifacts, version, threads=1, role="onnx_float64"),
        float32=evaluation.load(work.workplace.artifacts, version, threads=1),
        structures=structures,
    )
    return gates.physics_contract(report.to_dict()["checks"])
