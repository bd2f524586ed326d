"""Run the server: say where everything is once it listens, or in one line why it can't start."""

import asyncio
import signal
import socket
from types import FrameType

import typer
import uvicorn
from fastapi import FastAPI

from app.errors import AppError, CannotStartError
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
            listeners = (listener for server in self.servers for listener in server.sockets)
            host, port = next(listeners).getsockname()[:2]
            announce(self._settings, f"http://{host}:{port}")


def run(app: FastAPI, settings: Settings) -> None:
    """Serve until told to stop: no new requests, those in hand are answered, then the database is closed.

    The lifespan is ours, not uvicorn's, so that what keeps us from starting is said in words.
    """
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=30,
    )
    # Uvicorn hands a signal on when it is done; by default that would end us before the database is closed.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ignore)
    try:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(_serve(app, Announcing(config, settings)))
    except (AppError, CannotStartError) as error:
        typer.echo(f"Heard can't start: {error}{_root(error)}", err=True)
        raise typer.Exit(1) from None


def announce(settings: Settings, url: str) -> None:
    """Say where the API, its documentation, the data and the first admin key are."""
    key = settings.data_dir / "admin.key"
    typer.echo(f"Heard listens on  {url}", err=True)
    typer.echo(f"API docs          {url}/docs", err=True)
    typer.echo(f"Data              {settings.sqlite_path if settings.embedded else 'PostgreSQL'}", err=True)
    typer.echo(f"First admin key   {key if key.exists() else '(made elsewhere)'}", err=True)


async def _serve(app: FastAPI, server: uvicorn.Server) -> None:
    async with app.router.lifespan_context(app):
        await server.serve()


def _root(error: BaseException) -> str:
    """Name what lies at the bottom of it, such as a refused connection."""
    causes = [error]
    while (cause := causes[-1].__cause__) is not None and cause not in causes:
        causes.append(cause)
    return f" ({causes[-1]})" if len(causes) > 1 else ""


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: uvicorn has already acted on the signal."""
