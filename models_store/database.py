"""The database: engines for SQLite and PostgreSQL, transactions, migrations, the check of the schema's version."""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.orm import Session, sessionmaker

from models_store import errors, rings

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_SECONDS = 30.0
"""How long a writer on SQLite waits for another one; transactions here take milliseconds, an upload a few seconds."""
MIGRATION_LOCK = 0x6E6E7064
"""Number of the PostgreSQL advisory lock that is held while migrating ("nnpd")."""
READ_ONLY = "nnpd_read_only"


def create_engine(url: str | URL, **options: Any) -> Engine:
    """An engine for `sqlite:///path` or `postgresql://...` (psycopg 3; the `postgres://` spelling is taken too).

    SQLite: write-ahead log, foreign keys on, and transactions that begin IMMEDIATE, so that a transaction that reads
    before it writes cannot fail half-way because another one wrote in between.
    """
    parsed = normalise(url)
    options = {"json_serializer": _to_json, "json_deserializer": orjson.loads, **options}
    if parsed.get_backend_name() == "sqlite":
        engine = sa.create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_SECONDS}, **options)
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    return sa.create_engine(parsed, pool_pre_ping=True, **options)


def normalise(url: str | URL) -> URL:
    """The URL with the driver that is used.

    Raises:
        SetupError: another kind of database, or SQLite in memory, which two processes cannot share.
    """
    parsed = make_url(url)
    backend = parsed.drivername.partition("+")[0]
    if backend in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise errors.SetupError(
            f"the registry cannot live in {backend!r}", advice="give sqlite:///... or postgresql://..."
        )
    if parsed.database in (None, "", ":memory:"):
        raise errors.SetupError(
            "SQLite in memory cannot be shared by processes", advice="name a file: sqlite:////path/file"
        )
    return parsed.set(drivername="sqlite+pysqlite")


def session_factory(
    engine: Engine, ring: Callable[[str, str], object] | None = None, *, read_only: bool = False
) -> sessionmaker[Session]:
    """Sessions on `engine`; `ring(job_id, queue)` is called for every job that a committed session made claimable.

    Read-only sessions never wait for a writer; PostgreSQL refuses writes in them.
    """
    if read_only:
        engine = engine.execution_options(**{READ_ONLY: True}, **_postgresql_read_only(engine))
    factory = sessionmaker(engine, expire_on_commit=False)
    if ring is not None:
        rings.install(factory, ring)
    return factory


def migrate(target: str | URL | Engine, revision: str = "head") -> None:
    """Bring the tables to what this program needs; safe to call from many processes at once.

    Raises:
        SchemaTooNew: a newer nnpd has migrated this database.
    """
    with _engine(target) as engine:
        if engine.dialect.name == "sqlite" and engine.url.database:
            Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            _refuse_newer(connection)
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)


def check_schema(target: str | URL | Engine) -> None:
    """Check that the tables are those of this program.

    Raises:
        SchemaMissing: there are none, or older ones.
        SchemaTooNew: a newer nnpd has migrated this database.
    """
    with _engine(target) as engine, engine.connect() as connection:
        _refuse_newer(connection)
        current, head = _current(connection), schema_head()
    if current != head:
        raise errors.SchemaMissing(
            f"the database is at revision {current or 'none'}, this program needs {head}", advice="run `nnpd migrate`"
        )


def schema_head() -> str:
    """The revision of the tables that this program needs."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert head is not None
    return head


def alembic_config() -> Config:
    """Alembic's settings for the migrations in this package."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(connection: Connection) -> None:
    current = _current(connection)
    known = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    if current is not None and current not in known:
        raise errors.SchemaTooNew(
            f"the database is at revision {current!r}, which this program does not know: a newer nnpd wrote it",
            advice="install the nnpd that wrote it, or restore a backup from before the upgrade",
        )


@contextlib.contextmanager
def _engine(target: str | URL | Engine) -> Iterator[Engine]:
    if isinstance(target, Engine):
        yield target
        return
    engine = create_engine(target, poolclass=sa.NullPool)
    try:
        yield engine
    finally:
        engine.dispose()


def _to_json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _postgresql_read_only(engine: Engine) -> dict[str, Any]:
    return {"postgresql_readonly": True} if engine.dialect.name == "postgresql" else {}


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    # The driver's own idea of when transactions begin is switched off: `_begin_sqlite` says it.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    _use_write_ahead_log(cursor)
    cursor.close()


def _use_write_ahead_log(cursor: sqlite3.Cursor) -> None:
    # Changing the mode needs the file for itself and ignores the busy timeout; the file keeps it, so once is enough.
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
