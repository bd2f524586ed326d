"""The commands that open the database themselves: serve, migrate, openapi.

They import the server only when run: the other commands are clients, and should answer at once.
"""

import json

import typer


def serve() -> None:
    """Run the server; the embedded database is migrated first."""
    import uvicorn

    from app.cli.announcing import Announcing
    from app.main import create_app
    from app.settings import Settings

    settings = Settings()
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=30,
    )
    Announcing(config, settings).run()


def migrate() -> None:
    """Bring the database to the newest schema."""
    from app import logs
    from app.db import migrate as migrations
    from app.settings import Settings

    settings = Settings()
    logs.configure(settings.log_level, settings.log_format)
    if settings.database_url:
        migrations.upgrade(settings.database_url)
    else:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        migrations.upgrade_embedded(settings.sqlite_path)
    typer.echo(f"The database is at revision {migrations.head()}.", err=True)


def openapi() -> None:
    """Print the OpenAPI document."""
    from app.main import create_app

    typer.echo(json.dumps(create_app().openapi(), indent=2, ensure_ascii=False))
