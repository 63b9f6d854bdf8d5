"""The interface of descriptors: the plain committee methods, and definitions by their tag."""

import pytest
import torch

from nnp.learn import descriptor, symmetry_functions
from nnp.learn.angular import PowerSpectrum
from nnp.learn.radial import Radial

CHANNELS = (Radial(eta=0.4), Radial(eta=1.0, shift=1.5))
FUNCTIONS = symmetry_functions.SymmetryFunctions(
    elements=("O", "Ti"), cutoff=4.0, radial=CHANNELS, angular=PowerSpectrum(channels=CHANNELS, l_max=2)
)


class Slow(descriptor.Plain, symmetry_functions.SymmetryFunctions):
    """The same functions with the committee methods of `Plain`."""


@pytest.fixture
def neighbourhood() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    vectors = torch.randn((5, 3, 8), generator=generator, dtype=torch.float64) * 1.6
    kinds = torch.randint(0, 2, (5, 8), generator=generator)
    return vectors, kinds, torch.randint(0, 2, (5,), generator=generator)


def test_plain_committee_methods_equal_the_fast_ones(neighbourhood: tuple[torch.Tensor, ...]) -> None:
    slow = Slow(**{name: getattr(FUNCTIONS, name) for name in ("elements", "cutoff", "radial", "angular")})
    generator = torch.Generator().manual_seed(4)
    seeds = torch.randn((5, 3, FUNCTIONS.size), generator=generator, dtype=torch.float64)
    moves = torch.randn((5, 3, 3, 8), generator=generator, dtype=torch.float64)
    kept, fast = slow.keep(*neighbourhood), FUNCTIONS.keep(*neighbourhood)
    torch.testing.assert_close(slow.committee_adjoint(kept, seeds), FUNCTIONS.committee_adjoint(fast, seeds))
    torch.testing.assert_close(slow.committee_jvp(kept, moves), FUNCTIONS.committee_jvp(fast, moves))


def test_definitions_are_found_by_their_kind() -> None:
    assert descriptor.from_dict(FUNCTIONS.to_dict()) == FUNCTIONS
    untagged = {name: value for name, value in FUNCTIONS.to_dict().items() if name != "kind"}
    assert descriptor.from_dict(untagged) == FUNCTIONS
    with pytest.raises(ValueError, match="unknown kind of symmetry functions 'wavelets'; known:"):
        descriptor.from_dict({"kind": "wavelets"})
