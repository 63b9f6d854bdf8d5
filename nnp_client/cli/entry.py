"""The command `nnp` as a whole: global options, commands, errors as one sentence, exit codes."""

import sys
from collections.abc import Callable, Sequence
from typing import Annotated, NoReturn

import pydantic
import typer
from rich.console import Console

from nnp_client import errors
from nnp_client.cli import datasets, exchange, exit_codes, jobs, potentials, predictions, recipes
from nnp_client.cli.state import State
from nnp_client.client import DEFAULT_URL, Client

app = typer.Typer(
    help="Neural network potentials of an nnpd service: upload data, train, promote, predict.",
    epilog="Exit codes: 0 done, 1 refused, 2 usage, 3 service not reached, 4 job failed or cancelled, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for part in (datasets, jobs, predictions, potentials, exchange, recipes):
    part.install(app)


@app.callback()
def options(
    context: typer.Context,
    url: Annotated[str, typer.Option(envvar="NNPD_URL", help="Address of the service.")] = DEFAULT_URL,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Hold what all commands need."""
    open_client: Callable[[str], Client] = context.obj or Client
    context.obj = State(client=open_client(url), console=Console(), as_json=as_json)
    context.call_on_close(context.obj.client.close)


def main() -> NoReturn:
    """Run `nnp` with the arguments of the process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str], *, open_client: Callable[[str], Client] = Client) -> int:
    """Run `nnp`.

    Args:
        arguments: As on the command line, without the program's name.
        open_client: Makes the client for an address.

    Returns:
        The exit code.
    """
    complaints = Console(stderr=True)
    try:
        app(args=list(arguments), prog_name="nnp", obj=open_client)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except (errors.UnreachableError, errors.TimedOutError) as error:
        return _complain(complaints, error, exit_codes.UNREACHABLE)
    except errors.JobError as error:
        return _complain(complaints, error, exit_codes.JOB)
    except (errors.ClientError, OSError) as error:
        return _complain(complaints, error, exit_codes.REFUSED)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return _complain(complaints, f"{place}: {first['msg']}", exit_codes.USAGE)
    except ValueError as error:
        return _complain(complaints, error, exit_codes.USAGE)
    except KeyboardInterrupt:
        return _complain(complaints, "interrupted; jobs go on, `nnp jobs` lists them", exit_codes.INTERRUPTED)
    return 0


def _complain(console: Console, error: object, code: int) -> int:
    console.print(f"nnp: {error}", style="red", highlight=False, soft_wrap=True, markup=False)
    return code
