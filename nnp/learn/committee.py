"""The committee: networks fitted to energies, forces and stresses; their mean is the reference that is served."""

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import torch

from nnp.core import recipe, units
from nnp.learn import batches, fit, pair_forces, stacks

ATOM_VISITS = {"adam": 6_000_000, "soap": 1_000_000, "lbfgs": 6_000_000}
"""The automatic budget of each optimiser: epochs times training atoms, within `EPOCHS`."""
EPOCHS = {"adam": (60, 800), "soap": (40, 400), "lbfgs": (60, 800)}
MEMORY = 0.03
"""The moving average of the weights looks back over at most this fraction of the steps: short trainings move fast."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Predicted:
    """Predictions of M members for a batch, in units of the training's scale ε.

    Attributes:
        energies: (M, S) per atom, ε.
        atomic: (M, N) of each atom, ε.
        forces: (M, N, 3), ε/Å; None where only energies are labelled.
        virials: (M, S, 6) stress times volume per atom, ε; None likewise.
    """

    energies: torch.Tensor
    atomic: torch.Tensor
    forces: torch.Tensor | None
    virials: torch.Tensor | None

    def mean(self) -> "Predicted":
        """The committee's mean as a committee of one."""
        return Predicted(
            energies=self.energies.mean(0, keepdim=True),
            atomic=self.atomic.mean(0, keepdim=True),
            forces=None if self.forces is None else self.forces.mean(0, keepdim=True),
            virials=None if self.virials is None else self.virials.mean(0, keepdim=True),
        )


