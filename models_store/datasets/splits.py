"""Splits by trajectory: deterministic, stored with the version, never through a trajectory."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from models_store import errors
from models_store.tables import Split


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a split depends on.

    Attributes:
        structure_id: of the frame; a frame without a trajectory stands for itself.
        group: the group whose errors it will be counted in.
        trajectory: frames that share it stay together, whatever their groups.
        split: what the file says, if it does.
    """

    structure_id: str
    group: str | None
    trajectory: str | None
    split: str | None

    @property
    def unit(self) -> str:
        """What is moved as a whole."""
        return f"t:{self.trajectory}" if self.trajectory is not None else f"s:{self.structure_id}"


def assign(
    places: Sequence[Place], *, test_fraction: float, seed: int, kept: Mapping[str, Split] = MappingProxyType({})
) -> list[Split]:
    """The split of each frame.

    Where the file states any split, the frames without one are for training. Otherwise every group gives about
    `test_fraction` of its frames to the test split, in whole trajectories, and at least one where it has two;
    units in `kept` keep their splits and count, and among the others is chosen.
    The choice depends on names and contents, not on the order of the frames.

    Raises:
        InvalidSplit: the file puts one trajectory into two splits, states an unknown split, or the fraction is not one.
    """
    if not 0 <= test_fraction < 1:
        raise errors.InvalidSplit(f"a test fraction of {test_fraction} leaves nothing to train on, or is no fraction")
    if any(place.split is not None for place in places):
        return _stated(places)
    assigned = dict(kept)
    if test_fraction > 0:
        assigned |= dict.fromkeys(_choose(places, test_fraction, seed, kept), Split.TEST)
    return [assigned.get(place.unit, Split.TRAIN) for place in places]


def _stated(places: Sequence[Place]) -> list[Split]:
    splits = [Split.TRAIN if place.split is None else _word(place.split) for place in places]
    by_trajectory: dict[str, set[Split]] = defaultdict(set)
    for place, split in zip(places, splits, strict=True):
        if place.trajectory is not None:
            by_trajectory[place.trajectory].add(split)
    straddling = sorted(name for name, found in by_trajectory.items() if len(found) > 1)
    if straddling:
        raise errors.InvalidSplit(
            f"{len(straddling)} trajectories are in more than one split: {', '.join(straddling[:5])}",
            advice="frames of one trajectory resemble each other; put each trajectory into one split",
        )
    return splits


def _word(text: str) -> Split:
    try:
        return Split(text.lower())
    except ValueError:
        raise errors.InvalidSplit(f"{text!r} is no split", advice=f"use {', '.join(Split)}") from None


def _choose(places: Iterable[Place], test_fraction: float, seed: int, kept: Mapping[str, Split]) -> set[str]:
    """The units outside `kept` that are for testing."""
    sizes: dict[str | None, Counter[str]] = defaultdict(Counter)
    for place in places:
        sizes[place.group][place.unit] += 1
    tested: set[str] = set()
    # Groups with few trajectories choose first: a trajectory that crosses groups then serves the one that needs it.
    for group in sorted(sizes, key=lambda name: (len(sizes[name]), name or "")):
        units = sizes[group]
        order = sorted(units.keys() - tested - kept.keys(), key=lambda unit: _draw(seed, group, unit))
        if len(units) < 2 or not order:
            continue
        taken = sum(size for unit, size in units.items() if unit in tested or kept.get(unit) == Split.TEST)
        # At most half of what is new, however little was tested before: new frames are there to be learnt from.
        new = sum(units[unit] for unit in order)
        target = min(test_fraction * units.total(), taken + max(test_fraction, 0.5) * new)
        trained = any(unit in kept and kept[unit] != Split.TEST for unit in units)
        for unit in order if trained else order[:-1]:
            # Closer to the target with it than without it.
            if taken + units[unit] / 2 <= target:
                tested.add(unit)
                taken += units[unit]
        if not taken:
            tested.add(min(order, key=lambda unit: units[unit]))
    return tested


def _draw(seed: int, group: str | None, unit: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{group or ''}\n{unit}".encode()).digest()
