"""Replicas: networks of other sizes and wider initial spread, fitted to the reference's atomic energies.

Inside the training set all of them reproduce the reference; outside they diverge (paper, section 5). Their population
standard deviation is the novelty of an atom. The reference itself, the committee's mean, is no replica.
"""

from collections.abc import Generator, Mapping, Sequence

import torch

from nnp.core import recipe
from nnp.learn import batches, fit, stacks

ATOM_VISITS = 2_000_000
"""The automatic budget: epochs times atoms, within `EPOCHS`."""
EPOCHS = (40, 300)

Labelled = tuple[batches.Batch, torch.Tensor]
"""A batch and the reference's atomic energies of its atoms (N,), ε."""


def plan(wanted: recipe.Recipe, atoms: int, batch_count: int) -> fit.Plan:
    """Turn the recipe's budget for the replicas into epochs over `batch_count` batches with `atoms` atoms."""
    epochs = min(max(ATOM_VISITS // atoms, EPOCHS[0]), EPOCHS[1])
    if wanted.replica_steps is not None:
        epochs = max(1, round(wanted.replica_steps / batch_count))
    return fit.Plan(
        epochs=epochs,
        learning_rate=wanted.learning_rate,
        schedule=wanted.schedule,
        weight_decay=wanted.weight_decay,
        patience=max(10, epochs // 2),
    )


def label(reference: Sequence[stacks.Stack], prepared: Sequence[batches.Batch]) -> list[Labelled]:
    """Pair batches with the mean atomic energies of the reference's members."""
    with torch.no_grad():
        return [(batch, stacks.evaluate(reference, batch, slopes=False)[0].mean(0)) for batch in prepared]


def train(
    members: Sequence[stacks.Stack],
    *,
    training: Sequence[Labelled],
    validation: Sequence[Labelled],
    wanted: recipe.Recipe,
    downhill: fit.Plan,
    resume: fit.State | None,
) -> Generator[fit.Epoch, None, fit.State]:
    """Fit all replicas at once, each with its own loss: mean squared error of the atomic energies over their variance.

    Args:
        members: stacks of the replicas, changed in place.
        training: batches with the reference's atomic energies; structures need no labels.
        validation: batches to judge by.
        wanted: the recipe, for the seed.
        downhill: the plan.
        resume: state of an earlier run.
    """
    everything = torch.cat([targets for _, targets in training])
    variance = max(float(everything.var(unbiased=False)), 1e-12)

    def squares(labelled: Labelled) -> torch.Tensor:
        batch, targets = labelled
        return ((stacks.evaluate(members, batch, slopes=False)[0] - targets) ** 2).mean(1)

    def step_loss(labelled: Labelled) -> tuple[torch.Tensor, Mapping[str, float]]:
        found = squares(labelled) / variance
        return found.sum(), {"loss": float(found.detach().mean()), "atomic": float(found.detach().mean()) * variance}

    def validate() -> Mapping[str, float]:
        with torch.no_grad():
            found = sum((float(squares(pair).mean()) * len(pair[1]) for pair in validation), start=0.0)
        found /= sum(len(targets) for _, targets in validation)
        return {"loss": found / variance, "atomic": found}

    return fit.fit(
        [p for stack in members for p in stack.parameters()],
        [m for stack in members for m in stack.parameter_masks()],
        batches=training,
        loss=step_loss,
        validate=validate,
        plan=downhill,
        seed=(wanted.seed, 5),
        resume=resume,
    )
