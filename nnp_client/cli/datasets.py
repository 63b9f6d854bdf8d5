"""nnp upload, datasets, exclude."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from nnp_client.cli import following
from nnp_client.cli.state import State, of, pairs, table
from nnp_client.wire.datasets import DatasetVersionOut

Text = str | None


def upload(
    context: typer.Context,
    *,
    file: Annotated[Path, typer.Argument(help="File of labelled structures.", exists=True, dir_okay=False)],
    name: Annotated[str, typer.Option(help="Name of the dataset.")],
    format: Annotated[Text, typer.Option(help="Format; default: by name and content.")] = None,
    energy_key: Annotated[Text, typer.Option(help="Where the energy is whose derivative the forces are.")] = None,
    forces_key: Annotated[Text, typer.Option(help="Where the forces are.")] = None,
    stress_key: Annotated[Text, typer.Option(help="Where the stress is.")] = None,
    virial_key: Annotated[Text, typer.Option(help="Where the virial is.")] = None,
    group_key: Annotated[Text, typer.Option(help="Where the group is.")] = None,
    trajectory_key: Annotated[Text, typer.Option(help="Where the trajectory is.")] = None,
    split_key: Annotated[Text, typer.Option(help="Where the split is.")] = None,
    name_key: Annotated[Text, typer.Option(help="Where a free text of the frame is.")] = None,
    charge_key: Annotated[Text, typer.Option(help="Where the charge is.")] = None,
    spin_key: Annotated[Text, typer.Option(help="Where the total magnetic moment is.")] = None,
    electronic_temperature_key: Annotated[Text, typer.Option(help="Where the electronic temperature is.")] = None,
    length_unit: Annotated[Text, typer.Option(help="angstrom or bohr; default: the format's own.")] = None,
    energy_unit: Annotated[Text, typer.Option(help="eV, Hartree or Rydberg; default: the format's own.")] = None,
    on_error: Annotated[str, typer.Option(help="raise: a bad frame rejects all; skip: it is left out.")] = "raise",
    require_labels: Annotated[
        bool | None,
        typer.Option("--require-labels/--unlabelled", help="Every frame needs an energy, or none has one."),
    ] = None,
    method: Annotated[Text, typer.Option(help="Name of the method; default: the dataset's.")] = None,
    method_record: Annotated[Text, typer.Option(help="Settings of the method, a JSON object.")] = None,
    test_fraction: Annotated[float, typer.Option(help="Part kept for the test, where the file does not say.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    note: Annotated[str, typer.Option(help="What this version is.")] = "",
    licence: Annotated[Text, typer.Option(help="Licence of the data, such as CC-BY-4.0.")] = None,
    authors: Annotated[Text, typer.Option(help="Who made the data; stands on the cards.")] = None,
    citation: Annotated[Text, typer.Option(help="How to cite the data; stands on the cards.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", "--watch", help="Wait until the file is read.")] = True,
) -> None:
    """Upload a file of labelled structures; the service reads it in a job."""
    given = {key: value for key, value in locals().items() if key not in ("context", "file", "wait")}
    state = of(context)
    taken = _send(state, file, given)
    if not wait:
        state.show(taken, f"job {taken.job.id} reads it into {taken.dataset_version.reference}")
        return
    job = following.follow(state, taken.job.id)
    reference = str((job.result or {}).get("dataset_version", taken.dataset_version.reference))
    version = state.client.dataset_version(reference)
    state.show(version, _version(version))


def datasets(
    context: typer.Context,
    name: Annotated[Text, typer.Argument(help="A dataset, or a version such as si-pbe:2; default: list all.")] = None,
    element: Annotated[list[str] | None, typer.Option(help="Only with this element; repeat for several.")] = None,
    text: Annotated[str, typer.Option(help="Only with this in the name.")] = "",
) -> None:
    """List datasets, or show one."""
    state = of(context)
    if name is None:
        found = state.client.datasets(elements=element or (), text=text)
        rows = [[entry.name, len(entry.versions), *_latest(entry.latest)] for entry in found]
        state.show(found, table(["dataset", "versions", "newest", "state", "frames", "elements"], rows))
        return
    version = state.client.dataset_version(name) if ":" in name else state.client.dataset(name).latest
    state.show(version, "no version yet" if version is None else _version(version))


def exclude(
    context: typer.Context,
    version: Annotated[str, typer.Argument(help="A dataset version such as si-pbe:2.")],
    position: Annotated[list[int] | None, typer.Option(help="Position to leave out; repeat for several.")] = None,
    group: Annotated[list[str] | None, typer.Option(help="Group to leave out; repeat for several.")] = None,
    note: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """Make a new dataset version without some frames."""
    state = of(context)
    made = state.client.exclude(version, positions=position or (), groups=group or (), note=note)
    state.show(made, _version(made))


def install(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (upload, datasets, exclude):
        app.command()(command)


def _send(state: State, file: Path, given: dict[str, Any]) -> Any:
    if state.as_json:
        return state.client.upload(file, **given)
    columns = (TextColumn("upload"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=state.console, transient=True) as bar:
        task = bar.add_task("upload", total=file.stat().st_size)
        return state.client.upload(file, progress=lambda sent, _: bar.update(task, completed=sent), **given)


def _latest(version: DatasetVersionOut | None) -> list[Any]:
    if version is None:
        return [None, None, None, None]
    statistics = version.statistics or {}
    return [version.reference, version.state.value, statistics.get("n_frames"), statistics.get("elements")]


def _version(version: DatasetVersionOut) -> Any:
    statistics = version.statistics or {}
    return pairs(
        {
            "version": version.reference,
            "state": version.state.value,
            "reason": version.reason,
            "made from": version.parent,
            "withdrawn before it": version.withdrawn_ancestors,
            "frames": statistics.get("n_frames"),
            "labelled": statistics.get("n_labelled"),
            "elements": statistics.get("elements"),
            "methods": statistics.get("methods"),
            "splits": _counts(statistics.get("splits")),
            "groups": _counts({name: sum(parts.values()) for name, parts in statistics.get("groups", {}).items()}),
            "rejected": [
                f"{entry.file} frame {entry.frame} line {entry.line}: {entry.reason}" for entry in version.rejections
            ],
            "note": version.note or None,
        }
    )


def _counts(counts: dict[str, int] | None) -> list[str] | None:
    return None if counts is None else [f"{name or '(none)'} {number}" for name, number in counts.items()]
