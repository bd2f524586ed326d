"""The application: doors, edge and lifespan put together. Nothing happens at import."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI

from app import clock as system_clock
from app import logs
from app.access.bootstrap import first_key
from app.api import routers
from app.clock import Clock
from app.edge import docs, openapi, problems
from app.edge.cors import Cors
from app.edge.requests import RequestLog
from app.services import Services, open_services, write_private
from app.settings import Settings
from app.worker.loop import working

DESCRIPTION = "Feedback in, answered by an agent in time, honest figures out."


def create_app(settings: Settings | None = None, *, clock: Clock = system_clock.now) -> FastAPI:
    """Return the application; the database is opened when it starts."""
    app = FastAPI(
        title="Heard",
        version=version("heard"),
        description=DESCRIPTION,
        lifespan=partial(_lifespan, settings=settings, clock=clock),
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    openapi.install(app)
    for router in routers.ALL:
        app.include_router(router)
    docs.install(app)
    app.add_middleware(Cors)
    app.add_middleware(RequestLog)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI, *, settings: Settings | None, clock: Clock) -> AsyncIterator[None]:
    chosen = settings or Settings()
    logs.configure(chosen.log_level, chosen.log_format)
    async with open_services(chosen, clock) as services:
        app.state.services = services
        await _keep_first_key(services)
        async with working(services):
            yield


async def _keep_first_key(services: Services) -> None:
    secret = await services.configure(partial(first_key, now=services.clock()))
    if secret is not None:
        write_private(services.settings.data_dir / "admin.key", secret)
