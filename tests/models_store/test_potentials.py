from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from models_store import aliases, artifacts, audit, errors, lineage, potentials, tables

SHA256 = "a" * 64


def test_versions_are_numbered_per_name(session: Session, make_version: Callable[..., tables.PotentialVersion]) -> None:
    references = [make_version(session, name).reference for name in ("Si", "Si", "TiO2", "Si")]
    assert references == ["Si:1", "Si:2", "TiO2:1", "Si:3"]
    assert [version.number for version in potentials.versions(session, "Si")] == [3, 2, 1]


def test_a_version_keeps_what_it_was_registered_with(
    session: Session, make_version: Callable[..., tables.PotentialVersion]
) -> None:
    artifacts.register(session, artifacts.Stored(sha256=SHA256, size=3), "application/onnx")
    version = make_version(
        session,
        elements=["Ti", "O"],
        artifacts={"onnx_float32": SHA256},
        metrics={"test": {"force_rmse_ev_per_a": 0.1}},
        card={"limits": "none"},
        gates={"passed": True},
        recipe={"cutoff": 6.0},
        recipe_hash="b" * 64,
        code_version="0.1.0",
        package_versions={"numpy": "2.4"},
    )
    session.commit()
    found = potentials.resolve(session, "Si:1")
    assert found.id == version.id
    assert found.symbols == ("O", "Ti")
    assert found.artifact_hashes == {"onnx_float32": SHA256}
    assert found.artifacts[0].artifact.size == 3
    assert (found.metrics, found.card) == ({"test": {"force_rmse_ev_per_a": 0.1}}, {"limits": "none"})
    assert found.package_versions == {"numpy": "2.4"}


def test_an_artifact_must_be_registered(session: Session, make_version: Callable[..., tables.PotentialVersion]) -> None:
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError):
        make_version(session, artifacts={"onnx_float32": SHA256})


def test_racing_registrations_get_different_numbers(
    sessions: sessionmaker[Session],
    make_version: Callable[..., tables.PotentialVersion],
    together: Callable[..., list[Any]],
) -> None:
    def register() -> int:
        with sessions.begin() as session:
            return make_version(session).number

    assert sorted(together(*[register] * 6)) == [1, 2, 3, 4, 5, 6]  # type: ignore[type-var]


def test_numbers_are_not_given_out_twice(
    session: Session, make_version: Callable[..., tables.PotentialVersion]
) -> None:
    make_version(session)
    second = make_version(session)
    potentials.delete(session, second, actor="anna")
    assert make_version(session).reference == "Si:3"
    assert audit.search(session, action="delete")[0].subject == "potential Si:2"


@pytest.mark.parametrize("name", ["", "Si 3", "-Si", "Si:3", "Si@x", "x" * 65, "Si/1", "Sí"])
def test_other_names_are_refused(
    session: Session, name: str, make_version: Callable[..., tables.PotentialVersion]
) -> None:
    with pytest.raises(errors.InvalidName):
        make_version(session, name)


@pytest.mark.parametrize(
    "reference", ["Si:x", "Si:-1", "Si", "Si@", ":3", "@production", "Si:1:2", "Si@a@b", "", "S i:1"]
)
def test_references_that_name_no_version_are_refused(
    session: Session, reference: str, make_version: Callable[..., tables.PotentialVersion]
) -> None:
    make_version(session)
    with pytest.raises(errors.InvalidReference):
        potentials.resolve(session, reference)


def test_a_bare_name_is_refused_with_the_choices(
    session: Session, make_version: Callable[..., tables.PotentialVersion]
) -> None:
    make_version(session)
    aliases.promote(session, "Si", "production", 1)
    with pytest.raises(errors.InvalidReference) as raised:
        potentials.resolve(session, "Si")
    assert raised.value.advice == "say which: Si@production, Si:1"


