"""What the database refuses, whoever asks: raw SQL on a connection that knows nothing of our code."""

import sqlite3
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from models_store import aliases, artifacts, database, datasets, jobs, tables
from nnp.core.label import Frame

REFUSED = {
    "structure": "UPDATE structures SET n_atoms = 1",
    "label": "UPDATE labels SET energy = 0",
    "method": "UPDATE methods SET name = 'other'",
    "artifact": "UPDATE artifacts SET size = 0",
    "member changed": "UPDATE dataset_members SET split = 'train'",
    "member removed": "DELETE FROM dataset_members WHERE position = 0",
    "dataset version content": "UPDATE dataset_versions SET content_hash = 'x' WHERE state = 'ready'",
    "dataset version content removed": "UPDATE dataset_versions SET content_hash = NULL WHERE state = 'ready'",
    "dataset version statistics": "UPDATE dataset_versions SET statistics = NULL WHERE state = 'ready'",
    "dataset version number": "UPDATE dataset_versions SET number = 99 WHERE state = 'ready'",
    "dataset version reopened": "UPDATE dataset_versions SET state = 'ingesting' WHERE state = 'ready'",
    "dataset version with a potential": "DELETE FROM dataset_versions WHERE number = 1",
    "dataset version with a child": "DELETE FROM dataset_versions WHERE id = (SELECT min(id) FROM dataset_versions)",
    "dataset renamed": "UPDATE datasets SET name = 'other'",
    "dataset counter": "UPDATE datasets SET last_number = 0",
    "potential counter": "UPDATE potentials SET last_number = 0",
    "potential version manifest": "UPDATE potential_versions SET manifest = '{}'",
    "potential version metrics": "UPDATE potential_versions SET metrics = '{\"x\": 1}'",
    "potential version card": "UPDATE potential_versions SET card = '{\"x\": 1}'",
    "potential version limits": "UPDATE potential_versions SET limits = '[]'",
    "potential version origin": "UPDATE potential_versions SET origin = '{\"x\": 1}'",
    "potential version lineage": "UPDATE potential_versions SET dataset_version_id = NULL",
    "potential version number": "UPDATE potential_versions SET number = 99",
    "potential version promoted": "DELETE FROM potential_versions",
    "potential renamed": "UPDATE potentials SET name = 'other'",
    "potential artifact changed": "UPDATE potential_artifacts SET role = 'other'",
    "potential artifact removed": "DELETE FROM potential_artifacts",
    "artifact referred to": "DELETE FROM artifacts",
    "alias history changed": "UPDATE alias_history SET actor = 'other'",
    "alias history removed": "DELETE FROM alias_history",
    "audit changed": "UPDATE audit_events SET actor = 'other'",
    "audit removed": "DELETE FROM audit_events",
    "job payload": "UPDATE jobs SET payload = '{\"x\": 1}'",
    "job kind": "UPDATE jobs SET kind = 'evaluate'",
    "job event": "UPDATE job_events SET attempt = 99",
}


@pytest.fixture(scope="module")
def filled(
    shared_engine: Engine,
    make_frames: Callable[..., list[Frame]],
    make_version: Callable[..., tables.PotentialVersion],
) -> Engine:
    """A registry with one of everything; nothing that is refused changes it."""
    with database.session_factory(shared_engine).begin() as session:
        artifacts.register(session, artifacts.Stored(sha256="a" * 64, size=1))
        job = jobs.submit(session, "train", {"a": 1})
        version = datasets.begin(session, "si", job_id=job.id, source_sha256="a" * 64)
        datasets.ingest(session, version, make_frames(4))
        datasets.exclude(session, version, positions=[0])
        make_version(
            session,
            artifacts={"onnx_float32": "a" * 64},
            dataset_version_id=version.id,
            job_id=job.id,
            gates={"a": 1},
            limits=[{"code": "hard_cutoff", "sentence": "It jumps."}],
        )
        aliases.promote(session, "Si", "production", 1)
    return shared_engine


@pytest.mark.parametrize("what", REFUSED)
def test_raw_sql_is_refused(filled: Engine, what: str) -> None:
    with pytest.raises(sa.exc.IntegrityError), filled.begin() as connection:
        connection.execute(sa.text(REFUSED[what].replace(":", r"\:")))


def test_a_member_is_not_added_to_a_frozen_version(filled: Engine) -> None:
    statement = (
        "INSERT INTO dataset_members (version_id, position, structure_id, split) "
        "SELECT version_id, 1000, structure_id, 'train' FROM dataset_members WHERE position = 1"
    )
    with pytest.raises(sa.exc.IntegrityError, match="immutable"), filled.begin() as connection:
        connection.execute(sa.text(statement))


def test_withdrawal_is_for_good(filled: Engine) -> None:
    for table, state in (("dataset_versions", "ready"), ("potential_versions", "available")):
        with filled.connect() as connection:
            connection.execute(sa.text(f"UPDATE {table} SET state = 'withdrawn', reason = 'x' WHERE number = 1"))
            with pytest.raises(sa.exc.IntegrityError, match="once and for good"):
                connection.execute(sa.text(f"UPDATE {table} SET state = '{state}' WHERE number = 1"))


def test_what_may_change_does(filled: Engine) -> None:
    with filled.connect() as connection:
        connection.execute(sa.text("UPDATE potential_versions SET gates = '{\"b\"\\: 2}'"))
        connection.execute(sa.text("UPDATE datasets SET description = 'better words'"))
        connection.execute(sa.text("UPDATE jobs SET priority = 7"))


@pytest.mark.parametrize("table", ["dataset_versions", "potential_versions", "artifacts", "labels", "structures"])
def test_what_is_referred_to_is_not_deleted_even_by_a_shell(filled: Engine, table: str) -> None:
    """SQLite's shell does not switch foreign keys on; there the triggers refuse."""
    if filled.dialect.name == "sqlite":
        shell = sqlite3.connect(str(filled.url.database))
        with pytest.raises(sqlite3.IntegrityError, match="immutable"):
            shell.execute(f"DELETE FROM {table}")
        shell.close()
    with pytest.raises(sa.exc.IntegrityError), filled.begin() as connection:
        connection.execute(sa.text(f"DELETE FROM {table}"))
