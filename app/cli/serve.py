"""The commands that open the database themselves: serve, migrate, openapi.

They import the server only when run: the other commands are clients, and should answer at once.
"""

import json
from typing import TYPE_CHECKING

import typer

from app.cli.exits import MISUSED

if TYPE_CHECKING:
    from app.settings import Settings


def serve() -> None:
    """Run the server; the embedded database is migrated first."""
    from app.cli.announcing import run
    from app.main import create_app

    settings = _settings()
    run(create_app(settings), settings)


def migrate() -> None:
    """Bring the database to the newest schema."""
    from app import logs
    from app.db import migrate as migrations
    from app.services import make_private_folder

    settings = _settings()
    logs.configure(settings.log_level, settings.log_format)
    if settings.database_url:
        migrations.upgrade(settings.database_url)
    else:
        make_private_folder(settings.data_dir)
        migrations.upgrade_embedded(settings.sqlite_path)
    typer.echo(f"The database is at revision {migrations.head()}.", err=True)


def openapi() -> None:
    """Print the OpenAPI document."""
    from app.main import create_app

    typer.echo(json.dumps(create_app().openapi(), indent=2, ensure_ascii=False))


def _settings() -> "Settings":
    """Read the settings, or say which one is wrong."""
    from pydantic import ValidationError

    from app.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        for flaw in error.errors(include_input=False, include_url=False):
            typer.echo(f"HEARD_{str(flaw['loc'][0]).upper()}: {flaw['msg']}", err=True)
        raise typer.Exit(MISUSED) from None
