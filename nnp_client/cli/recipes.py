"""nnp preview, select, search, recipe: jobs whose result is a recipe."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from nnp_client.cli import jobs
from nnp_client.cli.state import of
from nnp_client.wire.jobs import JobKind, JobOut

Text = str | None
MAKERS = (JobKind.PREVIEW, JobKind.SELECT, JobKind.SEARCH)
"""Jobs that make a recipe."""


def preview(
    context: typer.Context,
    *,
    dataset: Annotated[str, typer.Argument(help="Dataset version such as si-pbe:2, or si-pbe for the newest.")],
    recipe: jobs.RecipeFile = None,
    setting: jobs.Setting = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Wait for the job and write its plot (PNG) to this file.")
    ] = None,
    watch: jobs.Watch = False,
) -> None:
    """Look where a recipe's symmetry functions sit on the distances and angles of a data set, before any training."""
    state = of(context)
    job = state.client.preview(dataset, recipe=jobs.recipe_of(recipe, setting))
    jobs.submitted(state, job, watch or output is not None)
    if output is not None:
        state.client.download_job_file(job.id, "plot", output)
        state.say(f"wrote {output}")


def select(
    context: typer.Context,
    *,
    dataset: Annotated[str, typer.Argument(help="Dataset version such as si-pbe:2, or si-pbe for the newest.")],
    recipe: jobs.RecipeFile = None,
    setting: jobs.Setting = None,
    method: Annotated[Text, typer.Option(help="How functions are ranked; default: see docs/selection.md.")] = None,
    count: Annotated[int | None, typer.Option(help="Functions to keep; default: as many as are needed.")] = None,
    watch: jobs.Watch = False,
) -> None:
    """Choose the symmetry functions that a data set needs, from those that a recipe means."""
    state = of(context)
    given = {"method": method, "count": count}
    selection = {name: value for name, value in given.items() if value is not None}
    job = state.client.select(dataset, recipe=jobs.recipe_of(recipe, setting), selection=selection)
    jobs.submitted(state, job, watch)


def search(
    context: typer.Context,
    *,
    dataset: Annotated[str, typer.Argument(help="Dataset version such as si-pbe:2, or si-pbe for the newest.")],
    recipe: jobs.RecipeFile = None,
    setting: jobs.Setting = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(help="networks, activation, functions, cutoff or loss; repeat for several; default: all."),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(help="Budget of all trials together in optimiser steps; cross-validation comes on top."),
    ] = None,
    watch: jobs.Watch = False,
) -> None:
    """Look for a better recipe near a given one, within a budget of steps."""
    state = of(context)
    given = {"vary": vary, "steps": steps}
    chosen = {name: value for name, value in given.items() if value is not None}
    job = state.client.search(dataset, recipe=jobs.recipe_of(recipe, setting), search=chosen)
    jobs.submitted(state, job, watch)


def recipe(
    context: typer.Context,
    job_id: Annotated[str, typer.Argument(help="A finished job.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file; default: print it.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write the job's plot (PNG) to this file too.")] = None,
) -> None:
    """Write the recipe that a job made or used, for nnp train --recipe."""
    state = of(context)
    found = _recipe(state.client.job(job_id))
    if plot is not None:
        state.client.download_job_file(job_id, "plot", plot)
    if output is None:
        state.console.print_json(json.dumps(found))
        return
    output.write_text(json.dumps(found, indent=2) + "\n")
    state.show({"file": str(output)}, f"wrote {output}")


def install(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (preview, select, search, recipe):
        app.command()(command)


def _recipe(job: JobOut) -> dict[str, Any]:
    """What the job made, else what it was asked to use."""
    made = (job.result or {}).get("recipe") or (None if job.kind in MAKERS else job.request.get("recipe"))
    if made is None:
        raise ValueError(f"job {job.id} ({job.kind.value}, {job.state.value}) has no recipe")
    return made
