"""Large data sets a portion at a time, and representative parts of them: memory must not grow with the data."""

from collections.abc import Iterator, Sequence

import numpy as np

from nnp.core.label import Frame

PORTION_ATOMS = 20_000
"""Atoms of a portion: their neighbour table takes about 50 MB."""


def portions(frames: Sequence[Frame], atoms: int = PORTION_ATOMS) -> Iterator[Sequence[Frame]]:
    """The frames in order, in parts of at most about `atoms` atoms and at least one frame."""
    start, count = 0, 0
    for number, frame in enumerate(frames):
        if count and count + len(frame.structure) > atoms:
            yield frames[start:number]
            start, count = number, 0
        count += len(frame.structure)
    if start < len(frames):
        yield frames[start:]


def some(frames: Sequence[Frame], atoms: int) -> Sequence[Frame]:
    """All frames if they have at most `atoms` atoms; else as many as have, evenly taken, and one with each element."""
    total = sum(len(frame.structure) for frame in frames)
    if total <= atoms:
        return frames
    count = max(1, len(frames) * atoms // total)
    chosen = set(np.linspace(0, len(frames) - 1, count).round().astype(int).tolist())
    present = {symbol for index in chosen for symbol in frames[index].structure.elements}
    for index, frame in enumerate(frames):
        if not present.issuperset(frame.structure.elements):
            chosen.add(index)
            present.update(frame.structure.elements)
    return [frames[index] for index in sorted(chosen)]