def test_unknown_names_list_close_ones(session: Session, make_version: Callable[..., tables.PotentialVersion]) -> None:
    for name in ("silicon", "SiO2", "lithium"):
        make_version(session, name)
    with pytest.raises(errors.NotFound) as raised:
        potentials.resolve(session, "Silicn:1")
    assert raised.value.close == ("silicon",)
    assert raised.value.advice == "did you mean silicon?"
    with pytest.raises(errors.NotFound) as raised:
        potentials.resolve(session, "zzz:1")
    assert raised.value.available == ("SiO2", "lithium", "silicon")
    with pytest.raises(errors.NotFound) as raised:
        potentials.resolve(session, "silicon:7")
    assert raised.value.available == ("silicon:1",)
    aliases.promote(session, "silicon", "production", 1)
    with pytest.raises(errors.NotFound) as raised:
        potentials.resolve(session, "silicon@prodction")
    assert raised.value.close == ("silicon@production",)


def test_potentials_are_found_by_the_elements_they_cover(
    session: Session, make_version: Callable[..., tables.PotentialVersion]
) -> None:
    make_version(session, "Si", elements=["Si"])
    make_version(session, "oxide", elements=["O", "Si", "Ti"])
    make_version(session, "sulfide", elements=["S"])

    def found(*elements: str, text: str = "") -> list[str]:
        return [potential.name for potential in potentials.search(session, elements=elements, text=text)]

    assert found("Si") == ["Si", "oxide"]
    assert found("Si", "O") == ["oxide"]
    assert found("S") == ["sulfide"]
    assert found("I") == []
    assert found(text="IDE") == ["oxide", "sulfide"]
    potentials.withdraw(session, potentials.resolve(session, "Si:1"), reason="wrong")
    assert found("Si") == ["oxide"]


def test_promotion_and_rollback_are_one_call(
    session: Session, make_version: Callable[..., tables.PotentialVersion]
) -> None:
    make_version(session)
    make_version(session)
    aliases.promote(session, "Si", "production", 1, expected=None, actor="anna")
    aliases.promote(session, "Si", "production", 2, expected=1, gates={"passed": True}, reason="better")
    assert potentials.resolve(session, "Si@production").number == 2
    aliases.promote(session, "Si", "production", 1, expected=2, reason="rollback")
    assert potentials.resolve(session, "Si@production").number == 1
    moves = aliases.history(session, "Si", "production")
    assert [
        (move.previous and move.previous.number, move.version and move.version.number, move.reason) for move in moves
    ] == [(2, 1, "rollback"), (1, 2, "better"), (None, 1, "")]
    assert moves[1].gates == {"passed": True}
    assert [alias.version.number for alias in aliases.lookup(session, "Si")] == [1]
    assert [alias.potential.name for alias in aliases.every(session)] == ["Si"]
    assert len(audit.search(session, subject="potential Si@production")) == 3


def test_promoting_what_is_promoted_changes_nothing(
    session: Session, make_version: Callable[..., tables.PotentialVersion]
) -> None:
    make_version(session)
    aliases.promote(session, "Si", "production", 1)
    aliases.promote(session, "Si", "production", 1)
    assert len(aliases.history(session, "Si")) == 1


@pytest.mark.parametrize("expected", [None, 2])
def test_an_alias_that_moved_is_not_moved_again(
    session: Session, expected: int | None, make_version: Callable[..., tables.PotentialVersion]
) -> None:
    make_version(session)
    make_version(session)
    aliases.promote(session, "Si", "production", 1)
    with pytest.raises(errors.Conflict, match=r"Si@production is Si:1, not"):
        aliases.promote(session, "Si", "production", 2, expected=expected)
    assert potentials.resolve(session, "Si@production").number == 1


@pytest.mark.parametrize("first", [None, 1])
def test_of_racing_promotions_one_wins(
    sessions: sessionmaker[Session],
    first: int | None,
    make_version: Callable[..., tables.PotentialVersion],
    together: Callable[..., list[Any]],
) -> None:
    with sessions.begin() as session:
        for _ in range(3):
            make_version(session)
        if first is not None:
            aliases.promote(session, "Si", "production", first)

    def promote(number: int) -> Callable[[], object]:
        def act() -> object:
            with sessions.begin() as session:
                return aliases.promote(session, "Si", "production", number, expected=first).version.number

        return act

    answers = together(promote(2), promote(3))
    won = [answer for answer in answers if isinstance(answer, int)]
    assert len(won) == 1
    assert [type(answer) for answer in answers if not isinstance(answer, int)] == [errors.Conflict]
    with sessions() as session:
        assert potentials.resolve(session, "Si@production").number == won[0]
        assert len(aliases.history(session, "Si")) == 1 + (first is not None)


