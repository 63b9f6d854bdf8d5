"""A service in this process with two potentials: Si (promoted) and SiO2; frames to store; a job at work."""

from collections.abc import Callable, Iterator
from pathlib import Path

import ase.build
import numpy as np
import pytest
from ase import Atoms

from models_store import database, datasets
from nnp.core.label import Frame, Label
from nnp.core.structure import Structure
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


@pytest.fixture(scope="session")
def shared_http(
    tmp_path_factory: pytest.TempPathFactory,
    migrated: Path,
    si_files: dict[str, bytes],
    silica_files: dict[str, bytes],
) -> Iterator[testing.TestClient]:
    """For tests that change nothing: one service for all of them."""
    with testing.serving(tmp_path_factory.mktemp("shared") / "home", migrated=migrated) as client:
        parts = testing.parts_of(client)
        testing.register(parts, "Si", si_files, alias="production")
        testing.register(parts, "SiO2", silica_files, gates=None)
        yield client


@pytest.fixture
def http(tmp_path: Path, migrated: Path) -> Iterator[testing.TestClient]:
    """An empty service of the test's own."""
    with testing.serving(tmp_path / "home", migrated=migrated) as client:
        yield client


@pytest.fixture
def client(http: testing.TestClient) -> Client:
    return Client("http://testserver", http=http, patience_seconds=0.5)


@pytest.fixture
def silicon() -> Atoms:
    atoms = ase.build.bulk("Si", cubic=True)
    atoms.rattle(0.1, seed=1)
    return atoms


@pytest.fixture
def frames() -> list[Frame]:
    """Six labelled structures, three in the group warm and three in the group cold."""
    made = []
    for number in range(6):
        atoms = ase.build.bulk("Si", cubic=True)
        atoms.rattle(0.05, seed=number)
        label = Label(energy=-40.0 - number, forces=np.full((8, 3), 0.1 * number), stress=np.zeros(6))
        group = "warm" if number % 2 else "cold"
        made.append(Frame(structure=Structure.from_atoms(atoms), label=label, group=group, split="train"))
    return made


@pytest.fixture
def store_frames(http: testing.TestClient) -> Callable[[str, list[Frame]], str]:
    """Make a dataset version as the ingest job does; returns its reference."""

    def store(name: str, entries: list[Frame]) -> str:
        with testing.parts_of(http).sessions() as session, session.begin():
            version = datasets.begin(session, name)
            method = datasets.method(session, "made-up", {"code": "none"})
            return datasets.ingest(session, version, entries, method=method).version.reference

    return store
