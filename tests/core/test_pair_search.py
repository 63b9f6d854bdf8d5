import subprocess
import sys

import numpy as np
import pytest

from nnp.core import errors, pair_search
from nnp.core.structure import Structure


def spread(extent: tuple[float, float, float], pbc: tuple[bool, bool, bool], atoms: int = 5) -> Structure:
    positions = np.random.default_rng(0).uniform(0.0, 1.0, (atoms, 3)) * extent
    positions[:2] = [[0.0, 0.0, 0.0], extent]
    return Structure(numbers=np.full(atoms, 14), positions=positions, cell=np.diag(np.maximum(extent, 3.0)), pbc=pbc)


@pytest.mark.parametrize("pbc", [(True, True, True), (False, False, False), (True, False, True), (False, False, True)])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("length", [1e4, 1e5, 1e6, 1e7])
def test_long_and_thin_is_listed_or_refused_and_never_fatal(
    pbc: tuple[bool, bool, bool], axis: int, length: float
) -> None:
    for others in (0.0, 2.0, 20.0, length):
        extent = [others] * 3
        extent[axis] = length
        try:
            with pair_search.half_list(spread(tuple(extent), pbc), 5.0) as (pairs, vectors):
                assert pairs.shape == (len(vectors), 2)
        except errors.StructureError as error:
            assert "too far and too thin" in str(error)  # noqa: PT017


def test_what_can_be_listed_is_not_refused() -> None:
    for pbc in (True, False):
        with pair_search.half_list(spread((1e7, 1e7, 1e7), (pbc,) * 3), 5.0) as (pairs, _):
            assert len(pairs) == int(pbc)  # the second atom lies on an image of the first
        with pair_search.half_list(spread((300.0, 300.0, 3.0), (pbc,) * 3), 5.0) as (pairs, _):
            assert len(pairs) >= int(pbc)


def test_a_clump_is_refused() -> None:
    with (
        pytest.raises(errors.StructureError, match="on top of each other"),
        pair_search.half_list(spread((1.0, 1.0, 1.0), (False,) * 3, atoms=500), 5.0),
    ):
        pass


def test_torch_stays_out() -> None:
    code = "import sys, nnp.core.neighbours; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
