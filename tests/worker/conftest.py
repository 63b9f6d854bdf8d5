"""A workplace on a migrated SQLite registry, and waiting for what other processes do."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ase.build
import ase.calculators.emt
import ase.calculators.singlepoint
import ase.io
import numpy as np
import pytest

from models_store import artifacts, database, datasets, jobs
from models_store.home import Home
from worker import running
from worker.workplace import Workplace

RECIPE = {
    "cutoff": 4.5,
    "symmetry_functions": {"kind": "power_spectrum", "radial": 4, "channels": 2, "l_max": 2},
    "committee": [{"hidden": [6]}, {"hidden": [8]}],
    "replicas": [{"hidden": [4]}, {"hidden": [5]}],
    "steps": 30,
    "replica_steps": 10,
    "batch_size": 8,
}
"""A training of a second or two."""


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, copied for every test."""
    path = tmp_path_factory.mktemp("migrated") / "nnpd.sqlite"
    database.migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def home(tmp_path: Path, migrated: Path) -> Home:
    home = Home.at(tmp_path / "home").create()
    shutil.copy(migrated, home.path / "nnpd.sqlite")
    return home


@pytest.fixture
def rings() -> list[tuple[str, str]]:
    """What the doorbell was told."""
    return []


@pytest.fixture
def workplace(home: Home, rings: list[tuple[str, str]]) -> Iterator[Workplace]:
    engine = database.create_engine(home.database_url)
    yield Workplace(
        sessions=database.session_factory(engine, ring=lambda job_id, queue: rings.append((job_id, queue))),
        reading=database.session_factory(engine, read_only=True),
        artifacts=artifacts.open_store(home.artifacts_url),
        checkpoints=home.checkpoints,
        lease_seconds=30.0,
        threads=1,
        checkpoint_seconds=0.2,
    )
    engine.dispose()


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait until a condition holds; a generous deadline turns a hang into a failure."""

    def eventually(condition: Callable[[], object], seconds: float = 250.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "the awaited event did not come"
            time.sleep(0.02)

    return eventually


def aluminium(seed: int, frames: int = 32) -> list[ase.Atoms]:
    """Rattled and strained fcc aluminium with the energies, forces and stresses of EMT, in trajectories of two."""
    random = np.random.default_rng(seed)
    made = []
    for number in range(frames):
        atoms = ase.build.bulk("Al", a=4.0 + 0.2 * random.random(), cubic=True)
        atoms.rattle(0.2, rng=random)
        atoms.calc = ase.calculators.emt.EMT()
        labelled = atoms.copy()
        labelled.calc = ase.calculators.singlepoint.SinglePointCalculator(
            labelled, energy=atoms.get_potential_energy(), forces=atoms.get_forces(), stress=atoms.get_stress()
        )
        labelled.info |= {"group": ("cold", "warm")[number // 2 % 2], "trajectory": f"{seed}-{number // 2}"}
        made.append(labelled)
    return made


@pytest.fixture(scope="session")
def aluminium_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "aluminium.extxyz"
    ase.io.write(path, aluminium(1))
    return path


class Laboratory:
    """Submits jobs as the service does, and runs them in this process."""

    def __init__(self, workplace: Workplace) -> None:
        self.workplace = workplace

    def submit(self, kind: str, **payload: Any) -> str:
        with self.workplace.sessions.begin() as session:
            return jobs.submit(session, kind, payload, actor="anna").id

    def submit_upload(self, file: Path, dataset: str = "al", **options: Any) -> str:
        stored = self.workplace.artifacts.put(file)
        payload = {
            "artifact": stored.sha256,
            "filename": file.name,
            "dataset": dataset,
            "test_fraction": 0.2,
            **options,
        }
        with self.workplace.sessions.begin() as session:
            artifacts.register(session, stored)
            job = jobs.submit(session, "ingest", payload, artifacts={"source": stored.sha256})
            datasets.begin(session, dataset, job_id=job.id, source_sha256=stored.sha256)
        return job.id

    def submit_training(self, recipe: dict[str, Any] | None = None, **options: Any) -> str:
        payload = {"potential": "Al", "dataset_version": "al:1", "recipe": {**RECIPE, **(recipe or {})}, **options}
        return self.submit("retrain" if "parent" in options else "train", **payload)

    def job(self, job_id: str) -> Any:
        with self.workplace.reading() as session:
            return jobs.get(session, job_id)

    def events(self, job_id: str, *kinds: str) -> list[Any]:
        with self.workplace.reading() as session:
            return list(jobs.events(session, job_id, kinds=kinds))

    def run(self, job_id: str) -> Any:
        running.run_job(self.workplace, job_id)
        return self.job(job_id)

    def upload(self, file: Path, **options: Any) -> Any:
        return self.run(self.submit_upload(file, **options))

    def train(self, **options: Any) -> Any:
        return self.run(self.submit_training(**options))


@pytest.fixture
def laboratory(workplace: Workplace) -> Laboratory:
    return Laboratory(workplace)
