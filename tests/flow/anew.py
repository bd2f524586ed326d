"""Do the job that judges anew what runs, and look at what it left."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.db import jobs
from app.db.jobs import Job
from app.models.events import Event
from app.models.sla import Clock
from app.policies.changes import REJUDGING
from app.services import Services
from app.watch import rejudging
from app.worker import chores
from app.worker.jobs import work
from tests.conftest import TestClock
from tests.flow.promises import clock_of, clock_row

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HANDLERS = {REJUDGING: chores.rejudge}


def first_response(hours: int, **more: Any) -> dict[str, Any]:
    return clock_of("first_response", hours * 3600, **more)


def resolution(hours: int, **more: Any) -> dict[str, Any]:
    return clock_of("resolution", hours * 3600, **more)


async def asked_for(services: Services) -> Job | None:
    """Return the job as it waits."""
    every = partial(jobs.page, state=None, after=None, limit=9, now=services.clock())
    return next((job for job in await services.read(every) if job.kind == REJUDGING), None)


async def rejudge(services: Services) -> None:
    """Do the job as long as it is due."""
    while await work(services, HANDLERS):
        pass


async def settle(services: Services, clock: TestClock) -> None:
    """Do the job: again a moment after it found something, and once more a while after it did not."""
    await rejudge(services)
    clock.advance(seconds=1)
    await rejudge(services)
    clock.advance(seconds=30)
    await rejudge(services)
    assert await asked_for(services) is None


async def stale(services: Services) -> Sequence[UUID]:
    return (await services.read(partial(rejudging.find_stale, after=None, most=100))).stale


async def number_of_events(services: Services) -> int:
    return await services.read(lambda session: session.scalar(select(func.count(Event.id))) or 0)


async def verdict(services: Services, ticket_id: str, name: str, ordinal: int = 1) -> dict[str, Any]:
    """Return everything that is known of a clock."""
    row = await clock_row(services, ticket_id, name, ordinal)
    return {column.key: getattr(row, column.key) for column in Clock.__table__.columns}


async def all_clocks(services: Services) -> list[Any]:
    query = select(*Clock.__table__.columns).order_by(Clock.id)
    return await services.read(lambda session: list(session.execute(query)))
