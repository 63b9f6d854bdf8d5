"""Train a potential: one generator from recipe and frames to files that serve, without any server."""

import contextlib
import hashlib
import json
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nnp.core import errors, recipe
from nnp.core.label import Frame
from nnp.core.representatives import representatives
from nnp.learn import (
    batches,
    checkpoint,
    committee,
    difference,
    fine_tuning,
    finish,
    replication,
    splits,
    stacks,
    unlabelled,
    weights,
)
from nnp.learn import definition as definitions
from nnp.learn.finish import Progress, Trained

ROWS_PER_THREAD = 4000
"""Atoms times members of a step for each thread. Threads that have less to do wait for each other: where another
process needs a core too, that wait made steps fifty times longer, and it gains little where none does."""
OTHER_ROOM = 0.2
"""Validation and unlabelled structures may each keep this fraction of the bytes of the training part."""
CUTOFF_ROUNDING = 1e-6
"""An imported cutoff such as 12 Bohr need not be written with all of its digits in Å."""
SAVE_SECONDS = 5.0
"""A checkpoint is written after the first epoch that ends this long after the last one."""


@dataclass(frozen=True, kw_only=True)
class ParentPotential:
    """A potential to start from: the new one keeps its symmetry functions, scaling and reference energies.

    Attributes:
        checkpoint: the `Trained.checkpoint` of the parent.
        name: for the lineage, such as "Si:3".
        excused: names of checks of the physics contract that its form breaks, such as an imported hard cutoff.
    """

    checkpoint: bytes
    name: str | None = None
    excused: tuple[str, ...] = ()


