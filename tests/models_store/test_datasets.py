from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from models_store import datasets, errors, tables
from nnp.core.label import Frame, Label
from nnp.core.structure import Structure


def fill(session: Session, frames: list[Frame], name: str = "si", **given: Any) -> datasets.Ingested:
    return datasets.ingest(session, datasets.begin(session, name), frames, **given)


def relabelled(frame: Frame, shift: float) -> Frame:
    assert frame.label is not None
    return replace(frame, label=replace(frame.label, energy=frame.label.energy + shift))


def test_frames_come_back_as_they_were(session: Session, make_frames: Callable[..., list[Frame]]) -> None:
    given = make_frames(7, symbols=("O", "Ti", "O"), per_trajectory=3)
    given.append(
        Frame(
            structure=Structure.from_symbols(["H"], [[0.1, 0.2, 0.3]], np.zeros((3, 3)), False),
            label=Label(energy=-13.6, charge=1.0, spin=1.0, electronic_temperature=300.0),
            name="a proton",
        )
    )
    given.append(Frame(structure=Structure.from_symbols(["H"], [[0, 0, 0]], np.diag([0, 4, 0]), [False, True, False])))
    version = fill(session, given).version
    session.commit()
    found = list(datasets.frames(session, version))
    assert len(found) == len(given)
    for before, after in zip(given, found, strict=True):
        for name in ("numbers", "positions", "cell", "pbc"):
            np.testing.assert_array_equal(getattr(after.structure, name), getattr(before.structure, name))
        assert (after.group, after.trajectory, after.name) == (before.group, before.trajectory, before.name)
        assert after.source == before.source
        assert (after.label is None) == (before.label is None)
        if before.label is None or after.label is None:
            continue
        for name in ("energy", "charge", "spin", "electronic_temperature"):
            assert getattr(after.label, name) == getattr(before.label, name)
        for name in ("forces", "stress"):
            np.testing.assert_array_equal(getattr(after.label, name), getattr(before.label, name))


def test_a_version_knows_its_statistics(session: Session, make_frames: Callable[..., list[Frame]]) -> None:
    given = make_frames(10, group="bulk") + make_frames(10, seed=1, group="liquid", labelled=False)
    version = fill(session, [*given, given[0]], test_fraction=0.2).version
    statistics = version.statistics
    assert statistics is not None
    assert version.state == "ready"
    assert version.elements == " Si "
    assert version.frozen_at is not None
    assert version.content_hash is not None
    assert statistics["n_frames"] == statistics["n_structures"] == 20
    assert (statistics["n_labelled"], statistics["n_with_forces"], statistics["n_with_stress"]) == (10, 10, 10)
    assert statistics["n_duplicates_dropped"] == 1
    assert statistics["elements"] == ["Si"]
    assert statistics["methods"] == ["si"]
    assert statistics["groups"] == {"bulk": {"test": 2, "train": 8}, "liquid": {"test": 2, "train": 8}}
    energies = [frame.label.energy / 2 for frame in given[:10] if frame.label]
    assert statistics["energy_per_atom"]["min"] == pytest.approx(min(energies))
    assert statistics["energy_per_atom"]["mean"] == pytest.approx(np.mean(energies))


def test_structures_are_stored_once(session: Session, make_frames: Callable[..., list[Frame]]) -> None:
    frames = make_frames(6)
    fill(session, frames[:4])
    fill(session, frames[2:], name="other", method=datasets.method(session, "si"))
    assert session.scalar(sa.select(sa.func.count()).select_from(tables.Structure)) == 6
    assert session.scalar(sa.select(sa.func.count()).select_from(tables.Label)) == 6


def test_labels_of_two_methods_live_side_by_side(session: Session, make_frames: Callable[..., list[Frame]]) -> None:
    frames = make_frames(3)
    shifted = [relabelled(frame, 1.0) for frame in frames]
    first = fill(session, frames, method=datasets.method(session, "PBE", {"functional": "PBE"})).version
    second = fill(session, shifted, method=datasets.method(session, "SCAN", {"functional": "SCAN"})).version
    assert session.scalar(sa.select(sa.func.count()).select_from(tables.Structure)) == 3
    assert session.scalar(sa.select(sa.func.count()).select_from(tables.Label)) == 6
    assert [method.name for method in datasets.methods(session)] == ["PBE", "SCAN"]
    comparison = datasets.compare(session, first, second)
    assert len(comparison.relabelled) == 3
    assert comparison.unchanged == 0
    assert comparison.relabelled[0].before.startswith("PBE ")


