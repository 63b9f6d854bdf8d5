"""Cutoff functions: slopes against finite differences, and how smoothly they end."""

import pytest
import torch

from nnp.learn import cutoff


@pytest.mark.parametrize("name", cutoff.CUTOFF_FUNCTIONS)
def test_the_slope_is_the_derivative(name: str) -> None:
    r = torch.linspace(0.1, 6.5, 40, dtype=torch.float64)
    above, below = (cutoff.cutoff(name, r + h, 6.0)[0] for h in (1e-5, -1e-5))
    _, slope = cutoff.cutoff(name, r, 6.0)
    torch.testing.assert_close(slope, (above - below) / 2e-5, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", cutoff.CUTOFF_FUNCTIONS)
def test_the_function_falls_from_one_to_zero(name: str) -> None:
    value, _ = cutoff.cutoff(name, torch.linspace(0.0, 6.0, 50, dtype=torch.float64), 6.0)
    assert value[0] == pytest.approx(1.0, abs=1e-15)
    assert (value.diff() <= 0.0).all()


@pytest.mark.parametrize("name", cutoff.CUTOFF_FUNCTIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nothing_is_left_at_and_beyond_the_cutoff(name: str, dtype: torch.dtype) -> None:
    for part in cutoff.cutoff(name, torch.tensor([6.0, 6.5, 12.0], dtype=dtype), 6.0):
        assert torch.equal(part, torch.zeros(3, dtype=dtype))


@pytest.mark.parametrize("name", cutoff.CUTOFF_FUNCTIONS)
def test_two_derivatives_vanish_at_the_cutoff(name: str) -> None:
    """f falls at least as (1 - x)³: over a thousandfold smaller distance it is at least 1e9 times smaller."""
    value, slope = cutoff.cutoff(name, torch.tensor([6.0 - 1e-1, 6.0 - 1e-4], dtype=torch.float64), 6.0)
    assert value[1] / value[0] < 1.5e-9
    assert slope[1] / slope[0] < 1.5e-6
