"""The main job, step by step: data in, potential out, served with uncertainty to a simulation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from nnp.core import metrics, reading
from nnp.core.label import Frame
from nnp.core.prediction import Prediction
from nnp_client import watching
from nnp_client.calculator import NNPCalculator
from nnp_client.cli import following
from nnp_client.cli.state import State
from nnp_client.client import Client
from nnp_client.wire import jobs as wire
from nnpd.demo import dynamics, plots, tables

DATA = Path(__file__).resolve().parents[2] / "data" / "si-pbe" / "si-pbe.extxyz"
DATASET = "si-pbe"
POTENTIAL = "Si"
NARROW_POTENTIAL = "Si-narrow"
UNSEEN = ("liquid", "vacancy", "compressed")
RECIPES: Mapping[str, Mapping[str, Any]] = {
    # The default recipe with budgets that suit a demonstration.
    POTENTIAL: {"steps": 1800, "replica_steps": 2000},
    NARROW_POTENTIAL: {
        "steps": 900,
        "replica_steps": 1500,
        "committee": [{"hidden": [32, 16]}, {"hidden": [24, 24]}],
        "exclude_groups": list(UNSEEN),
    },
}
PROPERTIES = ("energy", "forces", "stress", "energy_novelties", "force_uncertainties")
FINISHED_OR_GOING = {wire.JobState.QUEUED, wire.JobState.RUNNING, wire.JobState.SUCCEEDED}


Part = tuple[list[Frame], list[Prediction]]


@dataclass(frozen=True, kw_only=True)
class Demonstration:
    """Where the demonstration talks to, prints and writes."""

    client: Client
    console: Console
    output: Path


def tell(demonstration: Demonstration) -> None:
    """Run every step; what was done before in the same home is found and not done again."""
    console = demonstration.console
    console.rule("1  Data")
    dataset_version = upload(demonstration)
    console.rule("2  Training (two jobs in the queue)")
    jobs = {name: training(demonstration, name, dataset_version) for name in RECIPES}
    versions = {name: follow(demonstration, name, job) for name, job in jobs.items()}
    console.rule("3  Gates and promotion")
    promote(demonstration, versions[POTENTIAL])
    console.rule("4  Predictions over HTTP")
    frames = labelled_frames(demonstration, dataset_version)
    predictions = predict(demonstration, frames, f"{POTENTIAL}@production")
    parts = by_split(frames, predictions)
    draw(demonstration, parts, jobs[POTENTIAL])
    console.rule("5  Novelty of what was never seen")
    novelty(demonstration, frames, versions[NARROW_POTENTIAL])
    console.rule("6  Molecular dynamics of 216 atoms")
    runs = molecular_dynamics(demonstration)
    console.rule("Summary")
    groups = {split: metrics.by_group(*part) for split, part in parts.items()}
    totals = {split: metrics.errors(*part) for split, part in parts.items()}
    console.print(tables.summary(groups, totals, runs, atoms=len(dynamics.crystal())))


def upload(demonstration: Demonstration) -> str:
    """Upload the shipped data set; the same file again gives the same version."""
    client, console = demonstration.client, demonstration.console
    job = client.upload(
        DATA,
        name=DATASET,
        method_record=(DATA.parent / "method.json").read_text(),
        authors="the nnpd developers",
        licence="CC-BY-4.0",
        citation="data/si-pbe of nnpd (CITATION.cff)",
    ).job
    done = following.follow(_state(demonstration), job.id)
    version = client.dataset_version((done.result or {})["dataset_version"])
    console.print(tables.dataset(version))
    return version.reference


def training(demonstration: Demonstration, potential: str, dataset_version: str) -> str:
    """Queue a training, or find the one queued before; returns the job's id."""
    for job in demonstration.client.jobs(kinds=["train"]):
        asked = job.request
        same = asked.get("potential") == potential and asked.get("dataset_version") == dataset_version
        if same and job.state in FINISHED_OR_GOING:
            demonstration.console.print(f"{potential}: going on with job {job.id} ({job.state.value})")
            return job.id
    return demonstration.client.train(potential, dataset_version, recipe=RECIPES[potential]).id


def follow(demonstration: Demonstration, potential: str, job_id: str) -> str:
    """Show a training until it ends; returns the new version."""
    demonstration.console.print(f"{potential}: job {job_id}")
    following.follow(_state(demonstration), job_id)
    job = watching.succeeded(demonstration.client.job(job_id))
    version = str((job.result or {})["potential_version"])
    demonstration.console.print(f"{potential}: made {version}")
    return version


