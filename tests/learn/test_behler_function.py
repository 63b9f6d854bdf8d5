"""One Behler-Parrinello function: its cutoff and core functions, its checks, its JSON form."""

import math

import pytest
import torch

from nnp.learn.behler import cutoffs
from nnp.learn.behler.function import Function

X = torch.linspace(0.0, 0.99, 41, dtype=torch.float64)
FORMULAS = {
    "hard": lambda x: 1.0 - torch.floor(x),
    "cosine": lambda x: 0.5 * (torch.cos(math.pi * x) + 1.0),
    "tanh_cubed_unnormalised": lambda x: torch.tanh(1.0 - x) ** 3,
    "tanh_cubed": lambda x: torch.tanh(1.0 - x) ** 3 / math.tanh(1.0) ** 3,
    "exponential": lambda x: math.e * torch.exp(1.0 / (x * x - 1.0)),
    "polynomial3": lambda x: 1.0 - 3.0 * x**2 + 2.0 * x**3,
    "polynomial": lambda x: 1.0 - 10.0 * x**3 + 15.0 * x**4 - 6.0 * x**5,
    "polynomial7": lambda x: 1.0 - 35.0 * x**4 + 84.0 * x**5 - 70.0 * x**6 + 20.0 * x**7,
    "polynomial9": lambda x: 1.0 - 126.0 * x**5 + 420.0 * x**6 - 540.0 * x**7 + 315.0 * x**8 - 70.0 * x**9,
}


@pytest.mark.parametrize("name", cutoffs.CUTOFF_TYPES)
@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_a_cutoff_function_is_its_formula_between_inner_and_outer_radius(name: str, alpha: float) -> None:
    radius, inner = 6.0, 0.0 if name in cutoffs.WITHOUT_INNER_RADIUS else alpha * 6.0
    r = (inner + (radius - inner) * X).requires_grad_()
    value, slope = cutoffs.inner_cutoff(name, r, radius, alpha)
    expected = FORMULAS[name]((r - inner) / (radius - inner))
    torch.testing.assert_close(value, expected, rtol=1e-12, atol=1e-13)
    (by_autograd,) = torch.autograd.grad(expected.sum(), r)
    torch.testing.assert_close(slope, by_autograd, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", cutoffs.CUTOFF_TYPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_cutoff_function_is_one_inside_and_zero_outside(name: str, dtype: torch.dtype) -> None:
    value, slope = cutoffs.inner_cutoff(name, torch.tensor([0.5, 1.0], dtype=dtype), 6.0, 0.5)
    if "tanh" not in name:
        torch.testing.assert_close(value, torch.ones(2, dtype=dtype))
        torch.testing.assert_close(slope, torch.zeros(2, dtype=dtype))
    for found in cutoffs.inner_cutoff(name, torch.tensor([6.0, 6.1, 12.0, 60.0], dtype=dtype), 6.0, 0.5):
        assert torch.equal(found, torch.zeros(4, dtype=dtype))


@pytest.mark.parametrize("core", cutoffs.SUBTYPES)
def test_a_window_is_its_core_function_on_both_sides_of_the_centre(core: str) -> None:
    r = torch.tensor([0.9, 1.1, 2.0, 2.5, 3.7, 3.9, 4.0, 5.0], dtype=torch.float64, requires_grad=True)
    centre, inverse = torch.tensor([2.5, 1 / 1.5], dtype=torch.float64)
    value, slope = cutoffs.window(core, r, centre, inverse)
    t = torch.abs(r - 2.5) / 1.5
    inside = (t < 1.0).detach()
    t = torch.where(inside, t, torch.zeros_like(t))
    if core.endswith("a"):
        t = (2.0 - t) * t
    expected = FORMULAS[cutoffs.CORES[core.rstrip("a")]](t) * inside
    torch.testing.assert_close(value, expected, rtol=1e-11, atol=1e-13)
    (by_autograd,) = torch.autograd.grad(expected.sum(), r)
    torch.testing.assert_close(slope, by_autograd, rtol=1e-11, atol=1e-12)
    assert torch.equal(value[[0, 6, 7]], torch.zeros(3, dtype=torch.float64))


def test_elements_come_in_the_order_of_their_atomic_numbers() -> None:
    one, other = (Function(type=3, neighbours=pair, cutoff=6.0, eta=0.1) for pair in (("O", "H"), ("H", "O")))
    assert one == other
    assert one.neighbours == ("H", "O")
    assert one.name == "type 3 H-O cutoff=6 eta=0.1"
    assert Function(type=12, cutoff=6.0).name == "type 12 all cutoff=6"


@pytest.mark.parametrize(
    "function",
    [
        Function(type=2, neighbours=("H",), cutoff=6.0, eta=0.1, shift=1.0, cutoff_function="tanh_cubed", alpha=0.2),
        Function(type=13, cutoff=5.0, zeta=1.5, lambda_=-1.0),
        Function(type=22, neighbours=("H", "H"), cutoff=5.0, lower=-5.0, angles=(-30.0, 30.0), core="p3a"),
    ],
    ids=lambda function: function.name,
)
def test_a_function_survives_json(function: Function) -> None:
    assert Function.from_dict(function.to_dict()) == function


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"type": 4}, "unknown type of symmetry function 4; known: 2, 3, 9"),
        ({"neighbours": ()}, "type 2 has 1 neighbour elements"),
        ({"neighbours": ("Xx",)}, "unknown chemical element 'Xx'"),
        ({"type": 12}, "type 12 has 0 neighbour elements"),
        ({"lower": 1.0}, "type 2 has no lower"),
        ({"zeta": 2.0, "lambda_": -1.0}, "type 2 has no lambda_, zeta"),
        ({"type": 20, "eta": 1.0}, "type 20 has no eta"),
        ({"type": 20, "angles": (0.0, 90.0)}, "type 20 has no angles"),
        ({"cutoff": 0.0}, "cutoff must be positive"),
        ({"cutoff_function": "step"}, "unknown cutoff function 'step'"),
        ({"alpha": 1.0}, "alpha must be at least 0 and below 1"),
        ({"type": 9, "neighbours": ("H", "H"), "zeta": 0.0}, "zeta must be positive"),
        ({"type": 20, "core": "p5"}, "unknown core function 'p5'"),
        ({"type": 20, "lower": 6.0}, "window from 6.0 to 6.0 Å is empty"),
        ({"type": 25, "neighbours": (), "angles": (90.0, 90.0)}, "degrees is empty"),
        ({"type": 25, "neighbours": (), "angles": (-10.0, 30.0)}, "without being centred"),
    ],
)
def test_a_function_that_cannot_work_is_refused(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Function(**{"type": 2, "neighbours": ("H",), "cutoff": 6.0, **fields})
