"""Train a potential: one generator from recipe and frames to files that serve, without any server."""

import hashlib
import json
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nnp.core import errors, manifest, metrics, potential, recipe
from nnp.core.label import Frame
from nnp.core.structure import Structure
from nnp.learn import (
    batches,
    calibration,
    card,
    checkpoint,
    committee,
    contract,
    export,
    fit,
    replicas,
    splits,
    stacks,
    weights,
)
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
SAVE_SECONDS = 5.0
"""A checkpoint is written after the first epoch that ends this long after the last one."""
CONTRACT_STRUCTURES = 3
CONTRACT_ATOMS = 100
"""The physics contract is checked on this many held-out structures of at most this many atoms."""


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


@dataclass(frozen=True, kw_only=True)
class ParentPotential:
    """A potential to start from: the new one keeps its symmetry functions, scaling and reference energies.

    Attributes:
        checkpoint: the `Trained.checkpoint` of the parent.
        name: for the lineage, such as "Si:3".
    """

    checkpoint: bytes
    name: str | None = None


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


def train(
    wanted: recipe.Recipe,
    frames: Sequence[Frame],
    *,
    checkpoint_directory: Path | None = None,
    parent: ParentPotential | None = None,
    threads: int | None = None,
    lineage: Mapping[str, Any] | None = None,
    save_seconds: float = SAVE_SECONDS,
) -> Generator[Progress, None, Trained]:
    """Train a committee and its replicas, calibrate, export and check them.

    Yields progress; the value of StopIteration is the result (`result = yield from train(...)`). Closing the generator
    cancels. With a checkpoint directory the same call made again goes on where the last one stopped, bit for bit on the
    same machine with the same number of threads; the caller removes the directory once the result is safe.

    Args:
        wanted: the recipe.
        frames: structures with labels; those without take part in the training of the replicas.
        checkpoint_directory: where progress is kept; None keeps nothing.
        parent: a potential to start from instead of random weights.
        threads: of torch; None leaves its setting.
        lineage: what the caller knows of the origin (job, data set, authors, ...), copied to card and manifest.
        save_seconds: a checkpoint is written after the first epoch that ends this long after the last one.

    Raises:
        InputError: the frames cannot be trained on.
        RecipeError: the recipe does not fit the data or the parent.
        DivergedError: the training diverged; the checkpoint of the last good epoch stays.
        CheckpointError: the checkpoint is damaged or belongs to another recipe or data set.
        ContractError: the result violates the physics contract.
    """
    previous = torch.get_num_threads()
    torch.set_num_threads(threads or previous)
    try:
        header = {
            "recipe_hash": recipe.recipe_hash(wanted),
            "data_hash": data_hash(frames),
            "parent_hash": hashlib.sha256(parent.checkpoint).hexdigest() if parent else None,
        }
        kept = checkpoint.Resumable(checkpoint_directory, header, save_seconds)
        return (yield from _train(wanted, frames, kept, parent, dict(lineage or {})))
    finally:
        torch.set_num_threads(previous)


def _train(
    wanted: recipe.Recipe,
    frames: Sequence[Frame],
    kept: checkpoint.Resumable,
    parent: ParentPotential | None,
    lineage: dict[str, Any],
) -> Generator[Progress, None, Trained]:
    started = time.monotonic()
    yield Progress(stage="prepare", message=f"{len(frames)} structures")
    parts = splits.split(frames, wanted)
    inherited = _inherited(parent, wanted, frames) if parent else None
    definition = inherited.definition if inherited else definitions.fit(wanted, frames, parts)
    data = _batches(definition, frames, parts, wanted)

    members = _members(definition, inherited, wanted)
    downhill = committee.plan(wanted, batches.atoms_in(data.training), len(data.training), warm=inherited is not None)
    loop = committee.train(
        members,
        training=data.training,
        validation=data.validation,
        wanted=wanted,
        downhill=downhill,
        resume=kept.state("committee"),
    )
    yield from _watched(loop, "committee", kept, definition.unit)

    copies: list[stacks.Stack] = []
    if wanted.replicas is not None:
        random = np.random.default_rng([wanted.seed, 6])
        copies = stacks.initial(wanted.replicas, *_sizes(definition), wanted.replica_gain, random)
        seen = replicas.label(members, [*data.training, *data.unlabelled])
        loop = replicas.train(
            copies,
            training=seen,
            validation=replicas.label(members, data.validation),
            wanted=wanted,
            downhill=replicas.plan(wanted, sum(len(targets) for _, targets in seen), len(seen)),
            resume=kept.state("replicas"),
        )
        yield from _watched(loop, "replicas", kept, definition.unit)

    trained = weights.Weights(
        definition=definition,
        committee=wanted.committee,
        members=tuple(stacks.to_weights(members)),
        replicas=wanted.replicas or (),
        copies=tuple(stacks.to_weights(copies)),
    )
    named = [replace(frame, split=name) for frame, name in zip(frames, parts.names(len(frames)), strict=True)]
    provenance = {**lineage, **kept.header, "seed": wanted.seed, "parent": parent.name if parent else None}
    return (yield from _finished(trained, named, provenance, started))


