"""Splits of a data set: training, validation, test and excluded frames; frames of one trajectory never straddle."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnp.core import errors
from nnp.core.label import Frame
from nnp.core.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Split:
    """Indices of the frames of a data set by their use, each in ascending order.

    Attributes:
        train: labelled frames that the networks are fitted to.
        validation: labelled frames for early stopping and calibration.
        test: labelled frames that training never looks at.
        excluded: frames of groups that the recipe leaves out.
        unlabelled: frames without a label; replicas learn atomic energies on them.
    """

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    excluded: tuple[int, ...]
    unlabelled: tuple[int, ...]

    def names(self, count: int) -> list[str]:
        """The name of the split of each of `count` frames."""
        names = ["unlabelled"] * count
        for name in ("train", "validation", "test", "excluded"):
            for index in getattr(self, name):
                names[index] = name
        return names


def split(frames: Sequence[Frame], recipe: Recipe) -> Split:
    """Divide the frames as the recipe says, the same way at every call.

    The test set is that of the frames (`split == "test"`) unless the recipe has a `test_fraction`; the validation set
    likewise, else `validation_fraction` of what remains. Random parts are drawn group by group, in whole trajectories.

    Raises:
        InputError: nothing remains to train or validate on.
    """
    random = np.random.default_rng([recipe.seed, 1])
    excluded = [i for i, frame in enumerate(frames) if frame.group in recipe.exclude_groups]
    rest = sorted(set(range(len(frames))) - set(excluded))
    unlabelled = [i for i in rest if frames[i].label is None]
    pool = [i for i in rest if frames[i].label is not None]
    if recipe.test_fraction is None:
        test = [i for i in pool if frames[i].split == "test"]
    else:
        test = _draw(frames, pool, recipe.test_fraction, random)
    pool = sorted(set(pool) - set(test))
    validation = [i for i in pool if frames[i].split == "validation"]
    if not validation:
        validation = _draw(frames, pool, recipe.validation_fraction, random)
    train = sorted(set(pool) - set(validation))
    if not train or not validation:
        raise errors.InputError(
            f"{len(train)} structures remain for training and {len(validation)} for validation, of {len(frames)}; "
            "each needs at least one labelled structure outside of the test set and the excluded groups"
        )
    return Split(
        train=tuple(train),
        validation=tuple(validation),
        test=tuple(test),
        excluded=tuple(excluded),
        unlabelled=tuple(unlabelled),
    )


def _draw(frames: Sequence[Frame], pool: Sequence[int], fraction: float, random: np.random.Generator) -> list[int]:
    """Draw whole trajectories, group by group, until each group has given its share.

    Groups carry remainders over; at least one trajectory is drawn where there are two.
    """
    groups: dict[str, dict[tuple[str, object], list[int]]] = {}
    for i in pool:
        trajectory = frames[i].trajectory
        unit: tuple[str, object] = ("alone", i) if trajectory is None else ("trajectory", trajectory)
        groups.setdefault(frames[i].group or "", {}).setdefault(unit, []).append(i)
    taken: set[tuple[str, object]] = set()
    owed = 0.0
    for name in sorted(groups):
        units = groups[name]
        owed += fraction * sum(len(members) for members in units.values())
        order = sorted(units, key=str)
        random.shuffle(order)
        for key in order:
            if key in taken or owed < 0.5 * len(units[key]):
                continue
            taken.add(key)
            owed -= len(units[key])
    every = {key: members for units in groups.values() for key, members in units.items()}
    if not taken and len(every) > 1:
        taken.add(min(every, key=lambda key: (len(every[key]), str(key))))
    drawn = [i for i in pool if ("alone", i) in taken or ("trajectory", frames[i].trajectory) in taken]
    return drawn if len(drawn) < len(pool) else drawn[:-1]
