"""The training loop: one generator that evaluates, yields and steps. The caller saves, reports and cancels."""

import contextlib
import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np
import torch

from nnp.core import errors
from nnp.learn import optimisers, schedules

Batch = TypeVar("Batch")
Loss = Callable[[Batch, bool], tuple[torch.Tensor, Mapping[str, float]]]
"""Of a batch, with or without what is costly: the scalar to differentiate, and errors to report."""

RUNAWAY = 1e3
"""The validation loss has grown by this factor over the untrained one: the training has diverged."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to go downhill; all budgets are in steps and epochs, so that a resumed training is the same training.

    Attributes:
        epochs: passes over the batches.
        learning_rate: peak learning rate.
        schedule: learning rate over the steps; see `schedules.factor`.
        weight_decay: decoupled weight decay per unit of learning rate.
        patience: epochs without improvement, counted from the peak of the learning rate, after which it ends.
        optimiser: name in `optimisers.OPTIMISERS`.
        ema: decay per step of the exponential moving average of the parameters that is judged and kept; None judges
            the parameters themselves.
        costly_fraction: fraction of the steps that fit what is costly (forces and stresses) too.
        by_error: each epoch draws its batches, half of them by their last loss; else it takes all of them once.
    """

    epochs: int
    learning_rate: float
    schedule: schedules.Schedule
    weight_decay: float
    patience: int
    optimiser: str = "adam"
    ema: float | None = None
    costly_fraction: float = 1.0
    by_error: bool = False

    @property
    def peak(self) -> int:
        """Epoch in which the learning rate is highest: errors may stall before it and fall again behind it."""
        return round(schedules.warm_up(self.schedule) * self.epochs)

    @property
    def stall(self) -> int:
        """Epochs without improvement after which the schedule "plateau" reduces the learning rate."""
        return max(3, self.patience // 5)


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """Everything that the loop carries from epoch to epoch: from it the training goes on bit for bit.

    Attributes:
        epoch: number of finished epochs.
        step: number of finished steps.
        parameters: (P,) float32, all trainable numbers in a row.
        optimiser: memory of the optimiser by name.
        average: (P,) float32, moving average of the parameters, not corrected for its start at zero.
        best: (P,) float32, parameters at the lowest validation loss.
        best_loss: that loss.
        best_epoch: epochs that were finished then.
        first_loss: validation loss before the first step.
        reduction: factor on the learning rate, below 1 where the schedule "plateau" has reduced it.
        reduced_epoch: epochs that were finished when it did so last.
        losses: (B,) last full loss of each batch, infinite before the first.
        random: state of the generator that orders the batches.
        train: errors on the training batches during the last epoch.
    """

    epoch: int
    step: int
    parameters: np.ndarray
    optimiser: Mapping[str, np.ndarray]
    average: np.ndarray
    best: np.ndarray
    best_loss: float
    best_epoch: int
    first_loss: float
    reduction: float
    reduced_epoch: int
    losses: np.ndarray
    random: Mapping[str, Any]
    train: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Epoch:
    """What one pass reports.

    Attributes:
        epoch: finished epochs, 0 before the first.
        epochs: planned epochs.
        validation: errors on the held-out structures; "loss" decides which parameters are best.
        state: from which the training can be resumed; `state.train` holds the errors of the last epoch.
        seconds_left: estimate from the epochs since this call began; None before the first.
    """

    epoch: int
    epochs: int
    validation: Mapping[str, float]
    state: State
    seconds_left: float | None


def learning_rate(plan: Plan, step: int, steps: int) -> float:
    """Learning rate of a step, 0 <= step < steps, without the reductions of "plateau"."""
    return plan.learning_rate * schedules.factor(plan.schedule, step / max(1, steps - 1))


def fit(
    parameters: Sequence[torch.Tensor],
    masks: Sequence[torch.Tensor],
    *,
    batches: Sequence[Batch],
    loss: Loss[Batch],
    validate: Callable[[], Mapping[str, float]],
    plan: Plan,
    seed: Sequence[int],
    resume: State | None = None,
) -> Generator[Epoch, None, State]:
    """Minimise a loss.

    Yields before the first and after every epoch. Returns the last state; `parameters` then hold the best ones.

    Args:
        parameters: float32 leaves, changed in place.
        masks: for each parameter, 1 where it may change, 0 where it stays (same shapes).
        batches: what `loss` takes; all of them once per epoch, in random order, unless the plan draws them by error.
        loss: see `Loss`; the means of its errors over the epoch are reported.
        validate: errors on held-out structures; must have the key "loss".
        plan: how to go downhill.
        seed: of the order of the batches.
        resume: a state of an earlier run with the same arguments.

    Raises:
        DivergedError: a loss is not finite, or has grown without bound.
    """
    optimiser = optimisers.OPTIMISERS[plan.optimiser]
    leaves = _share(parameters, masks, resume)
    state = resume or _first_state(leaves, optimiser, len(batches), seed)
    memory = {name: torch.from_numpy(array.copy()) for name, array in state.optimiser.items()}
    average = torch.from_numpy(state.average.copy())
    random = np.random.default_rng()
    random.bit_generator.state = dict(state.random)
    per_epoch = 1 if optimiser.whole else len(batches)
    steps, started, start = plan.epochs * per_epoch, time.monotonic(), state.epoch

    while True:
        with _averaged(leaves.flat, average, plan, state.step):
            validation = validate()
            state = _judged(state, validation["loss"], leaves.flat, plan)
        done = state.epoch - start
        left = (time.monotonic() - started) / done * (plan.epochs - state.epoch) if done else None
        yield Epoch(epoch=state.epoch, epochs=plan.epochs, validation=validation, state=state, seconds_left=left)
        if state.epoch >= plan.epochs or state.epoch - max(state.best_epoch, plan.peak) >= plan.patience:
            break

        objective = _Objective(parameters, leaves, batches, loss, losses=state.losses.copy(), epoch=state.epoch + 1)
        order = _order(random, state.losses, plan)
        for number, group in enumerate(np.array_split(order, per_epoch), start=state.step):
            costly = plan.costly_fraction == 1.0 or number == 0 or random.random() < plan.costly_fraction
            evaluate = partial(objective.evaluate, group, costly)
            rate = state.reduction * learning_rate(plan, number, steps)
            optimiser.step(leaves, memory, evaluate, number=number, rate=rate, decay=plan.weight_decay)
            if plan.ema is not None:
                average.lerp_(leaves.flat, 1.0 - plan.ema)
        state = replace(
            state,
            epoch=state.epoch + 1,
            step=state.step + per_epoch,
            parameters=leaves.flat.numpy().copy(),
            optimiser={name: tensor.numpy().copy() for name, tensor in memory.items()},
            average=average.numpy().copy(),
            losses=objective.losses,
            random=random.bit_generator.state,
            train=objective.report(),
        )

    leaves.flat.copy_(torch.from_numpy(state.best))
    return state


def _order(random: np.random.Generator, losses: np.ndarray, plan: Plan) -> np.ndarray:
    """Numbers of the batches of an epoch: all of them shuffled, or half drawn evenly and half by their last loss."""
    count = len(losses)
    if not plan.by_error or not np.isfinite(losses).all():
        return random.permutation(count)
    return random.choice(count, size=count, p=0.5 / count + 0.5 * losses / losses.sum())


class _Objective(Generic[Batch]):
    """The loss of an epoch's batches with its gradient, and what it reports."""

    def __init__(
        self,
        parameters: Sequence[torch.Tensor],
        leaves: optimisers.Leaves,
        batches: Sequence[Batch],
        loss: Loss[Batch],
        *,
        losses: np.ndarray,
        epoch: int,
    ) -> None:
        self.parameters, self.leaves = list(parameters), leaves
        self.batches, self.loss, self.losses, self.epoch = batches, loss, losses, epoch
        self.reports: list[Mapping[str, float]] = []

    def evaluate(self, chosen: np.ndarray, costly: bool) -> tuple[float, torch.Tensor]:
        """Mean loss of the batches with these numbers and its gradient (P,), one batch after the other."""
        total, gradient = 0.0, torch.zeros_like(self.leaves.flat)
        for index in chosen:
            value, report = self.loss(self.batches[index], costly)
            if not torch.isfinite(value):
                raise errors.DivergedError(epoch=self.epoch, reason="the training loss is not finite")
            slopes = torch.autograd.grad(value, self.parameters)
            gradient.add_(torch.cat([slope.flatten() for slope in slopes]), alpha=1.0 / len(chosen))
            total += float(value.detach()) / len(chosen)
            self.reports.append(report)
            if costly:
                self.losses[index] = max(float(value.detach()), 1e-30)
        return total, gradient.mul_(self.leaves.mask)

    def report(self) -> dict[str, float]:
        """Mean of what was reported, of each error over the steps that had it."""
        names = dict.fromkeys(name for report in self.reports for name in report)
        return {name: float(np.mean([r[name] for r in self.reports if name in r])) for name in names}


def _first_state(leaves: optimisers.Leaves, optimiser: optimisers.Optimiser, count: int, seed: Sequence[int]) -> State:
    flat = leaves.flat.numpy().copy()
    return State(
        epoch=0,
        step=0,
        parameters=flat,
        optimiser={name: tensor.numpy().copy() for name, tensor in optimiser.start(leaves).items()},
        average=np.zeros_like(flat),
        best=flat,
        best_loss=math.inf,
        best_epoch=0,
        first_loss=math.inf,
        reduction=1.0,
        reduced_epoch=0,
        losses=np.full(count, np.inf),
        random=np.random.default_rng(list(seed)).bit_generator.state,
        train={},
    )


def _share(
    parameters: Sequence[torch.Tensor], masks: Sequence[torch.Tensor], resume: State | None
) -> optimisers.Leaves:
    """One tensor (P,), with the resumed values if any, whose pieces the parameters become."""
    flat = torch.cat([p.detach().flatten() for p in parameters])
    if resume is not None:
        flat = torch.from_numpy(resume.parameters.copy())
    leaves = optimisers.Leaves(
        flat=flat, mask=torch.cat([m.flatten() for m in masks]), shapes=[tuple(p.shape) for p in parameters]
    )
    for parameter, piece in zip(parameters, leaves.pieces(flat), strict=True):
        parameter.data = piece
    return leaves


@contextlib.contextmanager
def _averaged(flat: torch.Tensor, average: torch.Tensor, plan: Plan, step: int) -> Iterator[None]:
    """The parameters are their moving average for a while, corrected for its start at zero."""
    if plan.ema is None or step == 0:
        yield
        return
    kept = flat.clone()
    torch.div(average, 1.0 - plan.ema**step, out=flat)
    try:
        yield
    finally:
        flat.copy_(kept)


def _judged(state: State, loss: float, flat: torch.Tensor, plan: Plan) -> State:
    """The state with its best parameters, and the reduction of the rate, brought up to date by the validation loss."""
    if not math.isfinite(loss):
        raise errors.DivergedError(epoch=state.epoch, reason="the validation loss is not finite")
    if state.epoch == 0:
        state = replace(state, first_loss=loss)
    elif loss > RUNAWAY * state.first_loss:
        reason = f"the validation loss has grown to {loss:.3g} from {state.first_loss:.3g} of the untrained networks"
        raise errors.DivergedError(epoch=state.epoch, reason=reason)
    if loss < state.best_loss:
        return replace(state, best=flat.numpy().copy(), best_loss=loss, best_epoch=state.epoch)
    if plan.schedule == "plateau" and state.epoch - max(state.best_epoch, state.reduced_epoch) >= plan.stall:
        return replace(state, reduction=state.reduction * schedules.REDUCTION, reduced_epoch=state.epoch)
    return state
