"""From trained weights to what is served: calibration, ONNX files, errors by group, card, and the physics contract."""

import time
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nnp.core import errors, manifest, metrics, potential
from nnp.core.label import Frame
from nnp.core.representatives import representatives
from nnp.learn import calibration, card, contract, export, weights
from nnp.learn import definition as definitions

MEASURED = (
    "energy",
    "forces",
    "stress",
    "energy_spread",
    "force_spreads",
    "energy_uncertainty",
    "force_uncertainties",
)
"""What labels are compared with."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What a training reports while it runs.

    Attributes:
        stage: "prepare", "committee", "replicas", "calibrate", "export" or "contract", in this order.
        epoch: finished epochs of the stage; None where it has none.
        epochs: planned epochs of the stage.
        metrics: errors so far, by names such as validation_force_rmse_ev_per_a, train_energy_rmse_mev_per_atom,
            validation_stress_rmse_gpa and validation_loss.
        seconds_left: estimate for the stage; None where unknown.
        message: a sentence.
    """

    stage: str
    epoch: int | None = None
    epochs: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds_left: float | None = None
    message: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """The result of a training.

    Attributes:
        onnx_float32, onnx_float64: the potential as ONNX files.
        checkpoint: weights and definitions, to start a later training from.
        manifest: of the float32 file.
        metrics: errors by split and group: {split: {..., "by_group": {group: {...}}}}.
        calibration: {"force", "energy"}: the fitted maps with their records, and "test": the records on the test set.
        contract: report of the physics contract.
        card: what a reader wants to know, JSON-like.
        dropped: (element, function) of symmetry functions that hardly vary and are not used.
        warnings: sentences about the data.
    """

    onnx_float32: bytes
    onnx_float64: bytes
    checkpoint: bytes
    manifest: manifest.Manifest
    metrics: dict[str, dict[str, Any]]
    calibration: dict[str, Any]
    contract: contract.ContractReport
    card: dict[str, Any]
    dropped: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


def finish(
    trained: weights.Weights,
    named: Sequence[Frame],
    provenance: Mapping[str, Any],
    started: float,
    *,
    excused: Collection[str] = (),
) -> Generator[Progress, None, Trained]:
    """Calibrate, export, judge and check a trained potential.

    Args:
        trained: its weights.
        named: all frames with the split that they were in.
        provenance: for manifest and card.
        started: time.monotonic() at the beginning of the training.
        excused: names of checks of the contract that may fail, because the form of its parent breaks them.

    Raises:
        ContractError: the result violates the physics contract.
    """
    trained_on = [frame for frame in named if frame.split == "train"]
    module = weights.to_potential(trained, definitions.density(trained.definition, trained_on))
    yield Progress(stage="calibrate", message="spread of the committee against errors of held-out labels")
    bare = potential.Potential.load(export.to_onnx(module, export.describe(module, "float32")))
    held_out = [frame for frame in named if frame.split == "validation"]
    maps = calibration.of(held_out, bare.evaluate([frame.structure for frame in held_out], MEASURED))

    yield Progress(stage="export", message="ONNX files, errors by group, card")
    described = export.describe(module, "float32", calibration=maps, training=dict(provenance))
    light, precise = export.to_onnx(module, described), export.to_onnx(module, described, dtype="float64")
    served = potential.Potential.load(light)
    labelled = [frame for frame in named if frame.label is not None]
    predictions = served.evaluate([frame.structure for frame in labelled], MEASURED)
    found = metrics.table(labelled, predictions)
    tested = [pair for pair in zip(labelled, predictions, strict=True) if pair[0].split == "test"]
    uncertainty = {**(maps or {}), "test": calibration.check_all([f for f, _ in tested], [p for _, p in tested])}
    written = card.describe(
        served,
        labelled,
        errors_by_split=found,
        uncertainty=uncertainty,
        lineage={**provenance, "train_seconds": round(time.monotonic() - started, 1)},
        dropped=trained.definition.scaled.dropped,
        notes=definitions.notes(trained.definition),
    )

    yield Progress(stage="contract", message="invariances, derivatives, continuity, equality of the files")
    report = contract.check(module, onnx_float32=light, onnx_float64=precise, structures=representatives(held_out))
    if any(row.name not in excused for row in report.failures):
        raise errors.ContractError(f"the trained potential violates the physics contract:\n{report}")
    return Trained(
        onnx_float32=light,
        onnx_float64=precise,
        checkpoint=weights.pack(trained),
        manifest=described,
        metrics=found,
        calibration=uncertainty,
        contract=report,
        card=written,
        dropped=trained.definition.scaled.dropped,
        warnings=trained.definition.warnings,
    )
