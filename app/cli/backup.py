"""`heard backup` and `heard restore`: all that a restore needs, in one file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.exits import CommandError
from app.cli.serve import read_settings

if TYPE_CHECKING:
    from app.db.archive import Manifest
    from app.settings import Settings

PgBin = Annotated[
    Path | None,
    typer.Option(
        envvar="HEARD_PG_BIN",
        help="Folder of PostgreSQL's client programs, of the server's own version; else on PATH.",
    ),
]
_SHOWN = ("tickets", "messages", "scores", "customers", "events")


def backup(
    file: Annotated[Path, typer.Argument(help="A new file, or the folder for one named by its time.")],
    pg_bin: PgBin = None,
) -> None:
    """Back everything up into one file, while the server works."""
    from importlib.metadata import version

    from app import clock
    from app.db import backup as backups
    from app.db import outside

    settings = read_settings()
    try:
        file, manifest = backups.take(
            settings, file, version=version("heard"), now=clock.now(), pg_bin=pg_bin
        )
    except _failures() as error:
        raise CommandError(f"nothing was backed up: {outside.in_words(error)}") from None
    typer.echo(f"backed up   {file} ({file.stat().st_size / 1e6:.1f} MB)")
    _describe(manifest)
    if settings.secret is not None:
        typer.echo(
            "not inside  HEARD_SECRET, which comes from the environment: keep it in another safe place"
        )
    typer.echo("It holds what customers said, and keys: guard it like the data folder.")


def restore(
    file: Annotated[Path, typer.Argument(help="What `heard backup` wrote.")],
    pg_bin: PgBin = None,
) -> None:
    """Restore a backup into an empty data folder, or an empty PostgreSQL database."""
    from app.db import backup as backups
    from app.db import outside

    settings = read_settings()
    try:
        manifest = backups.restore(settings, file, pg_bin=pg_bin)
    except backups.HalfRestoredError:
        raise
    except _failures() as error:
        raise CommandError(f"nothing was restored: {outside.in_words(error)}") from None
    typer.echo(f"restored    {settings.sqlite_path if settings.embedded else 'the PostgreSQL database'}")
    _describe(manifest)
    typer.echo(_next(settings, manifest))


def _failures() -> tuple[type[Exception], ...]:
    from app.db.archive import DamagedError
    from app.db.programs import ProgramError
    from app.errors import CannotStartError

    return CannotStartError, DamagedError, ProgramError, OSError


def _describe(manifest: "Manifest") -> None:
    rows = ", ".join(f"{manifest.rows[name]:,} {name}" for name in _SHOWN if name in manifest.rows)
    typer.echo(f"taken at    {manifest.taken_at:%Y-%m-%dT%H:%M:%SZ}; what was acknowledged before is in it")
    typer.echo(f"rows        {rows}; {sum(manifest.rows.values()):,} in all")
    typer.echo(f"schema      {manifest.revision} (Heard {manifest.heard})")
    typer.echo(f"inside      {', '.join(manifest.names())}")


def _next(settings: "Settings", manifest: "Manifest") -> str:
    """Say what is left to do, above all about the secret, without which the customers' links are dead."""
    from app.db import backup as backups
    from app.db import migrate

    mark = backups.secret_mark(settings)
    steps = []
    if mark is None:
        steps.append("Set HEARD_SECRET to what it was before: without it the customers' links are dead.")
    elif manifest.secret_mark not in {None, mark}:
        steps.append("HEARD_SECRET is not the secret of this backup: with it the customers' links are dead.")
    if "admin.key" not in manifest.names():
        steps.append("No admin key is in it: go on with a key you have.")
    if manifest.revision != migrate.head():
        steps.append(
            "Its schema is older: "
            + ("`heard serve` migrates it." if settings.embedded else "run `heard migrate`.")
        )
    return "\n".join([*steps, "Now `heard doctor`, then `heard serve`."])
