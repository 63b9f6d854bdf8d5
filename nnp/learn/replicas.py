"""Replicas: networks of other sizes and wider initial spread, fitted to the reference's atomic energies.

Inside the training set all of them reproduce the reference; outside they diverge (paper, section 5). Their population
standard deviation is the novelty of an atom. The reference itself, the committee's mean, is no replica.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import overload

import torch

from nnp.core import recipe
from nnp.learn import batches, fit, stacks

ATOM_VISITS = 2_000_000
"""The automatic budget: epochs times atoms, within `EPOCHS`."""
EPOCHS = (40, 300)

Labelled = tuple[batches.Batch, torch.Tensor]
"""A batch and the reference's atomic energies of its atoms (N,), ε."""


class LabelledBatches(Sequence[Labelled]):
    """Batches, prepared or kept as they come, with the reference's atomic energies, which are kept.

    Attributes:
        targets: of each batch, the atomic energies (N,), ε.
        atoms: number of atoms in all of them.
    """

    def __init__(self, reference: Sequence[stacks.Stack], parts: Sequence[Sequence[batches.Batch]]) -> None:
        self._places = [(part, number) for part in parts for number in range(len(part))]
        with torch.no_grad():
            self.targets = [_mean(reference, part[number]) for part, number in self._places]
        self.atoms = sum(len(targets) for targets in self.targets)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Labelled: ...
    @overload
    def __getitem__(self, index: slice) -> list[Labelled]: ...
    def __getitem__(self, index: int | slice) -> Labelled | list[Labelled]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        part, number = self._places[index]
        return part[number], self.targets[index]


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


def label(reference: Sequence[stacks.Stack], *parts: Sequence[batches.Batch]) -> LabelledBatches:
    """Pair batches with the mean atomic energies of the reference's members."""
    return LabelledBatches(reference, parts)


def _mean(reference: Sequence[stacks.Stack], batch: batches.Batch) -> torch.Tensor:
    return stacks.evaluate(reference, batch, slopes=False)[0].mean(0)


def train(
    members: Sequence[stacks.Stack],
    *,
    training: LabelledBatches,
    validation: LabelledBatches,
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
    everything = torch.cat(training.targets)
    variance = max(float(everything.var(unbiased=False)), 1e-12)

    def squares(labelled: Labelled) -> torch.Tensor:
        batch, targets = labelled
        return ((stacks.evaluate(members, batch, slopes=False)[0] - targets) ** 2).mean(1)

    def step_loss(labelled: Labelled, _: bool) -> tuple[torch.Tensor, Mapping[str, float]]:
        found = squares(labelled) / variance
        return found.sum(), {"loss": float(found.detach().mean()), "atomic": float(found.detach().mean()) * variance}

    def validate() -> Mapping[str, float]:
        with torch.no_grad():
            found = sum((float(squares(pair).mean()) * len(pair[1]) for pair in validation), start=0.0)
        found /= validation.atoms
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
