"""Following a job on the terminal: a progress bar with stage, epoch, errors and time left."""

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from nnp_client import watching
from nnp_client.cli.state import State
from nnp_client.wire import jobs as wire

SHOWN = (
    ("validation_energy_rmse_mev_per_atom", "meV/atom"),
    ("energy_rmse_mev_per_atom", "meV/atom"),
    ("validation_force_rmse_ev_per_a", "eV/Å"),
    ("force_rmse_ev_per_a", "eV/Å"),
)
"""Errors that the bar shows, with their units; the first of each unit that is there."""

LINE_SECONDS = 10.0
"""How often a job tells how far it is where the output is no terminal."""


def follow(state: State, job_id: str) -> wire.JobOut:
    """Show a job until it ends.

    Raises:
        JobError: It failed or was cancelled.
    """
    if state.as_json:
        for found in state.client.watch(job_id):
            for event in found.events:
                state.console.print_json(event.model_dump_json(), indent=None)
    else:
        _draw(state, job_id)
    return watching.succeeded(state.client.job(job_id))


def _draw(state: State, job_id: str) -> None:
    columns = (
        TextColumn("{task.description:>10}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[detail]}"),
    )
    with Progress(*columns, console=state.console, transient=not state.console.is_terminal) as bar:
        task = bar.add_task("queued", total=1.0, detail="")
        due = 0.0
        for found in state.client.watch(job_id):
            for event in found.events:
                _print(bar.console, event)
            stage = (found.progress.stage if found.progress else None) or found.state.value
            done = 1.0 if found.state == wire.JobState.SUCCEEDED else _fraction(found.progress)
            words = detail(found.progress)
            bar.update(task, completed=done, description=stage, detail=words)
            if words and not bar.console.is_terminal and time.monotonic() >= due:
                # A log file has no bar: a line now and then tells the same.
                bar.console.print(f"{stage}  {words}", markup=False, highlight=False)
                due = time.monotonic() + LINE_SECONDS


def detail(progress: wire.JobProgress | None) -> str:
    """Epoch, errors and time left in a few words; of a stage without epochs, what it does."""
    if progress is None:
        return ""
    parts = []
    if progress.epoch is not None and progress.epochs:
        parts.append(f"epoch {progress.epoch}/{progress.epochs}")
    seen: set[str] = set()
    for name, unit in SHOWN:
        value = progress.metrics.get(name)
        if value is not None and unit not in seen:
            seen.add(unit)
            parts.append(f"{value:.3g} {unit}")
    if progress.seconds_left is not None:
        parts.append(f"{_clock(progress.seconds_left)} left")
    return "  ".join(parts) or progress.message or ""


def _fraction(progress: wire.JobProgress | None) -> float:
    if progress is None:
        return 0.0
    if progress.fraction is not None:
        return progress.fraction
    return (progress.epoch or 0) / progress.epochs if progress.epochs else 0.0


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _print(console: Console, event: wire.EventOut) -> None:
    if event.kind == wire.EventKind.LOG:
        console.print(f"{event.at:%H:%M:%S} {event.data.get('message', '')}", markup=False, highlight=False)
    elif event.kind == wire.EventKind.STATE:
        reason = event.data.get("reason")
        text = f"{event.data.get('state', '')}" + (f": {reason}" if reason else "")
        console.print(f"{event.at:%H:%M:%S} {text}", markup=False, highlight=False)
