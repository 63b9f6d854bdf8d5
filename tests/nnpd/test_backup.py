import sqlite3
from pathlib import Path

import pytest

from models_store import artifacts, database, potentials
from models_store.errors import ArtifactCorrupt
from nnpd import backup, collect, installation
from nnpd.errors import BackupTargetError, NotEmbeddedError
from nnpd.installation import Installation
from nnpd.settings import Settings


@pytest.fixture
def embedded(tmp_path: Path) -> Installation:
    here = installation.of(Settings(home=tmp_path / "home"))
    here.home.create()
    database.migrate(here.database_url)
    return here


def fill(here: Installation, name: str, content: bytes) -> str:
    store = artifacts.open_store(here.artifacts_url)
    stored = store.put(content)
    engine = database.create_engine(here.database_url)
    with database.session_factory(engine).begin() as session:
        artifacts.register(session, stored)
        potentials.register(session, name, manifest={}, elements=["Si"], artifacts={"onnx_float32": stored.sha256})
    engine.dispose()
    return stored.sha256


def test_a_backup_is_a_home(embedded: Installation, tmp_path: Path) -> None:
    sha256 = fill(embedded, "Si", b"weights")
    destination = tmp_path / "copy"
    assert "1 artifacts" in backup.back_up(embedded, destination)
    copy = installation.of(Settings(home=destination))
    database.check_schema(copy.database_url)
    engine = database.create_engine(copy.database_url)
    with database.session_factory(engine)() as session:
        version = potentials.resolve(session, "Si:1")
        assert version.artifact_hashes == {"onnx_float32": sha256}
    engine.dispose()
    assert artifacts.open_store(copy.artifacts_url).read(sha256) == b"weights"


def test_a_backup_waits_for_no_writer(embedded: Installation, tmp_path: Path) -> None:
    fill(embedded, "Si", b"weights")
    engine = database.create_engine(embedded.database_url)
    with database.session_factory(engine).begin() as session:
        potentials.register(session, "unfinished", manifest={}, elements=["Si"], artifacts={})
        backup.back_up(embedded, tmp_path / "copy")
    engine.dispose()
    copied = sqlite3.connect(tmp_path / "copy" / "nnpd.sqlite")
    assert copied.execute("select name from potentials").fetchall() == [("Si",)]
    copied.close()


def test_a_damaged_artifact_stops_the_backup(embedded: Installation, tmp_path: Path) -> None:
    sha256 = fill(embedded, "Si", b"weights")
    damaged = embedded.home.artifacts / artifacts.path_of(sha256)
    damaged.chmod(0o600)
    damaged.write_bytes(b"weighty")
    with pytest.raises(ArtifactCorrupt):
        backup.back_up(embedded, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_nothing_is_overwritten(embedded: Installation, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    with pytest.raises(BackupTargetError):
        backup.back_up(embedded, tmp_path / "copy")


def test_postgresql_has_its_own_tool(tmp_path: Path) -> None:
    there = installation.of(Settings(home=tmp_path, database_url="postgresql://nnpd@db/nnpd"))
    with pytest.raises(NotEmbeddedError, match="pg_dump"):
        backup.back_up(there, tmp_path / "copy")


def test_checkpoints_of_unknown_jobs_are_collected(embedded: Installation) -> None:
    folder = embedded.home.checkpoints / "0123456789abcdef"
    folder.mkdir()
    assert any("would remove checkpoint" in line for line in collect.collect(embedded, dry_run=True))
    assert folder.exists()
    assert any("removed checkpoint" in line for line in collect.collect(embedded, dry_run=False))
    assert not folder.exists()