def test_a_method_name_stands_for_one_record(session: Session) -> None:
    method = datasets.method(session, "PBE", {"functional": "PBE", "cutoff": 350})
    assert datasets.method(session, "PBE") is method
    assert datasets.method(session, "PBE", {"cutoff": 350, "functional": "PBE"}) is method
    with pytest.raises(errors.Conflict, match="other settings"):
        datasets.method(session, "PBE", {"functional": "PBE", "cutoff": 500})


def test_contradicting_labels_are_refused_with_their_frames(
    sessions: sessionmaker[Session], make_frames: Callable[..., list[Frame]]
) -> None:
    frames = make_frames(3)
    with sessions.begin() as session:
        fill(session, frames)
    forces = replace(frames[1], label=replace(frames[1].label, forces=np.zeros((2, 3))))  # type: ignore[type-var]
    wrong = [frames[0], forces, relabelled(frames[2], 0.5)]

    def refused() -> None:
        with sessions.begin() as session:
            fill(session, wrong)

    with pytest.raises(errors.LabelConflict, match="2 frames contradict") as raised:
        refused()
    assert [entry["frame"] for entry in raised.value.rejections] == [1, 2]
    assert "other forces" in raised.value.rejections[0]["reason"]
    assert "energy" in raised.value.rejections[1]["reason"]
    with sessions.begin() as session:
        version = fill(session, wrong, on_conflict="skip").version
        assert [entry["frame"] for entry in version.rejections] == [1, 2]
        assert datasets.count(session, version) == 1


def test_fewer_digits_are_no_contradiction(session: Session, make_frames: Callable[..., list[Frame]]) -> None:
    frames = make_frames(3)
    first = fill(session, frames)
    again = fill(session, [relabelled(frame, 4e-7) for frame in frames])
    assert again.duplicate
    assert again.version.id == first.version.id


def test_an_energy_and_energy_with_forces_are_different_labels(
    session: Session, make_frames: Callable[..., list[Frame]]
) -> None:
    [frame] = make_frames(1)
    assert frame.label is not None
    fill(session, [replace(frame, label=Label(energy=frame.label.energy))])
    version = fill(session, [frame]).version
    assert version.number == 2
    [found] = datasets.frames(session, version)
    assert found.label is not None
    assert found.label.forces is not None


def test_the_electronic_state_tells_labels_apart(session: Session, make_frames: Callable[..., list[Frame]]) -> None:
    [frame] = make_frames(1)
    states: list[dict[str, Any]] = [{}, {"charge": 1.0}, {"spin": 0.0}, {"spin": 2.0}, {"electronic_temperature": 0.0}]
    version = fill(session, [replace(frame, label=replace(frame.label, **state)) for state in states]).version  # type: ignore[type-var]
    assert datasets.count(session, version) == 5
    assert session.scalar(sa.select(sa.func.count()).select_from(tables.Structure)) == 1


def test_a_duplicate_upload_is_the_same_version(
    sessions: sessionmaker[Session], make_frames: Callable[..., list[Frame]]
) -> None:
    frames = make_frames(9)
    with sessions.begin() as session:
        first = fill(session, frames)
    with sessions.begin() as session:
        again = fill(session, list(reversed(frames)))
        assert (again.duplicate, again.version.id) == (True, first.version.id)
    with sessions.begin() as session:
        assert [version.reference for version in datasets.versions(session, "si")] == ["si:1"]
        assert fill(session, frames, seed=5).duplicate
        other = fill(session, frames[1:])
        assert (other.duplicate, other.version.reference) == (False, "si:4")


def splits_of(session: Session, version: tables.DatasetVersion) -> dict[str, str]:
    """By structure."""
    return {member.structure_id: member.split for member in datasets.members(session, version, limit=1000)}


