"""The commands that open the database themselves: serve, worker, migrate, openapi.

They import the server only when run: the other commands are clients, and should answer at once.
"""

import json
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.exits import MISUSED, CommandError

if TYPE_CHECKING:
    from app.settings import Settings

_ONE_OWNER = (
    "the embedded database belongs to one process, and `heard serve` is that process, worker included;"
    " for more set HEARD_DATABASE_URL to a PostgreSQL database"
)
_ONE_EACH = (
    "each server has its own readiness, figures and stop: start `heard serve` several times, behind a proxy"
    " that asks /readyz"
)


def serve(
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Leave the worker out: `heard worker` runs elsewhere.")
    ] = False,
    workers: Annotated[int, typer.Option(hidden=True, help="Not offered; says what to do instead.")] = 1,
) -> None:
    """Run the server; the embedded database is migrated first."""
    settings = read_settings()
    if workers != 1:
        raise CommandError(_ONE_OWNER if settings.embedded else _ONE_EACH, code=MISUSED)
    if no_worker:
        settings = settings.model_copy(update={"worker": False})

    from app.cli.announcing import announce_server, run
    from app.main import create_app

    run(create_app(settings), settings, partial(announce_server, settings))


def worker() -> None:
    """Run the worker alone, beside servers with --no-worker; needs PostgreSQL. Several at once are safe."""
    settings = read_settings()
    if settings.embedded:
        raise CommandError(_ONE_OWNER, code=MISUSED)

    from app.cli.announcing import announce_worker, run
    from app.main import create_worker

    run(create_worker(settings), settings, announce_worker)


def migrate() -> None:
    """Bring the database to the newest schema."""
    from app import logs
    from app.db import filesystems
    from app.db import migrate as migrations
    from app.db.sqlite import take_lock
    from app.services import make_private_folder

    settings = read_settings()
    logs.configure(settings.log_level, settings.log_format)
    if settings.database_url:
        migrations.upgrade(settings.database_url)
    else:
        filesystems.require_local(settings.data_dir)
        make_private_folder(settings.data_dir)
        with take_lock(settings.sqlite_path.with_name("heard.lock")):
            migrations.upgrade_embedded(settings.sqlite_path)
    typer.echo(f"The database is at revision {migrations.head()}.", err=True)


def openapi() -> None:
    """Print the OpenAPI document."""
    from app.main import create_app

    typer.echo(json.dumps(create_app().openapi(), indent=2, ensure_ascii=False))


def read_settings() -> "Settings":
    """Read the settings, or say which one is wrong."""
    from pydantic import ValidationError

    from app.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        for flaw in error.errors(include_input=False, include_url=False):
            typer.echo(f"HEARD_{str(flaw['loc'][0]).upper()}: {flaw['msg']}", err=True)
        raise typer.Exit(MISUSED) from None