def promote(demonstration: Demonstration, reference: str) -> None:
    """Show the gates and point the alias at the version."""
    client = demonstration.client
    version = client.potential_version(reference)
    demonstration.console.print(tables.gates(version.gates))
    present = {alias.alias: alias.version for alias in client.potential(POTENTIAL).aliases}
    alias = client.promote(POTENTIAL, version.number, expected=present.get("production"), reason="demonstration")
    demonstration.console.print(f"{alias.reference} is now {version.reference}")


def labelled_frames(demonstration: Demonstration, dataset_version: str) -> list[Frame]:
    """The frames as the registry keeps them, with group and split."""
    target = demonstration.output / "si-pbe.extxyz"
    demonstration.client.download_dataset(dataset_version, target)
    return list(reading.read_frames(target))


def predict(demonstration: Demonstration, frames: Sequence[Frame], potential: str) -> list[Prediction]:
    """Predict all frames over HTTP in batches."""
    results: list[Prediction] = []
    starts = range(0, len(frames), 32)
    for start in track(starts, description="predicting", console=demonstration.console, transient=True):
        structures = [frame.structure for frame in frames[start : start + 32]]
        results += demonstration.client.predict(structures, potential=potential, properties=PROPERTIES)
    return results


def by_split(frames: Sequence[Frame], predictions: Sequence[Prediction]) -> dict[str, Part]:
    """Frames and their predictions, train and test apart."""
    parts: dict[str, Part] = {"train": ([], []), "test": ([], [])}
    for frame, prediction in zip(frames, predictions, strict=True):
        members, predicted = parts["test" if frame.split == "test" else "train"]
        members.append(frame)
        predicted.append(prediction)
    return parts


def draw(demonstration: Demonstration, parts: Mapping[str, Part], job_id: str) -> None:
    """Learning curve, parity and uncertainty against error."""
    output = demonstration.output
    plots.learning_curve(history(demonstration.client, job_id), output / "learning_curve.png")
    plots.parity(metrics.parity(*parts["train"]), metrics.parity(*parts["test"]), output / "parity.png")
    rows = [
        (prediction.force_uncertainties, prediction.forces - frame.label.forces)
        for frame, prediction in zip(*parts["test"], strict=True)
        if frame.label is not None and frame.label.forces is not None and prediction.forces is not None
    ]
    sigma = np.concatenate([uncertainties for uncertainties, _ in rows if uncertainties is not None])
    wrong = np.concatenate([errors for uncertainties, errors in rows if uncertainties is not None])
    plots.uncertainty_against_error(sigma, wrong, output / "uncertainty.png")


def history(client: Client, job_id: str) -> list[dict[str, float]]:
    """Errors of the committee epoch by epoch, as the job recorded them."""
    rows: list[dict[str, float]] = []
    after = 0
    while True:
        page = client.events(job_id, after=after, kinds=["metrics"])
        if not page.events:
            return rows
        rows += [
            {"epoch": event.data["epoch"], **event.data["metrics"]}
            for event in page.events
            if event.data.get("stage") == "committee"
        ]
        after = page.last


def novelty(demonstration: Demonstration, frames: Sequence[Frame], narrow: str) -> None:
    """A potential that never saw some groups: their atoms' novelty against that of test atoms of known groups."""
    predictions = predict(demonstration, frames, narrow)
    pairs = [(f, p.energy_novelties) for f, p in zip(frames, predictions, strict=True)]
    seen = np.concatenate([n for f, n in pairs if f.group not in UNSEEN and f.split == "test" and n is not None])
    unseen = {group: np.concatenate([n for f, n in pairs if f.group == group and n is not None]) for group in UNSEEN}
    demonstration.console.print(tables.novelty(seen, unseen, narrow))
    plots.novelty(seen, unseen, demonstration.output / "novelty.png")


def molecular_dynamics(demonstration: Demonstration) -> dict[str, dynamics.Run]:
    """Dynamics through the service, and the same potential in process for comparison."""
    client = demonstration.client
    runs: dict[str, dynamics.Run] = {}
    for place, local, steps in (("remote", False, dynamics.STEPS), ("in process", True, dynamics.COMPARED_STEPS)):
        calculator = NNPCalculator(
            f"{POTENTIAL}@production", client=client, local=local, properties=dynamics.PROPERTIES, threads=1
        )
        runs[place] = dynamics.run(calculator, steps=steps)
    demonstration.console.print(tables.dynamics(runs, atoms=len(dynamics.crystal())))
    return runs


def _state(demonstration: Demonstration) -> State:
    return State(client=demonstration.client, console=demonstration.console, as_json=False)
