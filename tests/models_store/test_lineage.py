from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from models_store import artifacts, datasets, jobs, lineage, potentials, tables
from nnp.core.label import Frame

SHA256 = "a" * 64


@pytest.fixture
def family(
    session: Session,
    make_frames: Callable[..., list[Frame]],
    make_version: Callable[..., tables.PotentialVersion],
) -> dict[str, tables.DatasetVersion | tables.PotentialVersion]:
    """si:1 -> si:2 without a frame; Si:1 trained on si:1; Si:2 warm-started from Si:1 on si:2; Si:3 from Si:2."""
    artifacts.register(session, artifacts.Stored(sha256=SHA256, size=1))
    job = jobs.submit(session, "train", {"x": 1}, actor="anna")
    first = datasets.ingest(session, datasets.begin(session, "si", source_sha256=SHA256), make_frames(4)).version
    second = datasets.exclude(session, first, positions=[0], note="one bad frame").version
    one = make_version(
        session,
        dataset_version_id=first.id,
        job_id=job.id,
        recipe={"cutoff": 6.0},
        recipe_hash="b" * 64,
        code_version="0.1.0",
        package_versions={"torch": "2.13.0"},
        artifacts={"onnx_float32": SHA256},
    )
    two = make_version(session, dataset_version_id=second.id, parent_version_id=one.id)
    three = make_version(session, dataset_version_id=second.id, parent_version_id=two.id)
    return {"si:1": first, "si:2": second, "Si:1": one, "Si:2": two, "Si:3": three}


def test_a_potential_leads_back_to_everything(session: Session, family: dict[str, tables.PotentialVersion]) -> None:
    found = lineage.of_potential(session, family["Si:1"])
    assert found["job"]["created_by"] == "anna"
    assert found["job"]["kind"] == "train"
    assert found["recipe"] == {"cutoff": 6.0}
    assert found["recipe_hash"] == "b" * 64
    assert found["dataset"]["version"] == "si:1"
    assert found["dataset"]["source_sha256"] == SHA256
    assert (found["code_version"], found["package_versions"]) == ("0.1.0", {"torch": "2.13.0"})
    assert found["artifacts"] == {"onnx_float32": SHA256}
    assert (found["parents"], found["withdrawn_ancestors"]) == ([], [])
    assert [parent["version"] for parent in lineage.of_potential(session, family["Si:3"])["parents"]] == [
        "Si:2",
        "Si:1",
    ]


def test_a_dataset_version_leads_both_ways(session: Session, family: dict[str, tables.DatasetVersion]) -> None:
    first, second = lineage.of_dataset(session, family["si:1"]), lineage.of_dataset(session, family["si:2"])
    assert (first["children"], first["potentials"]) == (["si:2"], ["Si:1"])
    assert [parent["version"] for parent in second["parents"]] == ["si:1"]
    assert second["potentials"] == ["Si:2", "Si:3"]
    assert second["note"] == "one bad frame"


def test_withdrawn_data_show_on_what_learnt_from_them(session: Session, family: dict[str, object]) -> None:
    versions = [family[name] for name in ("Si:1", "Si:2", "Si:3")]
    clean = lineage.withdrawn_ancestors(session, versions)  # type: ignore[arg-type]
    assert list(clean.values()) == [[], [], []]
    datasets.withdraw(session, family["si:1"], reason="wrong k-points")  # type: ignore[arg-type]
    found = list(lineage.withdrawn_ancestors(session, versions).values())  # type: ignore[arg-type]
    assert found == [["dataset si:1 was withdrawn: wrong k-points"]] * 3
    assert lineage.of_dataset(session, family["si:2"])["withdrawn_ancestors"] == [  # type: ignore[arg-type]
        "dataset si:1 was withdrawn: wrong k-points"
    ]


def test_a_withdrawn_parent_shows_on_its_children_only(session: Session, family: dict[str, object]) -> None:
    potentials.withdraw(session, family["Si:2"], reason="diverges")  # type: ignore[arg-type]
    versions = [family[name] for name in ("Si:1", "Si:2", "Si:3")]
    found = list(lineage.withdrawn_ancestors(session, versions).values())  # type: ignore[arg-type]
    assert found == [[], [], ["potential Si:2 was withdrawn: diverges"]]


def test_withdrawn_origins_of_the_data_show_in_other_words(
    session: Session,
    family: dict[str, object],
    make_version: Callable[..., tables.PotentialVersion],
) -> None:
    second: tables.DatasetVersion = family["si:2"]  # type: ignore[assignment]
    third = datasets.exclude(session, second, positions=[0]).version
    fresh = make_version(session, dataset_version_id=third.id)
    child = make_version(session, parent_version_id=fresh.id)
    unrelated = make_version(session)
    datasets.withdraw(session, family["si:1"], reason="wrong")  # type: ignore[arg-type]
    said = "dataset si:3 was made from si:1, which was withdrawn: wrong"
    found = lineage.withdrawn_ancestors(session, [fresh, child, unrelated])
    assert found == {fresh.id: [said], child.id: [said], unrelated.id: []}
    datasets.withdraw(session, second, reason="too few")
    datasets.withdraw(session, third, reason="fewer")
    assert lineage.withdrawn_ancestors(session, [fresh])[fresh.id] == [
        "dataset si:3 was withdrawn: fewer",
        "dataset si:3 was made from si:2, which was withdrawn: too few",
        said,
    ]


def test_many_versions_are_asked_at_once(
    statements: list[str], session: Session, make_version: Callable[..., tables.PotentialVersion]
) -> None:
    versions = [make_version(session) for _ in range(20)]
    statements.clear()
    assert len(lineage.withdrawn_ancestors(session, versions)) == 20
    assert len(statements) == 2
    assert lineage.withdrawn_ancestors(session, []) == {}