def _finished(
    trained: weights.Weights, named: Sequence[Frame], provenance: dict[str, Any], started: float
) -> Generator[Progress, None, Trained]:
    """Calibrate, export, judge and check a trained potential; `named` are all frames with their split."""
    module = weights.to_potential(trained)
    yield Progress(stage="calibrate", message="spread of the committee against errors of held-out labels")
    bare = potential.Potential.load(export.to_onnx(module, export.describe(module, "float32")))
    held_out = [frame for frame in named if frame.split == "validation"]
    maps = calibration.of(held_out, bare.evaluate([frame.structure for frame in held_out], MEASURED))

    yield Progress(stage="export", message="ONNX files, errors by group, card")
    described = export.describe(module, "float32", calibration=maps, training=provenance)
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
        notes=trained.definition.warnings,
    )

    yield Progress(stage="contract", message="invariances, derivatives, continuity, equality of the files")
    report = contract.check(module, onnx_float32=light, onnx_float64=precise, structures=_judged(held_out))
    if not report.passed:
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


def _judged(held_out: Sequence[Frame]) -> list[Structure]:
    """Structures for the contract: those of the largest forces among the small ones, else the smallest."""

    def force(frame: Frame) -> float:
        forces = None if frame.label is None else frame.label.forces
        return 0.0 if forces is None else float(np.sqrt(np.mean(forces**2)))

    small = [frame for frame in held_out if len(frame.structure) <= CONTRACT_ATOMS]
    chosen = sorted(small, key=force, reverse=True) or sorted(held_out, key=lambda frame: len(frame.structure))
    return [frame.structure for frame in chosen[:CONTRACT_STRUCTURES]]


def _watched(
    loop: Generator[fit.Epoch, None, fit.State], stage: str, kept: checkpoint.Resumable, unit: float
) -> Generator[Progress, None, None]:
    """Report each epoch of a loop, and keep its state now and then, when it ends, and when the caller gives up."""
    state: fit.State | None = None
    try:
        for epoch in loop:
            state = epoch.state
            kept.offer(stage, state)
            yield Progress(
                stage=stage,
                epoch=epoch.epoch,
                epochs=epoch.epochs,
                metrics={
                    f"{part}_{name}": value
                    for part, squares in (("train", state.train), ("validation", epoch.validation))
                    for name, value in committee.in_units(squares, unit).items()
                },
                seconds_left=epoch.seconds_left,
            )
    finally:
        if state is not None:
            kept.save(stage, state)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Data:
    training: list[batches.Batch]
    validation: list[batches.Batch]
    unlabelled: list[batches.Batch]


def _batches(
    definition: definitions.Definition, frames: Sequence[Frame], parts: splits.Split, wanted: recipe.Recipe
) -> _Data:
    size = committee.batch_size(wanted, len(parts.train))

    def prepared(chosen: Sequence[int], random: np.random.Generator | None, *, keep: bool) -> list[batches.Batch]:
        own = [frames[i] for i in chosen]
        groups = batches.divide(own, size, random) if own else []
        return definitions.prepare(definition, own, groups, wanted, keep=keep)

    return _Data(
        training=prepared(parts.train, np.random.default_rng([wanted.seed, 2]), keep=True),
        validation=prepared(parts.validation, None, keep=True),
        unlabelled=prepared(parts.unlabelled, None, keep=False) if wanted.replicas is not None else [],
    )


def _sizes(definition: definitions.Definition) -> tuple[int, int]:
    """Numbers of symmetry functions and of elements."""
    return definition.functions.size, len(definition.functions.elements)


def _members(
    definition: definitions.Definition, inherited: weights.Weights | None, wanted: recipe.Recipe
) -> list[stacks.Stack]:
    if inherited is not None:
        return stacks.from_weights(wanted.committee, inherited.members)
    random = np.random.default_rng([wanted.seed, 4])
    return stacks.initial(wanted.committee, *_sizes(definition), 1.0, random)


def _inherited(parent: ParentPotential, wanted: recipe.Recipe, frames: Sequence[Frame]) -> weights.Weights:
    """What the parent passes on, if the recipe asks for the same networks within the same cutoff."""
    found = weights.unpack(parent.checkpoint)
    definitions.check_elements(found.definition, frames)
    if wanted.committee != found.committee:
        raise errors.RecipeError(field="committee", reason="a warm start needs the committee of the parent")
    if wanted.cutoff != found.definition.functions.cutoff:
        cutoff = found.definition.functions.cutoff
        raise errors.RecipeError(field="cutoff", reason=f"a warm start needs the cutoff of the parent, {cutoff} Å")
    return found


def data_hash(frames: Sequence[Frame]) -> str:
    """The sha256 of everything in the frames that a training can see, in their order."""
    digest = hashlib.sha256()
    for frame in frames:
        structure, label = frame.structure, frame.label
        arrays = [structure.numbers, structure.positions, structure.cell, structure.pbc]
        if label is not None:
            arrays += [np.float64(label.energy), label.forces, label.stress]
        for array in arrays:
            digest.update(b"absent" if array is None else np.ascontiguousarray(array).tobytes())
        digest.update(json.dumps([frame.group, frame.trajectory, frame.split, label is None]).encode())
    return digest.hexdigest()
