"""`python -m nnpd.demo`: what `make demo` runs."""

import argparse
import shutil
import signal
import sys
import time
from pathlib import Path

from rich.console import Console

from nnp_client.client import Client
from nnp_client.errors import ClientError
from nnpd.demo import server, story
from nnpd.errors import ServerError


def main() -> int:
    """Run the demonstration; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make demo", description="The main job of nnpd from data to dynamics.")
    parser.add_argument("--output", type=Path, default=Path("demo-output"), help="folder of home, plots and log")
    parser.add_argument("--continue", dest="go_on", action="store_true", help="go on with what the last run stored")
    arguments = parser.parse_args()
    console = Console()
    output: Path = arguments.output.resolve()
    home = output / "home"
    if home.exists() and not arguments.go_on:
        console.print("Starting fresh; `make demo CONTINUE=1` would go on with the last run.")
        shutil.rmtree(home)
    output.mkdir(parents=True, exist_ok=True)
    # A polite kill ends it as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    begin = time.monotonic()
    try:
        with server.running(home, output / "service.log") as url, Client(url) as client:
            console.print(f"nnpd is ready at {url}; home {home}")
            story.tell(story.Demonstration(client=client, console=console, output=output))
    except KeyboardInterrupt:
        console.print("\nStopped; nothing stored is lost. `make demo CONTINUE=1` goes on from here.")
        return 130
    except (ClientError, ServerError) as error:
        console.print(f"[red]The demonstration failed:[/red] {error}")
        return 1
    console.print(f"Done in {time.monotonic() - begin:.0f} s. Plots: {output}/*.png. The service has stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
