"""Splits: disjoint, the same at every call, whole trajectories, and the stored ones are kept."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnp.core import errors, recipe
from nnp.learn import splits
from tests.learn import toy_data


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 50), trajectories=st.lists(st.sampled_from(["a", "b", "c", None]), min_size=24, max_size=24))
def test_parts_are_disjoint_and_trajectories_stay_together(seed: int, trajectories: list[str | None]) -> None:
    frames = [replace(f, trajectory=t) for f, t in zip(toy_data.frames(), trajectories, strict=True)]
    wanted = recipe.Recipe(seed=seed, test_fraction=0.2, validation_fraction=0.2)
    try:
        found = splits.split(frames, wanted)
    except errors.InputError:
        return
    parts = (found.train, found.validation, found.test)
    assert sorted(i for part in parts for i in part) == list(range(24))
    for name in ("a", "b", "c"):
        assert sum(any(frames[i].trajectory == name for i in part) for part in parts) <= 1
    assert splits.split(frames, wanted) == found


def test_every_group_gives_its_share() -> None:
    found = splits.split(toy_data.frames(), recipe.Recipe(test_fraction=0.25, validation_fraction=0.25))
    groups = [toy_data.frames()[i].group for i in found.test]
    assert (groups.count("strained"), groups.count("displaced")) == (3, 3)


def test_stored_splits_groups_and_missing_labels_are_respected() -> None:
    frames = [replace(f, split="test" if i < 3 else None) for i, f in enumerate(toy_data.frames())]
    frames[5] = replace(frames[5], label=None)
    frames[6] = replace(frames[6], split="validation")
    found = splits.split(frames, recipe.Recipe(exclude_groups=("strained",)))
    assert found.test == (0, 2)
    assert found.validation == (6,)
    assert found.unlabelled == ()
    assert set(found.excluded) == {i for i, f in enumerate(frames) if f.group == "strained"}
    assert found.names(24)[:3] == ["test", "excluded", "test"]
    assert splits.split(frames, recipe.Recipe()).unlabelled == (5,)


def test_nothing_left_to_train_on_is_an_error() -> None:
    with pytest.raises(errors.InputError, match="0 structures remain for training"):
        splits.split(toy_data.frames(), recipe.Recipe(exclude_groups=("strained", "displaced")))