def train(
    wanted: recipe.Recipe,
    frames: Sequence[Frame],
    *,
    checkpoint_directory: Path | None = None,
    parent: ParentPotential | None = None,
    threads: int | None = None,
    lineage: Mapping[str, Any] | None = None,
    baselines: Mapping[str, bytes] | None = None,
    save_seconds: float = SAVE_SECONDS,
    settled: bool = False,
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
        threads: most threads to use; None takes torch's setting. Small batches use fewer: see `ROWS_PER_THREAD`.
        lineage: what the caller knows of the origin (job, data set, authors, ...), copied to card and manifest.
        baselines: checkpoint of every potential that the recipe's baseline names.
        save_seconds: a checkpoint is written after the first epoch that ends this long after the last one.
        settled: the frames are a part of a data set of which the recipe's names were checked, with the labels that
            `difference.learnt` made of the whole.

    Raises:
        InputError: the frames cannot be trained on.
        RecipeError: the recipe does not fit the data or the parent.
        DivergedError: the training diverged; the checkpoint of the last good epoch stays.
        CheckpointError: the checkpoint is damaged or belongs to another recipe, data set, parent or baseline.
        ContractError: the result violates the physics contract.
    """
    with _one_thread() as available:
        known, most = baselines or {}, threads or available
        kept = checkpoint.Resumable(checkpoint_directory, _header(wanted, frames, parent, known), save_seconds)
        if not settled:
            definitions.check_names(wanted, frames, _elements(parent))
            frames = difference.learnt(wanted, frames)
        return (yield from _train(wanted, frames, kept, parent, lineage or {}, baselines=known, threads=most))


def _train(
    wanted: recipe.Recipe,
    frames: Sequence[Frame],
    kept: checkpoint.Resumable,
    parent: ParentPotential | None,
    lineage: Mapping[str, Any],
    *,
    baselines: Mapping[str, bytes],
    threads: int,
) -> Generator[Progress, None, Trained]:
    started = time.monotonic()
    yield Progress(stage="prepare", message=f"{len(frames)} structures")
    parts = splits.split(frames, wanted)
    inherited = _inherited(parent, wanted, frames) if parent else None
    definition = _definition(wanted, frames, parts, inherited, baselines)
    data = _batches(definition, frames, parts, wanted)
    torch.set_num_threads(_useful_threads(data.training, len(wanted.committee), threads))

    members = _members(definition, inherited, wanted)
    downhill = committee.plan(wanted, data.training.atoms, len(data.training), warm=inherited is not None)
    loop = committee.train(
        members,
        training=data.training,
        validation=data.validation,
        wanted=wanted,
        downhill=downhill,
        resume=kept.state("committee"),
        frozen=wanted.warm_start.frozen_layers if inherited is not None else 0,
    )
    yield from replication.watched(loop, "committee", kept, definition.unit)

    copies = yield from _replicated(wanted, definition, members, data, kept)
    shapes = inherited.committee if inherited else wanted.committee
    trained = _weights(definition, shapes, members, wanted, copies)
    provenance = _provenance(kept, wanted, parent, lineage)
    excused = parent.excused if parent else ()
    return (yield from finish.finish(trained, _named(frames, parts), provenance, started, excused=excused))


def add_replicas(
    wanted: recipe.Recipe,
    frames: Sequence[Frame],
    *,
    parent: ParentPotential,
    checkpoint_directory: Path | None = None,
    lineage: Mapping[str, Any] | None = None,
) -> Generator[Progress, None, Trained]:
    """Train replicas for a finished potential; its committee stays as it is.

    Args:
        wanted: replicas, replica_gain, replica_steps, learning_rate, seed and the split count.
        frames: labelled structures, for errors and calibration, and any number of structures without a label; or only
            such: then errors and calibration stay empty.
        parent: the potential.
        checkpoint_directory: as in `train`.
        lineage: as in `train`.

    Raises:
        RecipeError: the recipe asks for no replicas.
        InputError: elements that the parent does not know, or too few structures.
    """
    if wanted.replicas is None:
        raise errors.RecipeError(field="replicas", reason="there are none to train")
    started = time.monotonic()
    with _one_thread():
        kept = checkpoint.Resumable(checkpoint_directory, _header(wanted, frames, parent), SAVE_SECONDS)
        yield Progress(stage="prepare", message=f"{len(frames)} structures")
        found = weights.unpack(parent.checkpoint)
        definitions.check_elements(found.definition, frames)
        provenance = _provenance(kept, wanted, parent, lineage or {})
        if not any(frame.label for frame in frames):
            trained = yield from unlabelled.replicate(found, frames, wanted, kept)
            probes = representatives(frames)
            done = unlabelled.finish(trained, frames, probes, provenance, started, excused=parent.excused)
            return (yield from done)
        frames = difference.learnt(found.definition, frames)
        parts = splits.split(frames, wanted)
        data = _batches(found.definition, frames, parts, wanted)
        copies = yield from _replicated(wanted, found.definition, weights.members_of(found), data, kept)
        trained = replace(found, replicas=wanted.replicas, copies=tuple(stacks.to_weights(copies)))
        named = _named(frames, parts)
        return (yield from finish.finish(trained, named, provenance, started, excused=parent.excused))


def _replicated(
    wanted: recipe.Recipe,
    definition: definitions.Definition,
    members: Sequence[stacks.Stack],
    data: "_Data",
    kept: checkpoint.Resumable,
) -> Generator[Progress, None, list[stacks.Stack]]:
    training, validation = (data.training, data.unlabelled), data.validation
    return replication.replicated(wanted, definition, members, training=training, validation=validation, kept=kept)


def _weights(
    definition: definitions.Definition,
    shapes: tuple[recipe.Network, ...],
    members: Sequence[stacks.Stack],
    wanted: recipe.Recipe,
    copies: Sequence[stacks.Stack],
) -> weights.Weights:
    return weights.Weights(
        definition=definition,
        committee=shapes,
        members=tuple(stacks.to_weights(members)),
        replicas=wanted.replicas or (),
        copies=tuple(stacks.to_weights(copies)),
    )


def _named(frames: Sequence[Frame], parts: splits.Split) -> list[Frame]:
    """The frames with the split that they are in."""
    return [replace(frame, split=name) for frame, name in zip(frames, parts.names(len(frames)), strict=True)]


def _header(
    wanted: recipe.Recipe,
    frames: Sequence[Frame],
    parent: ParentPotential | None,
    baselines: Mapping[str, bytes] | None = None,
) -> dict[str, Any]:
    """What must be equal for a training to go on."""
    return {
        "recipe_hash": recipe.recipe_hash(wanted),
        "data_hash": data_hash(frames),
        "parent_hash": hashlib.sha256(parent.checkpoint).hexdigest() if parent else None,
        "baselines_hash": baselines_hash(wanted, baselines or {}),
    }


def _provenance(
    kept: checkpoint.Resumable, wanted: recipe.Recipe, parent: ParentPotential | None, lineage: Mapping[str, Any]
) -> dict[str, Any]:
    return {**lineage, **kept.header, "seed": wanted.seed, "parent": parent.name if parent else None}


@contextlib.contextmanager
def _one_thread() -> Iterator[int]:
    """One thread for torch for a while; gives the number that it had."""
    previous = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield previous
    finally:
        torch.set_num_threads(previous)


def _useful_threads(training: batches.Batches, members: int, most: int) -> int:
    """Threads that a step can keep busy."""
    rows = training.atoms * members / len(training)
    return max(1, min(most, round(rows / ROWS_PER_THREAD)))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Data:
    training: batches.Batches
    validation: batches.Batches
    unlabelled: batches.Batches


def _batches(
    definition: definitions.Definition, frames: Sequence[Frame], parts: splits.Split, wanted: recipe.Recipe
) -> _Data:
    size = committee.batch_size(wanted, len(parts.train))
    if definition.baseline is not None:
        frames = difference.subtracted(definition.baseline, frames)

    def prepared(chosen: Sequence[int], random: np.random.Generator | None, share: float) -> batches.Batches:
        own = [frames[i] for i in chosen]
        groups = batches.divide(own, size, random) if own else []
        room, weighed = round(share * batches.CACHE_BYTES), {}
        if chosen == parts.train:
            weighed = definitions.atom_weights(definition, own, wanted)
        return definitions.prepare(definition, own, groups, wanted, room=room, atom_weights=weighed)

    return _Data(
        training=prepared(parts.train, np.random.default_rng([wanted.seed, 2]), 1.0),
        validation=prepared(parts.validation, None, OTHER_ROOM),
        unlabelled=prepared(parts.unlabelled if wanted.replicas is not None else (), None, OTHER_ROOM),
    )


def _definition(
    wanted: recipe.Recipe,
    frames: Sequence[Frame],
    parts: splits.Split,
    inherited: weights.Weights | None,
    baselines: Mapping[str, bytes],
) -> definitions.Definition:
    """Settled from labels minus baseline, or the parent's."""
    if inherited is not None:
        renewed = definitions.renewed(inherited.definition, wanted, frames, parts)
        if wanted.warm_start.reference_energies == "keep":
            return renewed
        known, own = renewed.baseline, [frames[i] for i in parts.train]
        own = own if known is None else difference.subtracted(known, own)
        return replace(renewed, references=fine_tuning.references(inherited, own))
    elements = definitions.elements_of(frames)
    terms = difference.settled(wanted.baseline_terms, [frames[i] for i in parts.train], elements, wanted.cutoff)
    known = difference.baseline(terms, elements, baselines)
    residual = frames if known is None else difference.subtracted(known, frames)
    return definitions.fit(wanted, residual, parts, known)


def _inputs(definition: definitions.Definition) -> tuple[int, tuple[str, ...]]:
    """Number of symmetry functions, and the elements."""
    return definition.functions.size, definition.functions.elements


def _members(
    definition: definitions.Definition, inherited: weights.Weights | None, wanted: recipe.Recipe
) -> list[stacks.Stack]:
    if inherited is not None:
        return weights.members_of(inherited)
    random = np.random.default_rng([wanted.seed, 4])
    return stacks.initial(wanted.committee, *_inputs(definition), 1.0, random, centres=definition.centres)


def _elements(parent: ParentPotential | None) -> tuple[str, ...]:
    """Elements that a parent knows; the data of a warm start need not have all of them."""
    return () if parent is None else weights.unpack(parent.checkpoint).definition.functions.elements


def _inherited(parent: ParentPotential, wanted: recipe.Recipe, frames: Sequence[Frame]) -> weights.Weights:
    """What the parent passes on, if the recipe asks for the same networks within the same cutoff."""
    found = weights.unpack(parent.checkpoint)
    definitions.check_elements(found.definition, frames)
    for field in weights.GUEST:
        if getattr(wanted, field) != (own := getattr(found.definition, field)):
            told = "which has none" if own is None else ", ".join(own)
            raise errors.RecipeError(field=field, reason=f"a warm start needs that of the parent, {told}")
    pairs, elements = list(zip(found.committee, wanted.committee, strict=False)), found.definition.functions.elements
    if len(wanted.committee) != len(found.committee) or not all(weights.suits(*pair, elements) for pair in pairs):
        raise errors.RecipeError(field="committee", reason="a warm start needs the committee of the parent")
    if not np.isclose(wanted.cutoff, found.definition.functions.cutoff, rtol=CUTOFF_ROUNDING, atol=0.0):
        cutoff = found.definition.functions.cutoff
        raise errors.RecipeError(field="cutoff", reason=f"a warm start needs the cutoff of the parent, {cutoff} Å")
    fewest = min(len(layers) for member in found.members for layers in member if layers)
    if wanted.warm_start.frozen_layers >= fewest:
        reason = f"nothing would be left to train: the smallest network has {fewest} layers"
        raise errors.RecipeError(field="warm_start.frozen_layers", reason=reason)
    return found


def baselines_hash(wanted: recipe.Recipe, baselines: Mapping[str, bytes]) -> str | None:
    """The sha256 of the checkpoints of the potentials that a recipe's baseline names; None where it names none."""
    names = [term.name for term in wanted.baseline_terms if isinstance(term, recipe.PotentialTerm)]
    digest = hashlib.sha256()
    for name in names:
        digest.update(hashlib.sha256(baselines.get(name, b"")).digest())
    return digest.hexdigest() if names else None


def data_hash(frames: Sequence[Frame]) -> str:
    """The sha256 of everything in the frames that a training can see, in their order."""
    digest = hashlib.sha256()
    for frame in frames:
        structure, label = frame.structure, frame.label
        arrays = [structure.numbers, structure.positions, structure.cell, structure.pbc]
        if label is not None:
            arrays += [np.float64(label.energy), label.forces, label.stress]
            arrays += [] if label.atomic_energies is None else [label.atomic_energies]
        arrays += [] if frame.atom_weights is None else [frame.atom_weights]
        for array in arrays:
            digest.update(b"absent" if array is None else np.ascontiguousarray(array).tobytes())
        digest.update(json.dumps([frame.group, frame.trajectory, frame.split, label is None]).encode())
    return digest.hexdigest()
