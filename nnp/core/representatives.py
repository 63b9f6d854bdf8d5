"""A few structures that stand for a data set where checking all of them would take too long."""

from collections.abc import Sequence

import numpy as np

from nnp.core.label import Frame
from nnp.core.structure import Structure


def representatives(frames: Sequence[Frame], *, count: int = 3, most_atoms: int = 100) -> list[Structure]:
    """Structures with large forces that together have every element of the frames.

    Large forces, because a nearly symmetric structure has small ones that are differences of large contributions: in
    float32 their relative error says nothing about the potential.

    Args:
        frames: what to choose from.
        count: how many, at least; more where the elements need more.
        most_atoms: larger structures are taken only for an element that no smaller one has.

    Returns:
        The structures, those of the largest root mean square force first; fewer than `count` if there are fewer.
    """
    ranked = sorted(frames, key=lambda frame: (len(frame.structure) > most_atoms, -_rms_force(frame)))
    missing = {int(number) for frame in frames for number in frame.structure.numbers}
    chosen: list[Frame] = []
    while missing:
        best = next(frame for frame in ranked if missing & set(map(int, frame.structure.numbers)))
        chosen.append(best)
        missing -= set(map(int, best.structure.numbers))
    others = (frame for frame in ranked if not any(frame is taken for taken in chosen))
    small = [frame for frame in others if len(frame.structure) <= most_atoms]
    chosen += small[: max(0, count - len(chosen))]
    return [frame.structure for frame in chosen]


def _rms_force(frame: Frame) -> float:
    forces = None if frame.label is None else frame.label.forces
    return 0.0 if forces is None else float(np.sqrt(np.mean(forces**2)))
