"""The command `nnpd`. Every command imports what it needs when it runs: `nnpd --help` stays quick."""

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnpd import child
from nnpd.errors import ServerError
from nnpd.settings import Settings

if TYPE_CHECKING:
    from nnpd import installation

app = typer.Typer(
    help="The server of nnpd: registry, training jobs and predictions of neural network potentials.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

HomeOption = Annotated[Path | None, typer.Option("--home", help="The folder of the installation (NNPD_HOME).")]
HostOption = Annotated[str | None, typer.Option(help="Address to bind to (NNPD_HOST).")]
PortOption = Annotated[int | None, typer.Option(help="Port, 0 for a free one (NNPD_PORT).", min=0, max=65535)]
AllowNetworkOption = Annotated[bool, typer.Option(help="Let the host be one that others can reach.")]


def main() -> None:
    """Run the command; what we refuse to do is one sentence on stderr, not a traceback."""
    from models_store.errors import StoreError

    try:
        app()
    except ServerError as error:
        print(f"nnpd: {error}", file=sys.stderr)
    except StoreError as error:
        print(f"nnpd: {error}" + (f"\n      {error.advice}" if error.advice else ""), file=sys.stderr)
    sys.exit(1)


@app.command()
def up(
    home: HomeOption = None,
    host: HostOption = None,
    port: PortOption = None,
    allow_network: AllowNetworkOption = False,
) -> None:
    """Run everything on this machine: API, workers and reconciler; Ctrl-C stops them, what is stored stays."""
    from nnpd import up

    child.end_with_supervisor()
    settings = _settings(home=home, host=host, port=port)
    up.up(settings, allow_network=allow_network, announce=lambda line: print(line, flush=True))


@app.command()
def serve(
    home: HomeOption = None,
    host: HostOption = None,
    port: PortOption = None,
    allow_network: AllowNetworkOption = False,
    fd: Annotated[int | None, typer.Option(help="A listening socket to inherit.", hidden=True)] = None,
) -> None:
    """Run one API process."""
    from nnpd import listening, serve

    child.end_with_supervisor()
    settings = _settings(home=home, host=host, port=port)
    settings.export()
    if fd is not None:
        serve.serve(socket.socket(fileno=fd))
        return
    with listening.listen(settings, allow_network=allow_network) as listener:
        serve.serve(listener)


@app.command()
def work(
    home: HomeOption = None,
    queue: Annotated[
        list[str] | None, typer.Option(help="Queue to work on, may be repeated: default, train. Default: both.")
    ] = None,
    reconciler: Annotated[bool, typer.Option(help="Run the reconciler instead (one per installation).")] = False,
) -> None:
    """Run one worker process (one job at a time), or the reconciler."""
    from nnpd import work

    child.end_with_supervisor()
    settings = _settings(home=home)
    settings.export()
    if reconciler:
        work.become_reconciler()
    work.become_worker(queue or ["default", "train"], log_level=settings.log_level)


@app.command()
def migrate(home: HomeOption = None) -> None:
    """Bring the database to the tables this version needs (`nnpd up` does it by itself)."""
    from models_store import database

    database.migrate(_installation(home).database_url)
    print(f"The database is at revision {database.schema_head()}.")


@app.command()
def backup(
    destination: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")], home: HomeOption = None
) -> None:
    """Copy the database and the artifacts, while the service runs or not."""
    from nnpd import backup

    print(backup.back_up(_installation(home), destination))


@app.command()
def collect(
    home: HomeOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
) -> None:
    """Delete artifacts that nothing refers to, and checkpoints of jobs that need none any more."""
    from nnpd import collect

    for line in collect.collect(_installation(home), dry_run=dry_run):
        print(line)


@app.command()
def doctor(home: HomeOption = None) -> None:
    """Check this installation and say what to do about what is wrong."""
    from nnpd import doctor

    findings = doctor.examine(_installation(home))
    for finding in findings:
        print(finding)
    raise typer.Exit(0 if all(finding.fine for finding in findings) else 1)


keys = typer.Typer(help="API keys: made once, shown once, kept as hashes.", no_args_is_help=True)
app.add_typer(keys, name="keys")


@keys.command("create")
def create_key(name: str, home: HomeOption = None) -> None:
    """Make a key; from the first one on the API asks for keys."""
    from nnpd import keys

    print(keys.create(_installation(home), name))


@keys.command("list")
def list_keys(home: HomeOption = None) -> None:
    """Name, beginning and state of every key."""
    from nnpd import keys

    for line in keys.listed(_installation(home)):
        print(line)


@keys.command("revoke")
def revoke_key(name: str, home: HomeOption = None) -> None:
    """End a key for good."""
    from nnpd import keys

    keys.revoke(_installation(home), name)
    print(f"The key {name} is revoked.")


def _installation(home: Path | None) -> "installation.Installation":
    from nnpd import installation

    return installation.of(_settings(home=home))


def _settings(**given: Path | str | int | None) -> Settings:
    """The settings of the environment, with what the command line says instead."""
    said = {name: value for name, value in given.items() if value is not None}
    return Settings.model_validate(Settings().model_dump() | said)
