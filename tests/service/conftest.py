"""A service in this process with two potentials: Si (promoted) and SiO2."""

from collections.abc import Iterator
from pathlib import Path

import ase.build
import pytest
from ase import Atoms

from models_store import database
from nnp_client.client import Client
from service import testing


@pytest.fixture(scope="session")
def si_files() -> dict[str, bytes]:
    from nnp.learn.testing import small_onnx

    return small_onnx(("Si",))


@pytest.fixture(scope="session")
def other_si_files() -> dict[str, bytes]:
    from nnp.learn.testing import small_onnx

    return small_onnx(("Si",), seed=1)


@pytest.fixture(scope="session")
def silica_files() -> dict[str, bytes]:
    from nnp.learn.testing import small_onnx

    return small_onnx(("Si", "O"), replicas=0, calibrated=False)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "nnpd.sqlite"
    database.migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def http(
    tmp_path: Path, migrated: Path, si_files: dict[str, bytes], silica_files: dict[str, bytes]
) -> Iterator[testing.TestClient]:
    with testing.serving(tmp_path / "home", migrated=migrated) as client:
        parts = testing.parts_of(client)
        testing.register(parts, "Si", si_files, alias="production")
        testing.register(parts, "SiO2", silica_files, gates=None)
        yield client


@pytest.fixture
def client(http: testing.TestClient) -> Client:
    return Client("http://testserver", http=http, patience_seconds=0.5)


@pytest.fixture
def silicon() -> Atoms:
    atoms = ase.build.bulk("Si", cubic=True)
    atoms.rattle(0.1, seed=1)
    return atoms