@pytest.mark.parametrize("per_trajectory", [0, 3])
def test_what_is_known_keeps_its_split(
    session: Session, make_frames: Callable[..., list[Frame]], per_trajectory: int
) -> None:
    frames = make_frames(90, per_trajectory=per_trajectory)
    first = fill(session, frames[:45], test_fraction=0.2).version
    for seed in range(5):
        grown = fill(session, [*frames[:45], *frames[45 : 60 + 3 * seed]], test_fraction=0.2, seed=seed).version
        before, after = splits_of(session, first), splits_of(session, grown)
        assert before.items() <= after.items()
        assert sum(split == "test" for split in after.values()) == pytest.approx(0.2 * len(after), abs=3)
    # The other way: less data, another seed, and still nothing that was learnt from is tested.
    assert splits_of(session, fill(session, frames[10:40], seed=9).version).items() <= before.items()
    elsewhere = splits_of(session, fill(session, frames[:45], "other", test_fraction=0.2, seed=9).version)
    assert elsewhere.keys() == before.keys()
    assert elsewhere != before


def test_a_structure_that_joins_a_trajectory_takes_it_along(
    session: Session, make_frames: Callable[..., list[Frame]]
) -> None:
    frames = make_frames(3)
    fill(session, [replace(frames[0], split="test"), replace(frames[1], split="train")])
    joined = [replace(frame, trajectory="melt") for frame in frames]
    first, second = fill(session, [joined[0], joined[2]]).version, fill(session, joined).version
    assert set(splits_of(session, first).values()) == {"test"}
    # The newest version that knows any of it decides, and of two minds it is for training.
    assert set(splits_of(session, second).values()) == {"test"}
    datasets.withdraw(session, first, reason="x")
    datasets.withdraw(session, second, reason="x")
    third = fill(session, [*joined, *make_frames(1, seed=2)]).version
    assert {member.split for member in datasets.members(session, third) if member.trajectory} == {"train"}


def test_racing_duplicates_are_one_version(
    sessions: sessionmaker[Session],
    make_frames: Callable[..., list[Frame]],
    together: Callable[..., list[Any]],
) -> None:
    frames = make_frames(20)

    def upload() -> int:
        with sessions.begin() as session:
            reference = datasets.begin(session, "si").reference
        with sessions.begin() as session:
            return datasets.ingest(session, datasets.version(session, reference), frames).version.id

    answers = together(upload, upload, upload)
    assert len(set(answers)) == 1, answers
    with sessions() as session:
        assert len(datasets.versions(session, "si")) == 1


def test_racing_versions_get_different_numbers(
    sessions: sessionmaker[Session], together: Callable[..., list[Any]]
) -> None:
    def begin() -> int:
        with sessions.begin() as session:
            return datasets.begin(session, "si").number

    assert sorted(together(*[begin] * 6)) == [1, 2, 3, 4, 5, 6]


def test_nothing_of_a_failed_ingest_stays(
    sessions: sessionmaker[Session], make_frames: Callable[..., list[Frame]]
) -> None:
    with sessions.begin() as session:
        begun = datasets.begin(session, "si")

    def broken() -> Any:
        yield from make_frames(1500)
        raise errors.StoreError("frame 1500 is broken")

    def ingest() -> None:
        with sessions.begin() as session:
            datasets.ingest(session, datasets.version(session, "si:1"), broken())

    with pytest.raises(errors.StoreError, match="1500"):
        ingest()
    with sessions.begin() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(tables.Structure)) == 0
        version = datasets.version(session, "si:1")
        rejection = {"file": "a.xyz", "frame": 1500, "line": 9, "reason": "NaN"}
        datasets.reject(session, version, rejections=[rejection], reason="1 frame cannot be read")
    with sessions.begin() as session:
        version = datasets.version(session, "si:1")
        assert version.id == begun.id
        assert (version.state, version.rejections) == ("rejected", [rejection])
        with pytest.raises(errors.Immutable):
            datasets.ingest(session, version, make_frames(1))
        with pytest.raises(errors.Immutable):
            datasets.reject(session, version, reason="again")


def test_an_empty_upload_is_refused(session: Session) -> None:
    with pytest.raises(errors.EmptyVersion):
        fill(session, [])


