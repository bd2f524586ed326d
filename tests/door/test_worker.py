"""The worker inside the app: what waits is assigned and published without anybody's help."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import Clock
from app.db import jobs
from app.db.database import Database, Lane
from app.db.sqlite import SqliteDatabase
from app.errors import UnavailableError
from app.ids import new_id
from app.main import create_app
from app.models.access import ApiKey
from app.models.events import Event, Outbox, StreamEntry
from app.models.health import Heartbeat
from app.services import Services
from app.settings import Settings
from app.watch import heartbeat_store
from app.worker import chores, loop
from tests.acts import act, read, statements
from tests.cast import Cast, complain, create
from tests.conftest import TestClock

DEADLINE_SECONDS = 10


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it holds, or fail at the deadline."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await condition():  # noqa: ASYNC110  (the other side is the API, which has no event to wait for)
            await asyncio.sleep(0.01)


class TestWorking:
    """With the worker running."""

    @pytest.fixture
    async def app(self, settings: Settings, clock: Clock) -> AsyncIterator[FastAPI]:
        made = create_app(settings.model_copy(update={"worker": True}), clock=clock)
        async with made.router.lifespan_context(made):
            yield made

    async def test_a_visitors_complaint_finds_its_agent_and_its_event_the_stream(
        self, cast: Cast, services: Services
    ) -> None:
        eve = await create(cast.admin, "agents", name="Eve", capacity=1)
        receipt = await complain(cast.visitor)
        url = f"/v1/tickets/{receipt['id']}"
        assert (await read(cast.admin, url))["status"] == "new"
        await cast.admin.put(f"/v1/agents/{eve['id']}/presence", json={"status": "online"})

        async def is_open() -> bool:
            return bool((await read(cast.admin, url))["status"] == "open")

        async def is_published() -> bool:
            return await services.read(lambda session: session.scalar(select(Outbox.event_id)) is None)

        await until(is_open)
        await until(is_published)

        assert (await read(cast.admin, url))["assignee"] == {"id": eve["id"], "name": "Eve"}
        (decision,) = (await read(cast.admin, f"{url}/assignments"))["data"]
        assert (decision["by"], decision["reason"]) == (
            "least_loaded",
            {"strategy": "least_loaded", "open": 0, "capacity": 1, "candidates": 1},
        )
        query = (
            select(Event.type)
            .join(StreamEntry, StreamEntry.event_id == Event.id)
            .where(Event.subject_id == UUID(receipt["id"]))
            .order_by(StreamEntry.sequence)
        )
        told = await services.read(lambda session: list(session.scalars(query)))
        assert told == ["ticket.opened", "ticket.assigned"]

    async def test_what_stayed_quiet_is_closed_and_the_next_look_is_asked_for(
        self, cast: Cast, services: Services, clock: TestClock
    ) -> None:
        receipt = await complain(cast.visitor)
        await act(cast.alice, receipt["id"], "resolve")
        clock.advance(days=services.settings.close_after_days)

        async def is_closed() -> bool:
            return bool((await read(cast.admin, f"/v1/tickets/{receipt['id']}"))["status"] == "closed")

        await until(is_closed)

        async def rests() -> bool:
            found = (await read(cast.admin, "/v1/jobs"))["data"]
            waiting = {job["kind"] for job in found if (job["state"], job["attempts"]) == ("waiting", 0)}
            return len(waiting) == len(found) and {chores.CLOSING, chores.RETENTION} <= waiting

        await until(rests)


async def test_with_nothing_to_do_the_worker_writes_nothing(services: Services) -> None:
    while await loop.publish_events(services):
        pass

    with statements() as sent:
        assert await loop.do_jobs(services) == 0
        assert await loop.assign(services) == 0
        assert await loop.watch_clocks(services) == 0
        assert await loop.publish_events(services) == 0

    assert [it for it in sent if not it.startswith(("SELECT", "BEGIN")) or "FOR UPDATE" in it] == []
    assert "BEGIN IMMEDIATE" not in sent


async def test_a_step_that_fails_is_tried_again(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "TROUBLE_SECONDS", 0)
    tries: list[str] = []
    done = asyncio.Event()

    async def step(_services: Services) -> bool:
        tries.append("try")
        if len(tries) == 1:
            raise UnavailableError
        done.set()
        return False

    task = asyncio.create_task(loop.repeat(services, "test", step, idle_seconds=60))
    async with asyncio.timeout(DEADLINE_SECONDS):
        await done.wait()
    task.cancel()

    assert len(tries) == 2


class Away(SqliteDatabase):
    """A database that can be read, but not written to now."""

    def __init__(self, real: Database) -> None:
        """Open nothing."""
        self._real = real

    async def read(self, fn: Callable[[Session], Any]) -> Any:
        """Read what is really there."""
        return await self._real.read(fn)

    async def write(self, fn: Callable[[Session], Any], *, lane: Lane = Lane.DESK) -> Any:
        """Refuse."""
        raise UnavailableError(f"{fn} in lane {lane}")


async def test_when_keys_were_used_is_written_down_and_survives_trouble(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    at = clock.advance(minutes=3)
    await read(cast.alice, "/v1/tickets")
    with pytest.raises(UnavailableError):
        await loop.note_uses(replace(services, database=Away(services.database)))

    await loop.note_uses(services)

    query = select(ApiKey.last_used_at).where(ApiKey.name == "alice")
    assert await services.read(lambda session: session.scalar(query)) == at
    assert services.configuration.used == {}


async def test_a_database_that_is_away_is_no_fault_of_a_ticket_and_stops_the_closing(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    """Stepped over, the tickets would wait for the next round; a chore that fails soon tries again."""
    receipt = await complain(cast.visitor)
    await act(cast.alice, receipt["id"], "resolve")
    now = clock.advance(days=services.settings.close_after_days)
    await services.write(partial(jobs.enqueue, kind=chores.CLOSING, key="all", due_at=now, now=now))
    job = await services.write(partial(jobs.claim, kinds={chores.CLOSING}, now=now))
    assert job is not None

    with pytest.raises(UnavailableError):
        await chores.close_resolved(replace(services, database=Away(services.database)), job)

    await chores.close_resolved(services, job)
    assert (await read(cast.admin, f"/v1/tickets/{receipt['id']}"))["status"] == "closed"


async def test_the_first_sign_of_life_of_a_process_clears_away_those_of_processes_long_gone(
    services: Services, clock: TestClock
) -> None:
    async def beat(process: UUID) -> None:
        await services.write(partial(heartbeat_store.beat, process=process, now=clock()))

    long_gone, lately = new_id(clock()), new_id(clock())
    await beat(long_gone)
    clock.advance(days=1)
    await beat(lately)
    query = select(Heartbeat.id).order_by(Heartbeat.seen_at)
    assert await services.read(lambda session: list(session.scalars(query))) == [long_gone, lately]
    clock.advance(days=1)
    mine = new_id(clock())

    await beat(mine)

    assert await services.read(lambda session: list(session.scalars(query))) == [lately, mine]
