"""The training loop: one generator that evaluates, yields and steps. The caller saves, reports and cancels."""

import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np
import torch

from nnp.core import errors

Batch = TypeVar("Batch")

BETAS = (0.9, 0.999)
EPSILON = 1e-8
WARM_UP = 0.3
"""Fraction of the steps in which the one-cycle schedule rises."""
FIRST_RATE, LAST_RATE = 0.04, 1e-4
"""Learning rate at the beginning of the one-cycle schedule and at the end of all schedules, over the peak."""
RUNAWAY = 1e3
"""The validation loss has grown by this factor over the untrained one: the training has diverged."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to go downhill; all budgets are in steps and epochs, so that a resumed training is the same training.

    Attributes:
        epochs: passes over the batches.
        learning_rate: peak learning rate of Adam.
        schedule: "one_cycle" or "cosine".
        weight_decay: decoupled weight decay per unit of learning rate.
        patience: epochs without improvement, counted from the peak of the learning rate, after which it ends.
    """

    epochs: int
    learning_rate: float
    schedule: Literal["one_cycle", "cosine"]
    weight_decay: float
    patience: int

    @property
    def warm_up(self) -> float:
        """Fraction of the steps in which the learning rate rises."""
        return WARM_UP if self.schedule == "one_cycle" else 0.0

    @property
    def peak(self) -> int:
        """Epoch in which the learning rate is highest: errors may stall before it and fall again behind it."""
        return round(self.warm_up * self.epochs)


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """Everything that the loop carries from epoch to epoch: from it the training goes on bit for bit.

    Attributes:
        epoch: number of finished epochs.
        step: number of finished steps.
        parameters: (P,) float32, all trainable numbers in a row.
        first, second: (P,) float32, Adam's running moments of the gradient.
        best: (P,) float32, parameters at the lowest validation loss.
        best_loss: that loss.
        best_epoch: epochs that were finished then.
        first_loss: validation loss before the first step.
        random: state of the generator that orders the batches.
        train: errors on the training batches during the last epoch.
    """

    epoch: int
    step: int
    parameters: np.ndarray
    first: np.ndarray
    second: np.ndarray
    best: np.ndarray
    best_loss: float
    best_epoch: int
    first_loss: float
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
    """Learning rate of a step, 0 <= step < steps."""
    done = step / max(1, steps - 1)
    if done < plan.warm_up:
        low, share = FIRST_RATE, 0.5 - 0.5 * math.cos(math.pi * done / plan.warm_up)
    else:
        low, share = LAST_RATE, 0.5 + 0.5 * math.cos(math.pi * (done - plan.warm_up) / (1.0 - plan.warm_up))
    return plan.learning_rate * (low + (1.0 - low) * share)


def fit(
    parameters: Sequence[torch.Tensor],
    masks: Sequence[torch.Tensor],
    *,
    batches: Sequence[Batch],
    loss: Callable[[Batch], tuple[torch.Tensor, Mapping[str, float]]],
    validate: Callable[[], Mapping[str, float]],
    plan: Plan,
    seed: Sequence[int],
    resume: State | None = None,
) -> Generator[Epoch, None, State]:
    """Minimise a loss by Adam (arXiv:1412.6980) with decoupled weight decay (arXiv:1711.05101).

    Yields before the first and after every epoch. Returns the last state; `parameters` then hold the best ones.

    Args:
        parameters: float32 leaves, changed in place.
        masks: for each parameter, 1 where it may change, 0 where it stays (same shapes).
        batches: what `loss` takes; all of them once per epoch, in random order.
        loss: of a batch, the scalar to differentiate and errors to report; their means over the epoch are reported.
        validate: errors on held-out structures; must have the key "loss".
        plan: how to go downhill.
        seed: of the order of the batches.
        resume: a state of an earlier run with the same arguments.

    Raises:
        DivergedError: a loss is not finite, or has grown without bound.
    """
    state = resume or _first_state(parameters, seed)
    flat = _share(parameters, state.parameters)
    mask = torch.cat([m.flatten() for m in masks])
    first, second = torch.from_numpy(state.first.copy()), torch.from_numpy(state.second.copy())
    random = np.random.default_rng()
    random.bit_generator.state = dict(state.random)
    steps, started, start = plan.epochs * len(batches), time.monotonic(), state.epoch

    while True:
        validation = validate()
        state = _judged(state, validation["loss"], flat)
        done = state.epoch - start
        left = (time.monotonic() - started) / done * (plan.epochs - state.epoch) if done else None
        yield Epoch(epoch=state.epoch, epochs=plan.epochs, validation=validation, state=state, seconds_left=left)
        if state.epoch >= plan.epochs or state.epoch - max(state.best_epoch, plan.peak) >= plan.patience:
            break

        reports: list[Mapping[str, float]] = []
        for index in random.permutation(len(batches)):
            value, report = loss(batches[index])
            if not torch.isfinite(value):
                raise errors.DivergedError(epoch=state.epoch + 1, reason="the training loss is not finite")
            gradient = torch.cat([g.flatten() for g in torch.autograd.grad(value, list(parameters))]) * mask
            step = state.step + len(reports)
            rate = learning_rate(plan, step, steps)
            with torch.no_grad():
                first.lerp_(gradient, 1.0 - BETAS[0])
                second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1.0 - BETAS[1])
                spread = (second / (1.0 - BETAS[1] ** (step + 1))).sqrt_().add_(EPSILON)
                flat.mul_(1.0 - rate * plan.weight_decay)
                flat.addcdiv_(first, spread, value=-rate / (1.0 - BETAS[0] ** (step + 1)))
            reports.append(report)
        state = replace(
            state,
            epoch=state.epoch + 1,
            step=state.step + len(reports),
            parameters=flat.numpy().copy(),
            first=first.numpy().copy(),
            second=second.numpy().copy(),
            random=random.bit_generator.state,
            train={name: float(np.mean([report[name] for report in reports])) for name in reports[0]},
        )

    flat.copy_(torch.from_numpy(state.best))
    return state


def _first_state(parameters: Sequence[torch.Tensor], seed: Sequence[int]) -> State:
    flat = torch.cat([p.detach().flatten() for p in parameters]).numpy()
    return State(
        epoch=0,
        step=0,
        parameters=flat,
        first=np.zeros_like(flat),
        second=np.zeros_like(flat),
        best=flat,
        best_loss=math.inf,
        best_epoch=0,
        first_loss=math.inf,
        random=np.random.default_rng(list(seed)).bit_generator.state,
        train={},
    )


def _share(parameters: Sequence[torch.Tensor], values: np.ndarray) -> torch.Tensor:
    """One tensor (P,) with these values whose pieces the parameters become."""
    flat = torch.from_numpy(values.copy())
    start = 0
    for parameter in parameters:
        parameter.data = flat[start : start + parameter.numel()].view_as(parameter)
        start += parameter.numel()
    return flat


def _judged(state: State, loss: float, flat: torch.Tensor) -> State:
    """The state with its best parameters brought up to date by the validation loss of the present ones."""
    if not math.isfinite(loss):
        raise errors.DivergedError(epoch=state.epoch, reason="the validation loss is not finite")
    if state.epoch == 0:
        state = replace(state, first_loss=loss)
    elif loss > RUNAWAY * state.first_loss:
        reason = f"the validation loss has grown to {loss:.3g} from {state.first_loss:.3g} of the untrained networks"
        raise errors.DivergedError(epoch=state.epoch, reason=reason)
    if loss < state.best_loss:
        state = replace(state, best=flat.numpy().copy(), best_loss=loss, best_epoch=state.epoch)
    return state