def test_frames_are_left_out_in_a_new_version(session: Session, make_frames: Callable[..., list[Frame]]) -> None:
    parent = fill(session, make_frames(6) + make_frames(4, seed=1, group="liquid")).version
    splits = {member.structure_id: member.split for member in datasets.members(session, parent)}
    child = datasets.exclude(session, parent, positions=[0, 2], groups=["liquid"], note="bad").version
    assert (child.reference, child.parent_id, child.note, child.state) == ("si:2", parent.id, "bad", "ready")
    members = datasets.members(session, child)
    assert [member.position for member in members] == [0, 1, 2, 3]
    assert all(splits[member.structure_id] == member.split for member in members)
    comparison = datasets.compare(session, parent, child)
    assert (len(comparison.removed), comparison.added, comparison.unchanged) == (6, (), 4)
    assert (comparison.relabelled, comparison.resplit, comparison.regrouped) == ((), (), ())
    again = datasets.exclude(session, parent, positions=[2, 0], groups=["liquid"])
    assert (again.duplicate, again.version.id) == (True, child.id)


def test_frames_without_a_group_are_one_too(session: Session, make_frames: Callable[..., list[Frame]]) -> None:
    parent = fill(session, make_frames(2) + make_frames(3, seed=1, group=None)).version
    assert datasets.count(session, parent, datasets.Filter(groups=[""])) == 3
    assert datasets.count(session, parent, datasets.Filter(groups=["", "bulk"])) == 5
    child = datasets.exclude(session, parent, groups=[""]).version
    assert datasets.count(session, child) == 2


def test_what_cannot_be_left_out_is_named(session: Session, make_frames: Callable[..., list[Frame]]) -> None:
    parent = fill(session, make_frames(3)).version
    with pytest.raises(errors.Invalid, match="position 7"):
        datasets.exclude(session, parent, positions=[7])
    with pytest.raises(errors.Invalid, match="group gas"):
        datasets.exclude(session, parent, groups=["gas"])
    with pytest.raises(errors.Invalid, match="structure x"):
        datasets.exclude(session, parent, structure_ids=["x"])
    with pytest.raises(errors.Invalid, match="nothing"):
        datasets.exclude(session, parent)
    with pytest.raises(errors.EmptyVersion):
        datasets.exclude(session, parent, groups=["bulk"])


def test_versions_are_compared_by_split_and_group(session: Session, make_frames: Callable[..., list[Frame]]) -> None:
    frames = [replace(frame, split="train") for frame in make_frames(4)]
    changed = [
        replace(frames[0], split="test"),
        replace(frames[1], group="surface"),
        *frames[2:],
        *make_frames(1, seed=3),
    ]
    before, after = fill(session, frames).version, fill(session, changed).version
    comparison = datasets.compare(session, before, after)
    assert [(found.before, found.after) for found in comparison.resplit] == [("train", "test")]
    assert [(found.before, found.after) for found in comparison.regrouped] == [("bulk", "surface")]
    assert (len(comparison.added), comparison.removed, comparison.unchanged) == (1, (), 2)


FILTERS: list[tuple[datasets.Filter, list[int]]] = [
    (datasets.Filter(), [0, 1, 2, 3, 4, 5]),
    (datasets.Filter(elements=["O"]), [2, 3]),
    (datasets.Filter(elements=["O", "Si"]), [3]),
    (datasets.Filter(only_elements=["Si"]), [0, 1, 5]),
    (datasets.Filter(only_elements=["Si", "O"]), [0, 1, 2, 3, 5]),
    (datasets.Filter(formula="O2"), [2]),
    (datasets.Filter(formula="O'; --"), []),
    (datasets.Filter(groups=["b", "c"]), [2, 3, 4, 5]),
    (datasets.Filter(splits=["test"]), [1, 5]),
    (datasets.Filter(trajectory="t"), [4]),
    (datasets.Filter(energy_per_atom_min=-2.0), [2, 3, 4]),
    (datasets.Filter(energy_per_atom_min=-4.0, energy_per_atom_max=-2.5), [0, 1]),
    (datasets.Filter(max_force_max=2.5), [0, 1]),
    (datasets.Filter(max_force_min=4.5), [4]),
    (datasets.Filter(n_atoms_min=3), [4]),
    (datasets.Filter(n_atoms_max=1), [5]),
    (datasets.Filter(labelled=False), [5]),
    (datasets.Filter(labelled=True, groups=["c"]), [4]),
]


