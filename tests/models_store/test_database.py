import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session, sessionmaker

from models_store import database, errors, tables


def test_migrations_make_exactly_the_tables_of_the_code(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, tables.Base.metadata) == []


def test_many_processes_may_migrate_at_once(empty_url: str) -> None:
    failures: list[BaseException] = []
    barrier = threading.Barrier(4)

    def migrate() -> None:
        barrier.wait()
        try:
            database.migrate(empty_url)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    database.check_schema(empty_url)
    database.migrate(empty_url)


def test_a_database_without_tables_is_named(empty_url: str) -> None:
    with pytest.raises(errors.SchemaMissing, match=f"needs {database.schema_head()}") as raised:
        database.check_schema(empty_url)
    assert "nnpd migrate" in str(raised.value.advice)


def test_a_database_of_a_newer_program_is_refused(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    for act in (database.check_schema, database.migrate):
        with pytest.raises(errors.SchemaTooNew, match="9999"):
            act(engine)


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("postgres://anna@host/nnpd", "postgresql+psycopg"),
        ("postgresql://anna@host/nnpd", "postgresql+psycopg"),
        ("postgresql+psycopg2://anna@host/nnpd", "postgresql+psycopg"),
        ("sqlite:////var/nnpd.sqlite", "sqlite+pysqlite"),
    ],
)
def test_urls_are_normalised(given: str, driver: str) -> None:
    assert database.normalise(given).drivername == driver


@pytest.mark.parametrize("url", ["mysql://host/nnpd", "sqlite://", "sqlite:///:memory:"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(errors.SetupError):
        database.normalise(url)


def test_sqlite_keeps_its_promises(tmp_path: Path) -> None:
    engine = database.create_engine(f"sqlite:///{tmp_path / 'a.sqlite'}")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000
    engine.dispose()


def test_a_reader_does_not_wait_for_a_writer(engine: Engine) -> None:
    readers = database.session_factory(engine, read_only=True)
    with database.session_factory(engine)() as writer, readers() as reader:
        writer.add(tables.Dataset(name="a"))
        writer.flush()
        assert reader.scalars(sa.select(tables.Dataset)).all() == []
        writer.commit()


def test_transactions_that_read_before_they_write_do_not_fail(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        session.add(tables.Dataset(name="a"))

    def add() -> None:
        with sessions.begin() as session:
            row = session.scalars(sa.select(tables.Dataset).with_for_update()).one()
            row.last_number += 1

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with sessions() as session:
        assert session.scalars(sa.select(tables.Dataset)).one().last_number == 8


def test_numbers_that_json_does_not_know_become_null(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        session.add(tables.AuditEvent(action="test", subject="x", detail={"nan": float("nan"), "one": 1.5}))
    with sessions() as session:
        assert session.scalars(sa.select(tables.AuditEvent)).one().detail == {"nan": None, "one": 1.5}


def test_times_come_back_aware(sessions: sessionmaker[Session]) -> None:
    moment = tables.now()
    with sessions.begin() as session:
        session.add(tables.Dataset(name="a", created_at=moment))
    with sessions() as session:
        assert session.scalars(sa.select(tables.Dataset)).one().created_at == moment
        with pytest.raises(sa.exc.StatementError, match="time zone"):
            session.execute(sa.select(tables.Dataset).where(tables.Dataset.created_at < moment.replace(tzinfo=None)))
