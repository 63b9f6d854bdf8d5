"""Structures for the physics contract of a potential that comes without any: a cluster and a small periodic cell."""

import itertools
from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from ase.data import atomic_numbers, covalent_radii

from nnp.core import neighbours
from nnp.core.structure import Structure

LEAST_ATOMS = 6
SPACINGS = (0.9, 1.1, 1.35, 1.7)
"""Distance of two atoms over the sum of their covalent radii, at least; the volume grows with it."""
ROOM = 5.0
"""Volume for an atom over the cube of its covalent diameter times the spacing."""
ATTEMPTS = 200
"""Seeds that are tried for each spacing."""
CANDIDATES = 4
"""Structures to choose from for each spacing."""


def structures(
    elements: Sequence[str],
    score: Callable[[Structure], float] | None = None,
    *,
    radii: Collection[float] = (),
    margin: float = 0.0,
) -> list[Structure]:
    """A cluster and a periodic cell with every element, always the same ones.

    Args:
        elements: chemical symbols.
        score: how strange a structure is to the potential; the least strange ones are taken. None takes the first.
        radii: distances, Å, that no pair of atoms may come near to.
        margin: how near, Å.

    Returns:
        Those that were found: a cell of many neighbours may always have some pair near one of the ``radii``.
    """

    def clear(structure: Structure) -> bool:
        return _clear(structure, radii, margin)

    found = []
    for periodic in (False, True):
        every = itertools.chain.from_iterable(
            itertools.islice(filter(clear, _random(elements, spacing, periodic=periodic)), CANDIDATES)
            for spacing in SPACINGS
        )
        best = next(every, None) if score is None else min(every, key=score, default=None)
        found += [] if best is None else [best]
    return found


def _random(elements: Sequence[str], spacing: float, *, periodic: bool) -> Iterator[Structure]:
    repeats = -(-LEAST_ATOMS // len(elements))
    symbols = [*elements] * repeats
    sizes = spacing * np.array([covalent_radii[atomic_numbers[symbol]] for symbol in symbols])
    length = float((ROOM * ((2.0 * sizes) ** 3).sum()) ** (1.0 / 3.0))
    cell = length * np.array([[1.0, 0.0, 0.0], [0.1, 1.0, 0.0], [-0.05, 0.15, 1.0]])
    for seed in range(ATTEMPTS):
        random = np.random.default_rng(seed)
        places = _places(sizes, cell, random, periodic=periodic)
        if places is not None:
            yield Structure.from_symbols(symbols, places @ cell, cell if periodic else np.zeros((3, 3)), periodic)


def _places(
    sizes: npt.NDArray[np.float64], cell: npt.NDArray[np.float64], random: np.random.Generator, *, periodic: bool
) -> npt.NDArray[np.float64] | None:
    """Fractional coordinates (N, 3) of atoms that keep their distance, placed one after the other; None if stuck."""
    images = np.array(list(itertools.product((-1, 0, 1), repeat=3))) if periodic else np.zeros((1, 3))
    placed = np.zeros((0, 3))
    for number, size in enumerate(sizes):
        for _ in range(200):
            trial = random.uniform(size=3)
            vectors = (placed[:, None] + images - trial) @ cell
            distances = np.linalg.norm(vectors, axis=2)
            if (distances > sizes[:number, None] + size).all():
                break
        else:
            return None
        placed = np.concatenate([placed, trial[None]])
    return placed


def _clear(structure: Structure, radii: Collection[float], margin: float) -> bool:
    """Whether no pair is near one of the distances; pairs are counted a little beyond them."""
    if not radii:
        return True
    table = neighbours.neighbour_table([structure], max(radii) + 2.0 * margin)
    lengths = np.linalg.norm(table.vectors, axis=1)[table.valid]
    return all(bool((np.abs(lengths - radius) > margin).all()) for radius in radii)
