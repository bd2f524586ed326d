"""The commands that open the database themselves: serve, migrate, openapi."""

import json

import typer
import uvicorn
from rich.console import Console

from app import logs
from app.db import migrate as migrations
from app.main import create_app
from app.settings import Settings

console = Console(stderr=True, highlight=False, soft_wrap=True)


def serve() -> None:
    """Run the server; the embedded database is migrated first."""
    settings = Settings()
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=30,
    )
    Announcing(config, settings).run()


class Announcing(uvicorn.Server):
    """A server that says, once it listens, where everything is."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        """Take the settings to speak of."""
        super().__init__(config)
        self._settings = settings

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Start, then announce the address really bound."""
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            bound = next(listener.getsockname() for server in self.servers for listener in server.sockets)
            _announce(self._settings, f"http://{bound[0]}:{bound[1]}")


def _announce(settings: Settings, url: str) -> None:
    data = settings.sqlite_path if settings.embedded else "PostgreSQL"
    key = settings.data_dir / "admin.key"
    console.print(f"Heard listens on  {url}")
    console.print(f"API docs          {url}/docs")
    console.print(f"Data              {data}")
    console.print(
        f"First admin key   {key}" if key.exists() else "First admin key   (made earlier, elsewhere)"
    )


def migrate() -> None:
    """Bring the database to the newest schema."""
    settings = Settings()
    logs.configure(settings.log_level, settings.log_format)
    if settings.database_url:
        migrations.upgrade(settings.database_url)
    else:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        migrations.upgrade_embedded(settings.sqlite_path)
    console.print(f"The database is at revision {migrations.head()}.")


def openapi() -> None:
    """Print the OpenAPI document."""
    typer.echo(json.dumps(create_app().openapi(), indent=2, ensure_ascii=False))