def test_members_are_filtered(session: Session) -> None:
    rows: list[tuple[list[str], str, str, str | None]] = [
        (["Si", "Si"], "a", "train", None),
        (["Si", "Si"], "a", "test", None),
        (["O", "O"], "b", "train", None),
        (["O", "Si"], "b", "train", None),
        (["S", "S", "S"], "c", "validation", "t"),
        (["Si"], "c", "test", None),
    ]
    frames = []
    for index, (symbols, group, split, trajectory) in enumerate(rows):
        count = len(symbols)
        structure = Structure.from_symbols(
            symbols, np.arange(3 * count).reshape(count, 3) + index, np.eye(3) * 20, True
        )
        forces = np.full((count, 3), (index + 1) / np.sqrt(3))
        label = Label(energy=count * (index - 4.0), forces=forces) if index < 5 else None
        frames.append(Frame(structure=structure, label=label, group=group, split=split, trajectory=trajectory))
    version = fill(session, frames).version
    for wanted, expected in FILTERS:
        assert [member.position for member in datasets.members(session, version, wanted)] == expected, wanted
        assert datasets.count(session, version, wanted) == len(expected)
        found = [frame.structure.formula for frame in datasets.frames(session, version, wanted)]
        assert found == [frames[index].structure.formula for index in expected]


def test_members_are_paged(session: Session, make_frames: Callable[..., list[Frame]]) -> None:
    version = fill(session, make_frames(5)).version
    assert [member.position for member in datasets.members(session, version, after=1, limit=2)] == [2, 3]


def test_datasets_are_found(session: Session, make_frames: Callable[..., list[Frame]]) -> None:
    fill(session, make_frames(2), name="si-pbe")
    fill(session, make_frames(2, symbols=("O", "Ti")), name="tio2")
    datasets.create(session, "empty", description="silicon to come")

    def found(**given: Any) -> list[str]:
        return [dataset.name for dataset in datasets.search(session, **given)]

    assert found() == ["empty", "si-pbe", "tio2"]
    assert found(elements=["Ti"]) == ["tio2"]
    assert found(elements=["Ti", "Si"]) == []
    assert found(text="SI") == ["empty", "si-pbe"]
    assert found(limit=1, offset=1) == ["si-pbe"]
    with pytest.raises(errors.Conflict):
        datasets.create(session, "empty")


def test_versions_are_found_by_reference(session: Session, make_frames: Callable[..., list[Frame]]) -> None:
    first = fill(session, make_frames(2)).version
    second = fill(session, make_frames(3)).version
    datasets.begin(session, "si")
    assert datasets.version(session, "si:1").id == first.id
    assert datasets.version(session, "si").id == second.id
    with pytest.raises(errors.NotFound) as raised:
        datasets.version(session, "si:9")
    assert raised.value.available == ("si:3", "si:2", "si:1")
    with pytest.raises(errors.NotFound) as raised:
        datasets.version(session, "sii:1")
    assert raised.value.close == ("si",)
    for wrong in ("si:", "si:x", ":1", "si@1", ""):
        with pytest.raises(errors.InvalidReference):
            datasets.version(session, wrong)


def test_withdrawal_keeps_the_version(session: Session, make_frames: Callable[..., list[Frame]]) -> None:
    version = fill(session, make_frames(2)).version
    begun = datasets.begin(session, "si")
    datasets.withdraw(session, version, reason="wrong k-points")
    assert (version.state, version.reason) == ("withdrawn", "wrong k-points")
    assert datasets.count(session, version) == 2
    with pytest.raises(errors.Conflict, match="ingesting"):
        datasets.withdraw(session, begun, reason="x")


def test_reading_and_writing_take_few_statements(
    statements: list[str], sessions: sessionmaker[Session], make_frames: Callable[..., list[Frame]]
) -> None:
    with sessions.begin() as session:
        version = fill(session, make_frames(300)).version
    written = len(statements)
    with sessions() as session:
        assert len(list(datasets.frames(session, version))) == 300
        assert len(datasets.members(session, version, limit=300)) == 300
    assert written < 30
    assert len(statements) - written < 10


def test_unreferred_versions_are_deleted_with_their_members(
    sessions: sessionmaker[Session], make_frames: Callable[..., list[Frame]]
) -> None:
    with sessions.begin() as session:
        version = datasets.begin(session, "si")
        datasets.ingest(session, version, make_frames(4))
        datasets.delete(session, version, actor="anna")
    with sessions() as session:
        assert session.scalars(sa.select(tables.DatasetMember)).all() == []
        assert session.scalars(sa.select(tables.DatasetVersion)).all() == []
        assert len(session.scalars(sa.select(tables.Structure)).all()) == 4
