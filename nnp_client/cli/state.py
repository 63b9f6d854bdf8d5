"""What every command gets: a client, a place to print, and whether to print JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pydantic
import typer
from rich.console import Console
from rich.table import Table

from nnp_client.client import Client


@dataclass(frozen=True, kw_only=True)
class State:
    """One run of `nnp`.

    Attributes:
        client: Talks to the service.
        console: Prints for people.
        as_json: Print JSON for programs instead.
    """

    client: Client
    console: Console
    as_json: bool

    def show(self, value: Any, table: Table | str) -> None:
        """Print a wire model, or a list of them, as a table or as JSON."""
        if self.as_json:
            self.console.print_json(json.dumps(plain(value)))
        else:
            self.console.print(table)

    def say(self, text: str) -> None:
        """Print a line for people; nothing when JSON was asked for."""
        if not self.as_json:
            self.console.print(text, highlight=False)


def of(context: typer.Context) -> State:
    """The state of the run."""
    state = context.obj
    assert isinstance(state, State)
    return state


def plain(value: Any) -> Any:
    """A wire model, or a list of them, as JSON values."""
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """Rows under columns; None is empty."""
    drawn = Table(box=None, header_style="bold", pad_edge=False)
    for number, column in enumerate(columns):
        # The first column names the row, for the next command: never cut.
        drawn.add_column(column, no_wrap=number == 0, overflow="fold" if number == 0 else "ellipsis")
    for row in rows:
        drawn.add_row(*(_cell(value) for value in row))
    return drawn


def pairs(values: dict[str, Any]) -> Table:
    """Names and values; None is left out."""
    drawn = Table(box=None, show_header=False, pad_edge=False)
    drawn.add_column(style="bold")
    drawn.add_column()
    for name, value in values.items():
        if value is not None and value != []:
            drawn.add_row(name, _cell(value))
    return drawn


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(_cell(item) for item in value)
    return str(value)
