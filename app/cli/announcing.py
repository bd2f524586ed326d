"""Run a server: say where everything is once it listens, or in one line why it can't; stop it in order."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import typer
import uvicorn
from fastapi import FastAPI

from app import clock
from app.cli import tuning
from app.edge.protocol import guarding
from app.errors import AppError, CannotStartError
from app.logs import get_logger
from app.settings import Settings

TICK_SECONDS = 0.1
IDLE_SECONDS = 75  # longer than proxies keep a connection: the one who uses it should be the one to end it
Announce = Callable[[str], None]
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_log = get_logger("cli.announcing")


class Announcing(uvicorn.Server):
    """Uvicorn's server with an announcement after its start, and a slow end.

    The first signal turns readiness red; for `drain_seconds` everything else goes on, so that a load balancer
    sees it and sends nobody more. Then uvicorn stops to accept, and answers what it has in hand.
    """

    def __init__(
        self, config: uvicorn.Config, app: FastAPI, *, drain_seconds: float, announce: Announce
    ) -> None:
        """Take the application whose readiness turns red, for how long, and what to say at the start."""
        super().__init__(config)
        self._app = app
        self._drain_seconds = drain_seconds
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then announce the address really bound: port 0 takes a free one."""
        await super().startup(sockets)
        tuning.settle()
        listeners = (listener for server in self.servers for listener in server.sockets)
        host, port = next(listeners).getsockname()[:2]
        self._announce(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")

    async def main_loop(self) -> None:
        """Serve until told to stop, and then for as long as a load balancer needs to notice."""
        await super().main_loop()
        _log.info("stopping")
        # Pooled connections end with their next answer, so that few are idle when uvicorn closes those.
        self.config.encoded_headers.append((b"connection", b"close"))
        await self.on_tick(0)
        drained = clock.monotonic() + self._drain_seconds
        while clock.monotonic() < drained:
            await asyncio.sleep(TICK_SECONDS)
            await self.on_tick(0)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `run`: the database is closed after uvicorn has ended."""
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  (uvicorn's signature)
        """Begin to stop; told twice, end at once, as if nobody had taken the signal."""
        if self.should_exit:
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        self.should_exit = self._app.state.looker.draining = True


def run(app: FastAPI, settings: Settings, announce: Announce) -> None:
    """Serve until told to stop: no new requests, those in hand are answered, then the database is closed.

    The lifespan is ours, not uvicorn's, so that what keeps us from starting is said in words.
    """
    config = configured(app, settings)
    server = Announcing(config, app, drain_seconds=settings.drain_seconds, announce=announce)
    try:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(_serve(app, server))
    except (AppError, CannotStartError, OSError) as error:
        typer.echo(f"Heard can't start: {error}{_root(error)}", err=True)
        raise typer.Exit(1) from None


def configured(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """Return how uvicorn is to serve: our guard at the socket, and no proxy believed that was not named."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=guarding(app.state.telemetry.note_malformed),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=settings.stop_seconds,
    )


def announce_server(settings: Settings, url: str) -> None:
    """Say where the API, its documentation, the data and the first admin key are."""
    key = settings.data_dir / "admin.key"
    typer.echo(f"Heard listens on  {url}", err=True)
    typer.echo(f"API docs          {url}/docs", err=True)
    typer.echo(f"Data              {settings.sqlite_path if settings.embedded else 'PostgreSQL'}", err=True)
    if not settings.worker:
        typer.echo("Worker            none in here: what comes in waits until one runs", err=True)
    typer.echo(f"First admin key   {key if key.exists() else '(made elsewhere)'}", err=True)


def announce_worker(url: str) -> None:
    """Say that the worker works, and where to ask it how it is."""
    typer.echo(f"Heard's worker is at work; it is asked at  {url}/readyz", err=True)


def _take_address(config: uvicorn.Config) -> socket.socket:
    """Take the address before anything is begun: a worker that can't have it has not worked.

    Raises:
        CannotStartError: it is taken, or not ours.
    """
    try:
        return config.bind_socket()
    except SystemExit:
        where = f"{config.host} port {config.port}"
        message = f"{where} can't be listened on: is it taken? (HEARD_HOST, HEARD_PORT)"
        raise CannotStartError(message) from None


async def _serve(app: FastAPI, server: Announcing) -> None:
    with _take_address(server.config) as taken:
        async with app.router.lifespan_context(app):
            for number in _SIGNALS:
                signal.signal(number, server.handle_exit)
            await server.serve(sockets=[taken])
    _log.info("stopped")


def _root(error: BaseException) -> str:
    """Name what lies at the bottom of it, such as a refused connection."""
    causes = [error]
    while (cause := causes[-1].__cause__) is not None and cause not in causes:
        causes.append(cause)
    return f" ({causes[-1]})" if len(causes) > 1 else ""
