"""Train replicas for a reference, whatever it comes from, and report each epoch of a training."""

import itertools
from collections.abc import Generator, Sequence

import numpy as np
import torch

from nnp.core import recipe
from nnp.learn import batches, checkpoint, committee, fit, replicas, stacks
from nnp.learn.definition import Definition
from nnp.learn.finish import Progress

BATCHES_FOR_MEANS = 8
"""The mean atomic energies are those of so many batches."""


def replicated(
    wanted: recipe.Recipe,
    definition: Definition,
    members: Sequence[stacks.Stack],
    *,
    training: Sequence[Sequence[batches.Batch]],
    validation: Sequence[batches.Batch],
    kept: checkpoint.Resumable,
) -> Generator[Progress, None, list[stacks.Stack]]:
    """Train the replicas that a recipe wants, if any.

    Args:
        wanted: the recipe.
        definition: of the reference.
        members: the reference's networks.
        training: parts of the batches to fit; they need no labels.
        validation: batches to judge by.
        kept: where progress is kept.
    """
    if wanted.replicas is None:
        return []
    random = np.random.default_rng([wanted.seed, 6])
    functions = definition.functions
    copies = stacks.initial(
        wanted.replicas, functions.size, functions.elements, wanted.replica_gain, random, centres=definition.centres
    )
    seen = replicas.label(members, *training)
    _start_at_means(copies, seen)
    loop = replicas.train(
        copies,
        training=seen,
        validation=replicas.label(members, validation),
        wanted=wanted,
        downhill=replicas.plan(wanted, seen.atoms, len(seen)),
        resume=kept.state("replicas"),
    )
    yield from watched(loop, "replicas", kept, definition.unit)
    return copies


def watched(
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


def _start_at_means(copies: Sequence[stacks.Stack], seen: replicas.LabelledBatches) -> None:
    """Put the mean atomic energy of each element into the output bias: imported networks carry large offsets there."""
    first = list(itertools.islice(seen, BATCHES_FOR_MEANS))
    for copy in copies:
        values = torch.cat([targets[batch.members[copy.element]] for batch, targets in first])
        if len(values):
            with torch.no_grad():
                copy.biases[-1] += values.mean().to(copy.biases[-1].dtype)
