"""nnp train, retrain, evaluate, replicas, jobs, watch, cancel, retry."""

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from nnp_client.cli import following, job_results
from nnp_client.cli.state import State, of, pairs, table
from nnp_client.wire import jobs as wire

Text = str | None
RecipeFile = Annotated[
    Path | None, typer.Option("--recipe", help="Recipe as JSON or TOML; default: the default recipe.", exists=True)
]
Setting = Annotated[
    list[str] | None, typer.Option("--set", help="A field of the recipe, such as --set seed=1 --set loss.force=2.")
]
Alias = Annotated[str, typer.Option(help="Alias whose present version the new one must not be worse than.")]
Watch = Annotated[bool, typer.Option("--watch", help="Follow the job to its end.")]


def train(
    context: typer.Context,
    *,
    potential: Annotated[str, typer.Argument(help="Name of the potential.")],
    dataset: Annotated[str, typer.Argument(help="Dataset version such as si-pbe:2, or si-pbe for the newest.")],
    recipe: RecipeFile = None,
    setting: Setting = None,
    alias: Alias = "production",
    watch: Watch = False,
) -> None:
    """Train a new version of a potential."""
    state = of(context)
    job = state.client.train(potential, dataset, recipe=recipe_of(recipe, setting) or {}, alias=alias)
    submitted(state, job, watch)


def retrain(
    context: typer.Context,
    *,
    parent: Annotated[str, typer.Argument(help="Version to start from: Si:3 or Si@production.")],
    dataset: Annotated[str, typer.Argument(help="Dataset version such as si-pbe:3.")],
    recipe: RecipeFile = None,
    setting: Setting = None,
    alias: Alias = "production",
    watch: Watch = False,
) -> None:
    """Train a new version from the weights of another one; --set alone changes fields of its recipe."""
    state = of(context)
    start = _parents_recipe(state, parent) if recipe is None and setting else None
    job = state.client.retrain(parent, dataset, recipe=recipe_of(recipe, setting, start), alias=alias)
    submitted(state, job, watch)


def evaluate(
    context: typer.Context,
    *,
    version: Annotated[str, typer.Argument(help="Potential version: Si:3 or Si@production.")],
    dataset: Annotated[str, typer.Argument(help="Dataset version such as si-pbe:2.")],
    split: Annotated[str, typer.Option(help="train, validation, test or all.")] = "test",
    alias: Annotated[Text, typer.Option(help="Go through the gates again, for this alias.")] = None,
    watch: Watch = False,
) -> None:
    """Measure errors on a dataset version; with --alias the gates too."""
    state = of(context)
    job = state.client.evaluate(version, dataset, split=None if split == "all" else split, alias=alias)
    submitted(state, job, watch)


def replicas(
    context: typer.Context,
    *,
    version: Annotated[str, typer.Argument(help="Potential version: Si:3 or Si@production.")],
    dataset: Annotated[str, typer.Argument(help="Dataset version with the structures; they need no labels.")],
    steps: Annotated[int | None, typer.Option(help="Optimiser steps; default: the recipe's.", min=1)] = None,
    alias: Alias = "production",
    watch: Watch = False,
) -> None:
    """Train replicas for a version, which tell what it has never seen: makes a new version."""
    state = of(context)
    job = state.client.train_replicas(version, dataset, replica_steps=steps, alias=alias)
    submitted(state, job, watch)


def jobs(
    context: typer.Context,
    job_id: Annotated[Text, typer.Argument(help="A job; default: list the newest.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Only of this kind; repeat for several.")] = None,
    job_state: Annotated[
        list[str] | None, typer.Option("--state", help="Only in this state; repeat for several.")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=1000)] = 20,
) -> None:
    """List jobs, or show one."""
    state = of(context)
    if job_id is not None:
        _show(state, state.client.job(job_id))
        return
    found = state.client.jobs(kinds=kind or (), states=job_state or (), limit=limit)
    rows = [
        [job.id, job.kind.value, job.state.value, f"{job.created_at:%Y-%m-%d %H:%M}", following.detail(job.progress)]
        for job in found
    ]
    state.show(found, table(["job", "kind", "state", "submitted", "progress"], rows))


def watch(context: typer.Context, job_id: Annotated[str, typer.Argument(help="The job.")]) -> None:
    """Follow a job to its end: epoch, errors, time left."""
    state = of(context)
    _show(state, following.follow(state, job_id))


def cancel(context: typer.Context, job_id: Annotated[str, typer.Argument(help="The job.")]) -> None:
    """Stop a job; a running one stops at its next step and keeps its checkpoint."""
    state = of(context)
    job = state.client.cancel(job_id)
    stopping = job.cancel_requested and job.state not in wire.FINAL_STATES
    state.show(job, f"job {job.id} " + ("is asked to stop" if stopping else f"is {job.state.value}"))


def retry(
    context: typer.Context, job_id: Annotated[str, typer.Argument(help="The job.")], watch: Watch = False
) -> None:
    """Queue a failed or cancelled job again; it goes on from its checkpoint."""
    state = of(context)
    submitted(state, state.client.retry(job_id), watch)


def install(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (train, retrain, evaluate, replicas, jobs, watch, cancel, retry):
        app.command()(command)


def submitted(state: State, job: wire.JobOut, watch: bool) -> None:
    """Show a job that was queued, at its end where it is to be watched."""
    if not watch:
        state.show(job, f"job {job.id} is queued; follow it with: nnp watch {job.id}")
        return
    state.say(f"job {job.id}")
    _show(state, following.follow(state, job.id))


def _show(state: State, job: wire.JobOut) -> None:
    state.show(job, _job(job))
    if not state.as_json:
        for found in job_results.tables(job.result):
            state.console.print(found)


def _job(job: wire.JobOut) -> Any:
    result = {name: value for name, value in (job.result or {}).items() if isinstance(value, str | int | float)}
    return pairs(
        {
            "job": job.id,
            "kind": job.kind.value,
            "state": job.state.value,
            "error": None if job.error is None else f"{job.error.code}: {job.error.message}",
            "progress": following.detail(job.progress) or None,
            "attempts": job.attempt,
            "submitted": f"{job.created_at:%Y-%m-%d %H:%M:%S}",
            "ended": None if job.finished_at is None else f"{job.finished_at:%Y-%m-%d %H:%M:%S}",
            **result,
        }
    )


def _parents_recipe(state: State, reference: str) -> dict[str, Any]:
    """The recipe of a version; nothing for an imported one."""
    return dict(state.client.lineage(reference).lineage.get("recipe") or {})


def recipe_of(
    file: Path | None, settings: list[str] | None, start: dict[str, Any] | None = None
) -> dict[str, Any] | None:
    """The fields of a recipe from a file, else from `start`, and from --set options; None without any."""
    if file is None and not settings:
        return None
    recipe: dict[str, Any] = dict(start or {}) if file is None else _read(file)
    for setting in settings or ():
        name, separator, text = setting.partition("=")
        if not separator:
            raise ValueError(f"--set {setting}: write it as field=value")
        *path, last = name.split(".")
        inner = recipe
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = _value(text)
    return recipe


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text()) if file.suffix == ".toml" else json.loads(file.read_text())
    except ValueError as error:
        raise ValueError(f"{file} is no readable recipe: {error}") from error


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
