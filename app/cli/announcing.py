"""A server that says, once it listens, where everything is."""

import socket

import typer
import uvicorn

from app.settings import Settings


class Announcing(uvicorn.Server):
    """Uvicorn's server with an announcement after its start."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        """Take the settings to speak of."""
        super().__init__(config)
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then announce the address really bound: port 0 takes a free one."""
        await super().startup(sockets)
        if self.started:
            host, port = next(listener.getsockname() for server in self.servers for listener in server.sockets)[:2]
            announce(self._settings, f"http://{host}:{port}")


def announce(settings: Settings, url: str) -> None:
    """Say where the API, its documentation, the data and the first admin key are."""
    key = settings.data_dir / "admin.key"
    typer.echo(f"Heard listens on  {url}", err=True)
    typer.echo(f"API docs          {url}/docs", err=True)
    typer.echo(f"Data              {settings.sqlite_path if settings.embedded else 'PostgreSQL'}", err=True)
    typer.echo(f"First admin key   {key if key.exists() else '(made elsewhere)'}", err=True)
