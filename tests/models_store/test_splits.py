from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_store import errors, tables
from models_store.datasets import splits


def place(index: int, group: str | None = "a", trajectory: str | None = None, split: str | None = None) -> splits.Place:
    return splits.Place(structure_id=f"{index:064d}", group=group, trajectory=trajectory, split=split)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 6)), min_size=1, max_size=60),
    st.floats(0.01, 0.6),
    st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_trajectories_stay_whole_and_every_group_is_tested(
    rows: list[tuple[str, int]], fraction: float, seed: int
) -> None:
    places = [place(index, group, f"{group}{number}") for index, (group, number) in enumerate(rows)]
    found = splits.assign(places, test_fraction=fraction, seed=seed)
    by_trajectory = {(given.trajectory, split) for given, split in zip(places, found, strict=True)}
    assert len(by_trajectory) == len({given.trajectory for given in places})
    for group in {group for group, _ in rows}:
        trajectories = {given.trajectory for given in places if given.group == group}
        inside = {split for given, split in zip(places, found, strict=True) if given.group == group}
        assert inside == ({"train", "test"} if len(trajectories) > 1 else {"train"})


def test_a_trajectory_that_crosses_groups_stays_whole() -> None:
    places = [
        place(index, group, name)
        for index, (group, name) in enumerate([("a", "x"), ("b", "x"), ("a", "y"), ("b", "y")] * 3)
    ]
    found = splits.assign(places, test_fraction=0.1, seed=0)
    assert Counter(found) == {"train": 6, "test": 6}
    assert len({(given.trajectory, split) for given, split in zip(places, found, strict=True)}) == 2


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_the_fraction_is_met_in_every_group(fraction: float) -> None:
    places = [place(index, "a" if index % 3 else "b") for index in range(300)]
    found = splits.assign(places, test_fraction=fraction, seed=1)
    tested = Counter(given.group for given, split in zip(places, found, strict=True) if split == "test")
    assert tested == {"a": pytest.approx(200 * fraction, abs=1), "b": pytest.approx(100 * fraction, abs=1)}


def test_few_of_the_new_frames_make_up_for_missing_tests() -> None:
    places = [place(index) for index in range(110)]
    kept = {given.unit: tables.Split.TRAIN for given in places[:100]}
    found = splits.assign(places, test_fraction=0.1, seed=0, kept=kept)
    assert set(found[:100]) == {"train"}
    assert Counter(found[100:]) == {"test": 5, "train": 5}


def test_frames_that_come_one_by_one_are_tested_too() -> None:
    kept: dict[str, tables.Split] = {}
    for count in range(1, 101):
        places = [place(index) for index in range(count)]
        found = splits.assign(places, test_fraction=0.1, seed=0, kept=kept)
        kept = {given.unit: split for given, split in zip(places, found, strict=True)}
    assert Counter(kept.values()) == {"train": 90, "test": 10}


def test_the_order_of_the_frames_does_not_matter() -> None:
    places = [place(index) for index in range(50)]
    forward = splits.assign(places, test_fraction=0.2, seed=3)
    backward = splits.assign(places[::-1], test_fraction=0.2, seed=3)
    assert forward == backward[::-1]
    assert forward != splits.assign(places, test_fraction=0.2, seed=4)


def test_no_fraction_means_no_test_split() -> None:
    assert set(splits.assign([place(index) for index in range(9)], test_fraction=0.0, seed=0)) == {"train"}


def test_stated_splits_are_kept() -> None:
    places = [place(0, split="test"), place(1, split="Validation"), place(2), place(3, split="train")]
    assert splits.assign(places, test_fraction=0.5, seed=0) == ["test", "validation", "train", "train"]


def test_a_trajectory_in_two_splits_is_refused() -> None:
    places = [place(0, trajectory="melt", split="test"), place(1, trajectory="melt", split="train")]
    with pytest.raises(errors.InvalidSplit, match="melt"):
        splits.assign(places, test_fraction=0.5, seed=0)


def test_an_unknown_split_is_named() -> None:
    with pytest.raises(errors.InvalidSplit, match="'holdout' is no split") as raised:
        splits.assign([place(0, split="holdout")], test_fraction=0.5, seed=0)
    assert raised.value.advice == "use train, validation, test"


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 2.0, float("nan")])
def test_impossible_fractions_are_refused(fraction: float) -> None:
    with pytest.raises(errors.InvalidSplit):
        splits.assign([place(0)], test_fraction=fraction, seed=0)
