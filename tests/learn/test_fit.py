"""The loop: it minimises, resumes bit for bit, stops early, and says when it diverges."""

import itertools
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch

from nnp.core import errors
from nnp.learn import checkpoint, fit

PLAN = fit.Plan(epochs=40, learning_rate=0.2, schedule="one_cycle", weight_decay=0.0, patience=40)


def _run(plan: fit.Plan, *, stop: int | None = None, resume: fit.State | None = None, scale: float = 1.0):
    """Fit y = 2 x - 1 from noisy batches; returns the epochs seen and the parameters."""
    random = np.random.default_rng(0)
    data = [torch.from_numpy(random.normal(size=(5, 1)).astype(np.float32)) for _ in range(4)]
    slope, offset = torch.zeros((1, 1), requires_grad=True), torch.zeros(1, requires_grad=True)

    def error(x: torch.Tensor) -> torch.Tensor:
        return ((x * slope + offset - (2.0 * x - 1.0)) ** 2).mean() * scale

    def loss(x: torch.Tensor, _: bool) -> tuple[torch.Tensor, Mapping[str, float]]:
        value = error(x)
        return value, {"loss": float(value.detach())}

    def validate() -> Mapping[str, float]:
        with torch.no_grad():
            return {"loss": float(error(torch.linspace(-1, 1, 11)[:, None]))}

    loop = fit.fit(
        [slope, offset],
        [torch.ones((1, 1)), torch.ones(1)],
        batches=data,
        loss=loss,
        validate=validate,
        plan=plan,
        seed=(1, 2),
        resume=resume,
    )
    seen = []
    for epoch in loop:
        seen.append(epoch)
        if epoch.epoch == stop:
            break
    return seen, (slope, offset)


def test_finds_the_minimum_and_keeps_the_best() -> None:
    seen, (slope, offset) = _run(PLAN)
    assert float(slope.detach()) == pytest.approx(2.0, abs=0.02)
    assert float(offset.detach()) == pytest.approx(-1.0, abs=0.02)
    assert [epoch.epoch for epoch in seen] == list(range(41))
    best = min(seen, key=lambda epoch: epoch.validation["loss"])
    assert seen[-1].state.best_loss == best.validation["loss"]
    np.testing.assert_array_equal(seen[-1].state.best, best.state.parameters)
    np.testing.assert_array_equal(torch.cat([slope.flatten(), offset]).detach().numpy(), best.state.parameters)


PLANS = {
    "adam": PLAN,
    "averaged": replace(PLAN, ema=0.9, schedule="constant"),
    "soap": replace(PLAN, optimiser="soap", schedule="warm_restarts"),
    "plateau": replace(PLAN, optimiser="soap", schedule="plateau", patience=15),
    "by error": replace(PLAN, by_error=True, costly_fraction=0.5),
    "lbfgs": replace(PLAN, optimiser="lbfgs"),
}


@pytest.mark.parametrize("name", PLANS)
def test_resumes_bit_for_bit_through_a_checkpoint(name: str) -> None:
    plan = PLANS[name]
    whole, _ = _run(plan)
    first, _ = _run(plan, stop=17)
    packed = checkpoint.pack(*checkpoint.state_to("committee", first[-1].state))
    restored = checkpoint.state_from("committee", checkpoint.unpack(packed))
    second, _ = _run(plan, resume=restored)
    assert second[0].epoch == 17
    found, wanted = second[-1].state, whole[-1].state
    for array in ("parameters", "average", "best"):
        np.testing.assert_array_equal(getattr(found, array), getattr(wanted, array))
    assert found.optimiser.keys() == wanted.optimiser.keys()
    for array, values in wanted.optimiser.items():
        np.testing.assert_array_equal(found.optimiser[array], values)
    assert (found.random, found.reduction, found.best_loss) == (wanted.random, wanted.reduction, wanted.best_loss)
    assert second[-1].validation == whole[-1].validation


