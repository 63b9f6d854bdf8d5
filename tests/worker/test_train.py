"""The jobs `train`, `retrain` and `evaluate`, run in this process with real, tiny trainings."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import ase.build
import ase.io
import numpy as np
import pytest
import sqlalchemy as sa
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from models_store import aliases, artifacts, jobs, potentials
from models_store.errors import NotFound, StorageFull
from models_store.tables import Job
from nnp.core.potential import Potential
from worker import running
from worker.workplace import Workplace

LONG = {"steps": 4000, "patience": 4000}
"""A training that is certainly still running when somebody interferes."""


@pytest.fixture
def trained(laboratory: Any, aluminium_file: Path) -> Any:
    """The laboratory with the data set al:1."""
    said = {
        "authors": "The aluminium group",
        "licence": "CC-BY-4.0",
        "citation": "Aluminium by EMT, 2026.",
    }
    assert laboratory.upload(aluminium_file, **said).state == "succeeded"
    return laboratory


def resolve(laboratory: Any, reference: str) -> Any:
    with laboratory.workplace.reading() as session:
        return potentials.resolve(session, reference)


def promote(laboratory: Any, number: int) -> None:
    with laboratory.workplace.sessions.begin() as session:
        aliases.promote(session, "Al", "production", number)


@contextlib.contextmanager
def in_background(workplace: Workplace, job_id: str) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=running.run_job, args=(workplace, job_id))
    thread.start()
    try:
        yield thread
    finally:
        workplace.stopping.set()
        thread.join()
        workplace.stopping.clear()


def test_a_training_makes_a_version(trained: Any) -> None:
    job = trained.train()
    assert job.state == "succeeded", job.error
    assert job.result["potential_version"] == "Al:1"
    version = resolve(trained, "Al:1")
    assert version.symbols == ("Al",)
    assert set(version.artifact_hashes) >= {"onnx_float32", "onnx_float64", "checkpoint"}
    assert version.job_id == job.id
    assert version.recipe["steps"] == 30
    assert version.package_versions["torch"]
    assert set(version.metrics) >= {"train", "test"}
    potential = Potential.load(trained.workplace.artifacts.read(version.artifact_hashes["onnx_float32"]))
    assert potential.elements == ("Al",)
    assert version.gates["passed"], version.gates
    assert version.gates["incumbent"] is None
    assert version.created_by == "anna"
    assert version.card["authors"] == "The aluminium group"
    assert version.card["licence"] == "CC-BY-4.0"
    assert "trained with nnpd" in version.card["citation"]
    assert "on al:1" in version.card["citation"]
    assert version.card["citation"].endswith("Data: Aluminium by EMT, 2026.")
    curve = trained.events(job.id, "metrics")
    assert [event.data["epoch"] for event in curve if event.data["stage"] == "committee"][:2] == [0, 1]
    assert all("validation_force_rmse_ev_per_a" in event.data["metrics"] for event in curve[:1])
    assert not (trained.workplace.checkpoints / job.id).exists()


def test_a_bad_potential_is_refused_by_the_gates(trained: Any) -> None:
    good = trained.train(recipe={"steps": 100})
    assert good.result["gates"]["passed"]
    promote(trained, 1)
    bad = trained.train(recipe={"steps": 1})
    assert bad.state == "succeeded"
    gates = resolve(trained, "Al:2").gates
    assert not gates["passed"]
    assert gates["incumbent"] == "Al:1"
    (failed,) = [check for check in gates["checks"] if not check["passed"]]
    assert failed["name"] == "not_worse_than_incumbent"
    assert "worse than Al:1" in failed["detail"]


def test_a_recipe_cannot_choose_what_it_is_judged_on(laboratory: Any, tmp_path: Path) -> None:
    """Trained without the compressed group, a potential is still compared with the incumbent on it."""
    path = tmp_path / "two.extxyz"
    random = np.random.default_rng(5)
    frames = []
    for number in range(32):
        group = ("solid", "compressed")[number % 2]
        atoms = ase.build.bulk("Al", a={"solid": 4.05, "compressed": 3.5}[group], cubic=True)
        atoms.rattle(0.2, rng=random)
        atoms.calc = EMT()
        results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        atoms.calc = SinglePointCalculator(atoms, **results)
        atoms.info |= {"group": group, "trajectory": f"t{number}"}
        frames.append(atoms)
    ase.io.write(path, frames)
    assert laboratory.upload(path).state == "succeeded"
    full = laboratory.train(recipe={"steps": 120})
    assert full.result["gates"]["passed"], full.result["gates"]
    promote(laboratory, 1)
    narrow = laboratory.train(recipe={"steps": 120, "exclude_groups": ["compressed"]})
    assert narrow.state == "succeeded", narrow.error
    gates = narrow.result["gates"]
    assert not gates["passed"]
    counts = [report["checks"][1]["values"]["structures"] for report in (full.result["gates"], gates)]
    assert counts[0] == counts[1]


def test_retraining_starts_from_its_parent(trained: Any) -> None:
    trained.train(recipe={"steps": 100})
    job = trained.train(recipe={"steps": 10}, parent="Al:1")
    assert job.state == "succeeded", job.error
    child = resolve(trained, "Al:2")
    assert child.parent_id == resolve(trained, "Al:1").id
    (first, *_) = trained.events(job.id, "metrics")
    cold = trained.events(trained.train(recipe={"steps": 10}).id, "metrics")[0]
    key = "validation_force_rmse_ev_per_a"
    assert first.data["metrics"][key] < cold.data["metrics"][key]


def test_evaluating_again_meets_the_new_incumbent(trained: Any) -> None:
    trained.train(recipe={"steps": 1})
    trained.train(recipe={"steps": 100})
    promote(trained, 2)
    assert resolve(trained, "Al:1").gates["incumbent"] is None
    job = trained.run(trained.submit("evaluate", version="Al:1", dataset_version="al:1", alias="production"))
    assert job.state == "succeeded", job.error
    assert set(job.result["metrics"]) == {"train", "test"}
    gates = resolve(trained, "Al:1").gates
    assert gates["incumbent"] == "Al:2"
    assert not gates["passed"]
    names = [check["name"] for check in gates["checks"]]
    assert names == ["physics_contract", "finite_test_errors", "not_worse_than_incumbent"]


def test_frames_that_a_version_was_trained_on_do_not_judge_it(
    trained: Any, aluminium_file: Path, tmp_path: Path
) -> None:
    trained.train()
    frames = ase.io.read(aluminium_file, ":")
    for atoms in frames:
        atoms.info["split"] = "test"
    path = tmp_path / "all-test.extxyz"
    ase.io.write(path, frames)
    assert trained.upload(path, dataset="probe", method={"name": "probe", "record": {}}).state == "succeeded"
    own = trained.run(trained.submit("evaluate", version="Al:1", dataset_version="al:1", alias="production"))
    job = trained.run(trained.submit("evaluate", version="Al:1", dataset_version="probe:1", alias="production"))
    assert job.state == "succeeded", job.error
    assert job.result["metrics"]["test"]["structures"] == len(frames)
    counts = [result["gates"]["checks"][1]["values"]["structures"] for result in (own.result, job.result)]
    assert 0 < counts[1] == counts[0] < len(frames)


def test_a_version_without_gates_is_measured_whole(trained: Any) -> None:
    trained.train()
    with trained.workplace.sessions.begin() as session:
        potentials.resolve(session, "Al:1").gates = None
    job = trained.run(trained.submit("evaluate", version="Al:1", dataset_version="al:1", alias="production"))
    assert job.state == "succeeded", job.error
    assert job.result["gates"]["passed"], job.result["gates"]
    (contract, *_) = job.result["gates"]["checks"]
    assert contract["name"] == "physics_contract"
    assert contract["values"]


def test_evaluating_one_split_without_gates_changes_nothing(trained: Any) -> None:
    trained.train()
    before = resolve(trained, "Al:1").gates
    job = trained.run(trained.submit("evaluate", version="Al:1", dataset_version="al:1", split="train"))
    assert set(job.result["metrics"]) == {"train"}
    assert job.result["metrics"]["train"]["by_group"].keys() == {"cold", "warm"}
    assert resolve(trained, "Al:1").gates == before


def test_a_diverging_training_fails_with_its_epoch(trained: Any) -> None:
    job = trained.train(recipe={"learning_rate": 1.0, "weight_decay": 0.0, "steps": 2000, "schedule": "cosine"})
    assert job.state == "failed"
    assert job.error["code"] == "training_diverged"
    assert job.error["detail"]["epoch"] >= 1
    assert job.error["detail"]["reason"]
    with pytest.raises(NotFound):
        resolve(trained, "Al:1")


def test_a_recipe_that_cannot_work_fails_naming_the_field(trained: Any) -> None:
    job = trained.train(recipe={"cutoff": 0.0})
    assert job.error["code"] == "recipe_invalid"
    assert "cutoff" in job.error["message"]


def test_a_cancelled_training_stops_and_can_go_on(trained: Any, eventually: Callable[..., None]) -> None:
    workplace = replace(trained.workplace, lease_seconds=1.0)
    job_id = trained.submit_training(recipe=LONG)
    with in_background(workplace, job_id) as thread:
        eventually(lambda: trained.events(job_id, "metrics"))
        with workplace.sessions.begin() as session:
            jobs.cancel(session, job_id)
        thread.join(60)
        assert not thread.is_alive()
    assert trained.job(job_id).state == "cancelled"
    assert (workplace.checkpoints / job_id).exists()


def test_a_stopped_worker_gives_the_job_back_and_the_next_one_goes_on_bit_for_bit(
    trained: Any, eventually: Callable[..., None]
) -> None:
    recipe = {"steps": 700, "patience": 700}
    whole = trained.train(recipe=recipe)
    job_id = trained.submit_training(recipe=recipe)
    workplace = trained.workplace
    with in_background(workplace, job_id) as thread:
        eventually(lambda: trained.events(job_id, "metrics"))
        workplace.stopping.set()
        thread.join(60)
    stopped = trained.job(job_id)
    assert (stopped.state, stopped.lost_attempts) == ("queued", 0)
    epochs = [event.data["epoch"] for event in trained.events(job_id, "metrics")]
    finished = trained.run(job_id)
    assert (finished.state, finished.attempt) == ("succeeded", 2)
    resumed = [event.data["epoch"] for event in trained.events(job_id, "metrics") if event.attempt == 2]
    assert resumed[0] >= epochs[-1] > 0
    first, second = (resolve(trained, job.result["potential_version"]) for job in (whole, finished))
    assert first.artifact_hashes["checkpoint"] == second.artifact_hashes["checkpoint"]


def test_a_worker_that_lost_its_lease_publishes_nothing(trained: Any, eventually: Callable[..., None]) -> None:
    workplace = replace(trained.workplace, lease_seconds=1.0)
    job_id = trained.submit_training(recipe=LONG)
    with in_background(workplace, job_id) as thread:
        eventually(lambda: trained.events(job_id, "metrics"))
        with workplace.sessions.begin() as session:
            session.execute(sa.update(Job).where(Job.id == job_id).values(lease_until=0.0))
            assert jobs.claim(session, job_id, worker="another", lease_seconds=1000.0).attempt == 2
        thread.join(60)
        assert not thread.is_alive()
    job = trained.job(job_id)
    assert (job.state, job.attempt, job.worker) == ("running", 2, "another")
    with pytest.raises(NotFound):
        resolve(trained, "Al:1")


class FullStore:
    """An artifact store on a disk that is full until somebody frees it."""

    def __init__(self, store: artifacts.ArtifactStore) -> None:
        self._store = store
        self.full = True

    def put(self, content: bytes) -> artifacts.Stored:
        self._check()
        return self._store.put(content)

    def open(self, sha256: str) -> contextlib.AbstractContextManager[BinaryIO]:
        self._check()
        return self._store.open(sha256)

    def _check(self) -> None:
        if self.full:
            raise StorageFull("no space is left for artifacts; nothing was stored")


def test_on_a_full_disk_the_job_waits_and_then_goes_on_from_its_checkpoint(trained: Any) -> None:
    store = FullStore(trained.workplace.artifacts)
    full = replace(trained.workplace, artifacts=store)
    job_id = trained.submit_training()
    running.run_job(full, job_id)
    waiting = trained.job(job_id)
    assert waiting.state == "queued"
    assert waiting.available_at > 0
    assert (full.checkpoints / job_id).exists()
    said = [event.data.get("reason", "") for event in trained.events(job_id, "state")]
    assert any("No space is left" in reason for reason in said)
    store.full = False
    with full.sessions.begin() as session:
        session.execute(sa.update(Job).where(Job.id == job_id).values(available_at=0.0))
    running.run_job(full, job_id)
    assert trained.job(job_id).state == "succeeded"


def test_a_disk_that_stays_full_fails_the_job_in_the_end(laboratory: Any, aluminium_file: Path) -> None:
    full = replace(laboratory.workplace, artifacts=FullStore(laboratory.workplace.artifacts))
    job_id = laboratory.submit_upload(aluminium_file)
    for attempt in range(1, 7):
        assert laboratory.job(job_id).state == "queued", attempt
        with full.sessions.begin() as session:
            session.execute(sa.update(Job).where(Job.id == job_id).values(available_at=0.0))
        running.run_job(full, job_id)
    job = laboratory.job(job_id)
    assert (job.state, job.attempt, job.error["code"]) == ("failed", 6, "disk_full")
    assert job.error["retryable"]


def test_a_damaged_checkpoint_costs_time_and_nothing_else(trained: Any) -> None:
    job_id = trained.submit_training()
    folder = trained.workplace.checkpoints / job_id
    folder.mkdir()
    (folder / "training.npz").write_bytes(b"damaged")
    job = trained.run(job_id)
    assert job.state == "succeeded", job.error
    assert any("starts again" in event.data["message"] for event in trained.events(job_id, "log"))


def test_a_version_can_be_the_baseline_of_another(trained: Any) -> None:
    assert trained.train(recipe={"steps": 100}).state == "succeeded"
    job = trained.train(
        recipe={"steps": 1, "baseline": [{"kind": "potential", "name": "Al:1"}]}, potential="Correction"
    )
    assert job.state == "succeeded", job.error
    before, after = (resolve(trained, name).metrics["test"] for name in ("Al:1", "Correction:1"))
    # One step from random weights says little by itself: what is good about it comes from the baseline.
    assert after["force_rmse_ev_per_a"] < 3 * before["force_rmse_ev_per_a"]
    alone = trained.train(recipe={"steps": 1}, potential="Alone").result["metrics"]["test"]
    assert alone["force_rmse_ev_per_a"] > 1.3 * after["force_rmse_ev_per_a"]
