"""Showing what the API answered: as a table for people, as JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Where nobody looks, a table is as wide as it needs to be: an id that is cut is worth nothing.
_UNSEEN_WIDTH = 1000


def show_list(records: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print records, in people's eyes only the columns that matter."""
    if as_json:
        _show_json(records)
        return
    console = Console()
    if not console.is_terminal:
        console.width = _UNSEEN_WIDTH
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for record in records:
        table.add_row(*(Text(_plain(record.get(column))) for column in columns))
    console.print(table)


def show_one(record: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a record, a field a line."""
    if as_json:
        _show_json(record)
        return
    for name, value in record.items():
        typer.echo(f"{name}  {_plain(value)}")


def _show_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _plain(value: Any) -> str:
    """Say a value in one line; things with a name by their name."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(_plain, value))
        case {"name": name}:
            return _plain(name)
        case dict():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return " ".join(str(value).split())