def test_the_moving_average_is_judged_and_kept() -> None:
    seen, (slope, offset) = _run(replace(PLAN, ema=0.8, schedule="constant", epochs=3))
    parameters = [epoch.state.parameters for epoch in seen]
    assert float(np.abs(parameters[-1] - seen[-1].state.best).max()) > 1e-3
    np.testing.assert_array_equal(torch.cat([slope.flatten(), offset]).detach().numpy(), seen[-1].state.best)
    one, _ = _run(replace(PLAN, ema=1e-6, epochs=3))
    for averaged, plain in zip(one, _run(replace(PLAN, epochs=3))[0], strict=True):
        assert averaged.validation["loss"] == pytest.approx(plain.validation["loss"], rel=1e-3)


def test_the_moving_average_is_corrected_for_its_start() -> None:
    still = replace(PLAN, ema=0.999, learning_rate=1e-30, epochs=2)
    shift = torch.full((1,), 3.0, requires_grad=True)

    def loss(_: int, __: bool) -> tuple[torch.Tensor, Mapping[str, float]]:
        return (shift**2).sum(), {"loss": 0.0}

    def validate() -> Mapping[str, float]:
        return {"loss": float(shift.detach())}

    loop = fit.fit([shift], [torch.ones(1)], batches=[0, 0], loss=loss, validate=validate, plan=still, seed=(0,))
    assert [epoch.validation["loss"] for epoch in loop] == pytest.approx([3.0, 3.0, 3.0], rel=1e-4)


def test_plateau_halves_the_rate_where_the_loss_stalls() -> None:
    stuck = replace(PLAN, learning_rate=1e-30, schedule="plateau", patience=20)
    reductions = [epoch.state.reduction for epoch in _run(stuck)[0]]
    assert reductions[:10] == [1.0] * 4 + [0.5] * 4 + [0.25] * 2
    assert len(reductions) == 21


def test_stops_early_without_improvement() -> None:
    frozen = replace(PLAN, learning_rate=1e-30, patience=5)
    seen, _ = _run(frozen)
    assert seen[-1].epoch == frozen.peak + 5
    seen, _ = _run(replace(frozen, schedule="cosine"))
    assert seen[-1].epoch == 5


def test_divergence_names_epoch_and_reason() -> None:
    with pytest.raises(errors.DivergedError, match="grown") as caught:
        _run(replace(PLAN, learning_rate=1e4, schedule="cosine"))
    assert caught.value.epoch >= 1
    with pytest.raises(errors.DivergedError, match="not finite"):
        _run(PLAN, scale=float("nan"))


def test_masked_parameters_stay() -> None:
    fixed, free = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)

    def loss(_: int, __: bool) -> tuple[torch.Tensor, Mapping[str, float]]:
        value = (fixed**2).sum() + (free**2).sum()
        return value, {"loss": float(value.detach())}

    loop = fit.fit(
        [fixed, free],
        [torch.tensor([0.0, 1.0]), torch.ones(2)],
        batches=[0],
        loss=loss,
        validate=lambda: {"loss": float((fixed.detach() ** 2).sum() + (free.detach() ** 2).sum())},
        plan=PLAN,
        seed=(0,),
    )
    list(loop)
    assert float(fixed.detach()[0]) == 1.0
    assert abs(float(fixed.detach()[1])) < 0.5


def test_schedules_rise_and_fall() -> None:
    rates = [fit.learning_rate(PLAN, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.04 * 0.2)
    assert max(rates) == pytest.approx(0.2, rel=1e-3)
    assert rates[-1] == pytest.approx(1e-4 * 0.2)
    falling = [fit.learning_rate(replace(PLAN, schedule="cosine"), step, 100) for step in range(100)]
    assert falling[0] == pytest.approx(0.2)
    assert all(later <= earlier for earlier, later in itertools.pairwise(falling))
    restarts = [fit.learning_rate(replace(PLAN, schedule="warm_restarts"), step, 71) for step in range(71)]
    assert [step for step in range(71) if restarts[step] == pytest.approx(0.2)] == [0, 10, 30]
