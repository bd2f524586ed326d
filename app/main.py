"""The application: doors, edge and lifespan put together. Nothing happens at import."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI

from app import clock as system_clock
from app import logs
from app.access.bootstrap import first_key
from app.api import feedback, health, routers
from app.clock import Clock
from app.edge import docs, openapi, problems
from app.edge.cors import Cors
from app.edge.express import Express
from app.edge.methods import Methods
from app.edge.readiness import Looker
from app.edge.requests import RequestLog
from app.edge.telemetry import Telemetry
from app.services import Services, open_services, write_private
from app.settings import Settings
from app.worker.loop import working

DESCRIPTION = "Feedback in, answered by an agent in time, honest figures out."


def create_app(settings: Settings | None = None, *, clock: Clock = system_clock.now) -> FastAPI:
    """Return the application; the database is opened when it starts."""
    app = _bare(partial(_serving, settings=settings, clock=clock))
    openapi.install(app)
    for router in routers.ALL:
        app.include_router(router)
    docs.install(app)
    app.add_middleware(Express, feedback.router, feedback.submit_feedback)
    app.add_middleware(Methods)
    app.add_middleware(Cors)
    app.add_middleware(RequestLog, app.state.telemetry)
    return app


def create_worker(settings: Settings, *, clock: Clock = system_clock.now) -> FastAPI:
    """Return the worker alone: an application with no doors but those of whoever keeps it running."""
    chosen = settings.model_copy(update={"worker": True})
    app = _bare(partial(_working, settings=chosen, clock=clock))
    app.include_router(health.router)
    app.add_middleware(Methods)
    app.add_middleware(RequestLog, app.state.telemetry)
    return app


def _bare(lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
    app = FastAPI(
        title="Heard",
        version=version("heard"),
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # it would send callers to whatever host they say is ours
        telemetry={"tracing": False, "metrics": False, "logs": False},  # asked about at every request
    )
    app.state.telemetry = Telemetry()
    problems.install(app)
    return app


@asynccontextmanager
async def _serving(app: FastAPI, *, settings: Settings | None, clock: Clock) -> AsyncIterator[None]:
    async with _working(app, settings=settings or Settings(), clock=clock):
        await _keep_first_key(app.state.services)
        yield


@asynccontextmanager
async def _working(app: FastAPI, *, settings: Settings, clock: Clock) -> AsyncIterator[None]:
    """Open what the process works with; at the end the worker's steps end first, the database last."""
    logs.configure(settings.log_level, settings.log_format)
    async with open_services(settings, clock) as services:
        services.intake.told = app.state.telemetry.note_flush
        with closing(Looker(services)) as looker:
            app.state.services, app.state.looker = services, looker
            async with working(services):
                yield


async def _keep_first_key(services: Services) -> None:
    secret = await services.configure(partial(first_key, now=services.clock()))
    if secret is not None:
        write_private(services.settings.data_dir / "admin.key", secret)
