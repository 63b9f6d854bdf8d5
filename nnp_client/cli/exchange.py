"""nnp import, export: potentials of other programs."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from nnp_client import foreign_files
from nnp_client.cli import following, job_results
from nnp_client.cli.potentials import described
from nnp_client.cli.state import of, pairs

Text = str | None


def import_potential(
    context: typer.Context,
    *,
    source: Annotated[
        Path, typer.Argument(help="Folder of an n2p2 or RuNNer potential; SIMPLE-NN: that or the file.", exists=True)
    ],
    name: Annotated[str, typer.Option(help="Name of the potential.")],
    units: Annotated[Text, typer.Option(help="bohr,hartree or angstrom,ev; default: the format's own.")] = None,
    replicas_from: Annotated[
        Text, typer.Option(help="Train replicas on the structures of this dataset version; they need no labels.")
    ] = None,
    alias: Annotated[str, typer.Option(help="Alias whose present version it must not be worse than.")] = "production",
    note: Annotated[str, typer.Option(help="What it is.")] = "",
    licence: Annotated[Text, typer.Option(help="Licence of the potential.")] = None,
    authors: Annotated[Text, typer.Option(help="Who made it; stands on the card.")] = None,
    citation: Annotated[Text, typer.Option(help="How to cite it; stands on the card.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", "--watch", help="Wait until it is registered.")] = True,
) -> None:
    """Import a potential of another program; it becomes an ordinary version."""
    given = {key: value for key, value in locals().items() if key not in ("context", "source", "wait")}
    state = of(context)
    job = state.client.import_potential(source, **given)
    if not wait:
        state.show(job, f"job {job.id} is queued; follow it with: nnp watch {job.id}")
        return
    done = following.follow(state, job.id)
    version = state.client.potential_version(str((done.result or {})["potential_version"]))
    state.show(version, pairs(described(version)))
    if not state.as_json:
        for found in job_results.tables({**(done.result or {}), "gates": None}):  # the version has shown its gates
            state.console.print(found)


def export(
    context: typer.Context,
    *,
    reference: Annotated[str, typer.Argument(help="Si:3 or Si@production.")],
    format: Annotated[str, typer.Option(help="n2p2 or simple-nn.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="New folder; default: by the name.")] = None,
) -> None:
    """Write a potential in the files of another program, where these can express it."""
    state = of(context)
    version = state.client.potential_version(reference)
    folder = output or Path(f"{version.name}-{version.number}-{format}")
    foreign_files.check_empty(folder)
    job = following.follow(state, state.client.export(version.reference, format).id)
    with tempfile.TemporaryDirectory() as temporary:
        archive = state.client.download_job_file(job.id, "export", Path(temporary) / "export.tar")
        written = [str(path) for path in foreign_files.unpack(archive, folder)]
    state.show({"files": written}, f"wrote {', '.join(written)}")


def install(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("import")(import_potential)
    app.command()(export)
