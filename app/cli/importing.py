"""`heard import`: load what another system knows, from its own export and a mapping file."""

from collections.abc import Generator, Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

import typer
from rich.console import Console
from rich.progress import Progress

from app.cli.client import connect
from app.cli.convert import Line, convert
from app.cli.exits import SOME_REJECTED, CommandError, Commands
from app.cli.loading import Tally, send, sift
from app.cli.mapping import ScoreMapping, TicketMapping, cells, read_mapping
from app.cli.rows import check_columns, open_rows, read_rows

commands = typer.Typer(
    cls=Commands, no_args_is_help=True, help="Load history from another system, and take it back."
)

File = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, help="The export: csv, tsv, json or ndjson.")
]
MappingFile = Annotated[
    Path,
    typer.Option("--mapping", exists=True, dir_okay=False, help="Which column is what (docs/mappings/)."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and convert everything, send nothing.")]
ImportId = Annotated[
    UUID | None, typer.Option("--import-id", help="Go on with an import that was cut short.")
]


@commands.command()
def tickets(file: File, mapping: MappingFile, dry_run: DryRun = False, import_id: ImportId = None) -> None:
    """Load tickets with their events and scores, one a row."""
    _load(file, read_mapping(mapping, TicketMapping), dry_run=dry_run, import_id=import_id or uuid4())


@commands.command()
def scores(file: File, mapping: MappingFile, dry_run: DryRun = False, import_id: ImportId = None) -> None:
    """Load scores that stand alone or belong to a ticket loaded before, one survey a row."""
    _load(file, read_mapping(mapping, ScoreMapping), dry_run=dry_run, import_id=import_id or uuid4())


@commands.command()
def undo(import_id: Annotated[UUID, typer.Argument(help="As said at the end of the import.")]) -> None:
    """Take back everything one import brought in."""
    with connect() as api:
        removed = api.delete(f"/v1/imports/{import_id}")["removed"]
    typer.echo(f"import {import_id} is undone: {removed} taken back")


def _load(path: Path, mapping: TicketMapping | ScoreMapping, *, dry_run: bool, import_id: UUID) -> None:
    wanted = {name for cell in cells(mapping) for name in cell.columns}
    with open_rows(path, mapping.file) as stream:
        check_columns(read_rows(stream, mapping.file), wanted, mapping.file)
    console = Console(stderr=True)
    # A plain line: no markup read into it, no wrapping, so that it can be searched.
    tally = Tally(say=partial(console.print, markup=False, highlight=False, soft_wrap=True))
    if dry_run:
        _rehearse(_lines(path, mapping, tally, console), tally)
    else:
        _send(_lines(path, mapping, tally, console), tally, import_id)
    if tally.rejected:
        raise typer.Exit(SOME_REJECTED)


def _rehearse(lines: Iterable[Line], tally: Tally) -> None:
    for _ in lines:
        pass
    typer.echo(f"dry run: could be sent {tally.converted}, {tally.left_out}")


def _send(lines: Generator[Line, None, None], tally: Tally, import_id: UUID) -> None:
    with connect() as api:
        try:
            with closing(lines):
                send(api, lines, import_id=import_id, tally=tally)
        except (CommandError, KeyboardInterrupt):
            typer.echo(f"stopped early; to go on, run it again with --import-id {import_id}", err=True)
            raise
        finally:
            typer.echo(str(tally))
            if tally.accepted:  # else there is no such import
                typer.echo(f"import id {import_id}\nto undo: heard import undo {import_id}")


def _lines(
    path: Path, mapping: TicketMapping | ScoreMapping, tally: Tally, console: Console
) -> Generator[Line, None, None]:
    """Yield the lines of a file that can be sent, and show how many bytes of it are read."""
    # Unless told not to, rich would take over standard output too, even where that goes into a file.
    progress = Progress(
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with progress, open_rows(path, mapping.file) as stream:
        task = progress.add_task(path.name, total=path.stat().st_size)
        for line in sift(convert(mapping, read_rows(stream, mapping.file)), tally):
            progress.update(task, completed=stream.buffer.tell())
            yield line