def plan(wanted: recipe.Recipe, atoms: int, batch_count: int, *, warm: bool) -> fit.Plan:
    """Turn the recipe's budget into epochs.

    Args:
        wanted: the recipe.
        atoms: training atoms.
        batch_count: batches per epoch.
        warm: whether the weights come from a parent.
    """
    least, most = EPOCHS[wanted.optimiser]
    epochs = min(max(ATOM_VISITS[wanted.optimiser] // atoms, least), most)
    if wanted.steps is not None:
        epochs = max(1, round(wanted.steps / batch_count))
    elif warm:
        epochs = max(1, round(wanted.warm_start.rate * epochs))
    return fit.Plan(
        epochs=epochs,
        learning_rate=wanted.learning_rate * (wanted.warm_start.rate if warm else 1.0),
        schedule=wanted.schedule,
        weight_decay=wanted.weight_decay,
        patience=wanted.patience if wanted.patience is not None else max(10, epochs // 2),
        optimiser=wanted.optimiser,
        ema=None if wanted.ema is None else min(wanted.ema, max(0.0, 1.0 - 1.0 / (MEMORY * epochs * batch_count))),
        costly_fraction=wanted.force_fraction,
        by_error=wanted.selection == "error",
    )


def batch_size(wanted: recipe.Recipe, structures: int) -> int:
    """Structures per step: the recipe's, or about 30 steps per epoch between 2 and 16 structures each."""
    return wanted.batch_size if wanted.batch_size is not None else min(max(structures // 30, 2), 16)


def predict(members: Sequence[stacks.Stack], batch: batches.Batch, *, forces: bool = True) -> Predicted:
    """Energies, forces and virials of a batch by every member; differentiable with respect to the weights."""
    atomic, slopes = stacks.evaluate(members, batch, slopes=forces and not batch.only_energies)
    total = atomic.new_zeros((len(atomic), len(batch.atoms))).index_add(1, batch.structure, atomic)
    if slopes is None:
        return Predicted(energies=total / batch.atoms, atomic=atomic, forces=None, virials=None)
    pulls, virials = pair_forces.PairForces.apply(slopes, batch)
    return Predicted(energies=total / batch.atoms, atomic=atomic, forces=pulls, virials=virials)


def squares(predicted: Predicted, batch: batches.Batch, weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Weighted mean squared errors (M,) of energies per atom, forces and virials per atom, ε²; absent where unlabelled.

    Args:
        predicted: of M members.
        batch: with the labels.
        weights: (S,) weight of each structure.
    """
    found = {"energy": ((predicted.energies - batch.energies) ** 2 * weights).mean(1)}
    if batch.has_atomic.any():
        share = batch.has_atomic[:, 0] * weights[batch.structure]
        found["atomic"] = ((predicted.atomic - batch.atomic[:, 0]) ** 2 * share).sum(1) / batch.has_atomic.sum()
    if predicted.forces is not None and batch.has_forces.any():
        share = batch.has_forces * batch.atom_weights * weights[batch.structure, None]
        error = ((predicted.forces - batch.forces) ** 2 * share).sum((1, 2))
        found["force"] = error / (3.0 * batch.has_forces.sum())
    if predicted.virials is not None and batch.has_virials.any():
        error = ((predicted.virials - batch.virials) ** 2 * (batch.has_virials * weights[:, None])).sum((1, 2))
        found["stress"] = error / (6.0 * batch.has_virials.sum())
    return found


def loss(found: Mapping[str, torch.Tensor], weights: recipe.Loss) -> torch.Tensor:
    """Paper eq. 3 with energies per atom and a stress term, (M,) from the squares (M,)."""
    return sum((getattr(weights, name) * value for name, value in found.items()), start=torch.zeros(()))


def train(
    members: Sequence[stacks.Stack],
    *,
    training: Sequence[batches.Batch],
    validation: Sequence[batches.Batch],
    wanted: recipe.Recipe,
    downhill: fit.Plan,
    resume: fit.State | None,
    frozen: int = 0,
) -> Generator[fit.Epoch, None, fit.State]:
    """Fit all members at once; every member has its own loss, the best weights are those of the best mean.

    Args:
        members: stacks, changed in place.
        training: batches to fit.
        validation: batches to judge by.
        wanted: the recipe, for the weights of the loss.
        downhill: the plan.
        resume: state of an earlier run.
        frozen: number of first layers that stay as they are.
    """
    often = wanted.loss.model_copy(
        update={name: getattr(wanted.loss, name) / wanted.force_fraction for name in ("force", "stress")}
    )

    def step_loss(batch: batches.Batch, costly: bool) -> tuple[torch.Tensor, Mapping[str, float]]:
        predicted = predict(members, batch, forces=costly)
        total = loss(squares(predicted, batch, batch.weights), often).sum()
        with torch.no_grad():
            report = MeanSquares()
            report.add(predicted.mean(), batch)
        return total, {"loss": float(total.detach()) / len(predicted.energies), **report.found()}

    def validate() -> Mapping[str, float]:
        with torch.no_grad():
            sums, total, count = MeanSquares(), 0.0, 0
            for batch in validation:
                predicted = predict(members, batch).mean()
                sums.add(predicted, batch)
                total += float(loss(squares(predicted, batch, batch.weights), wanted.loss)) * len(batch.atoms)
                count += len(batch.atoms)
            return {"loss": total / count, **sums.found()}

    return fit.fit(
        [p for stack in members for p in stack.parameters()],
        [m for stack in members for m in stack.parameter_masks(frozen)],
        batches=training,
        loss=step_loss,
        validate=validate,
        plan=downhill,
        seed=(wanted.seed, 3),
        resume=resume,
    )


class MeanSquares:
    """Mean squared errors of a committee's mean over batches, ε² (stress: (ε/Å^3)²), unweighted."""

    def __init__(self) -> None:
        self._sums = {"energy": [0.0, 0.0], "force": [0.0, 0.0], "stress": [0.0, 0.0]}

    def add(self, mean: Predicted, batch: batches.Batch) -> None:
        """Take in the predictions of one member, the mean, for a batch."""
        self._add("energy", (mean.energies[0] - batch.energies)[:, None], torch.ones_like(batch.energies)[:, None])
        if mean.forces is not None:
            self._add("force", mean.forces[0] - batch.forces, batch.has_forces)
        if mean.virials is not None:
            error = (mean.virials[0] - batch.virials) / batch.volumes.clamp(min=1e-12)[:, None]
            self._add("stress", error, batch.has_virials)

    def _add(self, name: str, error: torch.Tensor, share: torch.Tensor) -> None:
        self._sums[name][0] += float((error**2 * share).sum())
        self._sums[name][1] += float(share.sum()) * error.shape[-1] / share.shape[-1]

    def found(self) -> dict[str, float]:
        """The means; absent where there was no label."""
        return {name: total / count for name, (total, count) in self._sums.items() if count}


def in_units(found: Mapping[str, float], unit: float) -> dict[str, float]:
    """Errors to report from mean squares: energy_rmse_mev_per_atom, force_rmse_ev_per_a, stress_rmse_gpa, loss."""
    factors = {
        "energy": ("energy_rmse_mev_per_atom", 1000.0 * unit),
        "force": ("force_rmse_ev_per_a", unit),
        "stress": ("stress_rmse_gpa", unit / units.GPA),
    }
    result = {key: math.sqrt(found[name]) * factor for name, (key, factor) in factors.items() if name in found}
    return {**result, "loss": found["loss"]} if "loss" in found else result