def test_a_removed_alias_keeps_its_history(
    session: Session, make_version: Callable[..., tables.PotentialVersion]
) -> None:
    make_version(session)
    aliases.promote(session, "Si", "production", 1)
    aliases.remove(session, "Si", "production", reason="end of life")
    with pytest.raises(errors.NotFound):
        potentials.resolve(session, "Si@production")
    moves = aliases.history(session, "Si", "production")
    assert moves[0].version is None
    assert len(moves) == 2
    aliases.promote(session, "Si", "production", 1, expected=None)


def test_origin_and_limits_stay_with_the_version_and_their_acceptance_with_the_move(
    session: Session, make_version: Callable[..., tables.PotentialVersion]
) -> None:
    limits = [{"code": "hard_cutoff", "sentence": "The energy jumps at the cutoff."}]
    make_version(session, limits=limits, origin={"format": "n2p2"})
    found = potentials.resolve(session, "Si:1")
    assert (found.limits, found.origin) == (limits, {"format": "n2p2"})
    assert make_version(session).limits == []
    aliases.promote(session, "Si", "production", 1, accepted_limits=["hard_cutoff"], actor="anna")
    assert aliases.history(session, "Si")[0].accepted_limits == ["hard_cutoff"]
    assert audit.search(session, action="promote")[0].detail["accepted_limits"] == ["hard_cutoff"]
    assert lineage.of_potential(session, found)["origin"] == {"format": "n2p2"}


def test_withdrawn_versions_stay_and_are_not_promoted(
    session: Session, make_version: Callable[..., tables.PotentialVersion]
) -> None:
    version = make_version(session)
    potentials.withdraw(session, version, reason="wrong units", actor="anna")
    found = potentials.resolve(session, "Si:1")
    assert (found.state, found.reason) == (tables.PotentialState.WITHDRAWN, "wrong units")
    assert found.withdrawn_at is not None
    with pytest.raises(errors.Withdrawn, match="wrong units"):
        aliases.promote(session, "Si", "production", 1)
    potentials.withdraw(session, version, reason="again")
    assert potentials.resolve(session, "Si:1").reason == "wrong units"


def test_a_promoted_version_is_not_withdrawn(
    session: Session, make_version: Callable[..., tables.PotentialVersion]
) -> None:
    version = make_version(session)
    aliases.promote(session, "Si", "production", 1)
    with pytest.raises(errors.Conflict, match="Si@production"):
        potentials.withdraw(session, version, reason="x")


def test_a_version_is_not_withdrawn_and_promoted_at_once(
    sessions: sessionmaker[Session],
    make_version: Callable[..., tables.PotentialVersion],
    together: Callable[..., list[Any]],
) -> None:
    with sessions.begin() as session:
        make_version(session)

    def promote() -> object:
        with sessions.begin() as session:
            return aliases.promote(session, "Si", "production", 1).name

    def withdraw() -> object:
        with sessions.begin() as session:
            return potentials.withdraw(session, potentials.resolve(session, "Si:1"), reason="x").number

    answers = together(promote, withdraw)
    assert sum(isinstance(answer, errors.Conflict) for answer in answers) == 1


def test_versions_that_were_promoted_are_not_deleted(
    session: Session, make_version: Callable[..., tables.PotentialVersion]
) -> None:
    first, second = make_version(session), make_version(session)
    child = make_version(session, parent_version_id=second.id)
    aliases.promote(session, "Si", "production", 1)
    aliases.promote(session, "Si", "production", 3)
    for version in (first, second, child):
        with pytest.raises(errors.Immutable, match="promoted once"):
            potentials.delete(session, version)
    assert len(potentials.versions(session, "Si")) == 3


def test_gates_may_be_run_again(session: Session, make_version: Callable[..., tables.PotentialVersion]) -> None:
    version = make_version(session, gates={"passed": False})
    potentials.record_gates(session, version, {"passed": True})
    session.commit()
    session.expire_all()
    assert potentials.resolve(session, "Si:1").gates == {"passed": True}
