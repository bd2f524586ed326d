"""Several workers at the same clocks, beside agents who act: each notice once, none missed, nobody stuck."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
from httpx import AsyncClient
from sqlalchemy import Engine, event, select

from app.db import dialect
from app.models.events import Event
from app.models.sla import Clock
from app.services import Services
from app.watch import rejudging
from app.watch.falling_due import anything_due, say_what_is_due
from tests.acts import act
from tests.cast import Cast, complain
from tests.conftest import START, TestClock
from tests.flow.promises import assert_once, clock_of, promise, promise_anew, said_of, watch, written
from tests.store.test_database import on_postgresql

HOUR = timedelta(hours=1)
TICKETS, ANSWERED = 700, 60
WARNED = [{"fraction": 0.5}]


@contextmanager
def conflicts() -> Iterator[list[str]]:
    """Collect what PostgreSQL refused because two transactions were in each other's way."""
    met: list[str] = []

    def note(context: Any) -> None:
        if dialect.state_of(context.sqlalchemy_exception).startswith("40"):
            met.append(dialect.state_of(context.sqlalchemy_exception))

    event.listen(Engine, "handle_error", note)
    try:
        yield met
    finally:
        event.remove(Engine, "handle_error", note)


async def complain_often(cast: Cast, times: int) -> list[str]:
    """Post so many complaints, and return their ids."""
    items = [{"kind": "complaint", "text": "The lift is stuck."}] * times
    answer = await cast.crm.post("/v1/feedback/batch", json=items)
    return [result["id"] for result in answer.json()["results"]]


async def everything_said(services: Services) -> list[Event]:
    query = select(Event).where(Event.type.startswith("sla.")).order_by(Event.id)
    return await services.read(lambda session: list(session.scalars(query)))


async def answer_all(agent: AsyncClient, ticket_ids: list[str]) -> None:
    for ticket_id in ticket_ids:
        await act(agent, ticket_id, "claim")
        await act(agent, ticket_id, "reply", text="Done.")


async def test_four_workers_say_everything_once_while_agents_answer(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    await promise(cast.admin, clock_of("first_response", 3600, warnings=WARNED), clock_of("resolution", 7200))
    ticket_ids = await complain_often(cast, TICKETS)
    answered = ticket_ids[:: TICKETS // ANSWERED]
    clock.advance(hours=3)

    async def work() -> int:
        looked = 0
        while await services.read(partial(anything_due, now=clock())):
            looked += await services.write(partial(say_what_is_due, now=clock(), most=40))
        return looked

    with conflicts() as met:
        looked, *_ = await asyncio.gather(
            asyncio.gather(*(work() for _ in range(4))),
            answer_all(cast.alice, answered[::2]),
            answer_all(cast.bob, answered[1::2]),
        )

    said = await everything_said(services)
    assert_once(said)
    assert met == []
    if services.settings.database_url:
        assert min(looked) > 0
    breaches = [each for each in said if each.type == "sla.breached"]
    for name, hours in (("first_response", 1), ("resolution", 2)):
        mine = [each for each in breaches if each.data["clock"] == name]
        assert sorted(str(each.subject_id) for each in mine) == sorted(ticket_ids)
        assert {each.occurred_at for each in mine} == {START + hours * HOUR}
    warned = {str(each.subject_id) for each in said if each.type == "sla.warned"}
    assert set(ticket_ids) - set(answered) <= warned  # who answered first was not warned any more
    waiting = select(Clock.id).where(Clock.next_at.is_not(None))
    assert await services.read(lambda session: session.scalars(waiting).all()) == []


async def test_two_who_judge_anew_and_a_watch_and_agents_end_under_the_newest_terms(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    policy_id = await promise(cast.admin, clock_of("first_response", 3600))
    ticket_ids = await complain_often(cast, 200)
    clock.advance(hours=3)
    await promise_anew(cast.admin, policy_id, clock_of("first_response", 1800))

    async def pass_over() -> None:
        after: UUID | None = None
        while True:
            found = await services.read(partial(rejudging.find_stale, after=after, most=20))
            await services.write(partial(rejudging.rejudge, ticket_ids=found.stale, now=clock()))
            if found.last is None:
                return
            after = found.last

    async def work() -> None:
        while await services.read(partial(anything_due, now=clock())):
            await services.write(partial(say_what_is_due, now=clock(), most=20))

    with conflicts() as met:
        await asyncio.gather(
            pass_over(), pass_over(), work(), work(), answer_all(cast.alice, ticket_ids[::10])
        )
    await pass_over()

    said = await everything_said(services)
    assert_once(said)
    assert met == []
    assert not (await services.read(partial(rejudging.find_stale, after=None, most=1000))).stale
    last = {each.subject_id: each for each in said}
    assert len(last) == len(ticket_ids)
    assert {each.type for each in last.values()} == {"sla.breached"}
    assert {each.occurred_at for each in last.values()} == {START + HOUR / 2}


@on_postgresql
async def test_a_ticket_in_an_agents_hand_is_left_and_told_of_later(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    await promise(cast.admin, clock_of("first_response", 3600))
    held, free = [(await complain(cast.visitor))["id"] for _ in range(2)]
    clock.advance(hours=2)
    agent: Any = await asyncpg.connect(str(services.settings.database_url).replace("+asyncpg", ""))
    try:
        async with agent.transaction():
            await agent.execute("SELECT id FROM tickets WHERE id = $1 FOR UPDATE", UUID(held))
            looked = await services.write(partial(say_what_is_due, now=clock(), most=9))
            again = await services.write(partial(say_what_is_due, now=clock(), most=9))
            assert (looked, again) == (1, 0)
            assert (len(await said_of(services, held)), len(await said_of(services, free))) == (0, 1)
    finally:
        await agent.close()
    now = clock.advance(minutes=1)

    await watch(services)

    (told,) = await said_of(services, held)
    assert (told.type, told.at, told.received_at) == ("sla.breached", START + HOUR, now)
    assert told.data["due_at"] == written(START + HOUR)


@on_postgresql
async def test_a_ticket_in_an_agents_hand_is_judged_anew_in_the_next_pass(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    policy_id = await promise(cast.admin, clock_of("first_response", 3600))
    held, _ = [(await complain(cast.visitor))["id"] for _ in range(2)]
    await promise_anew(cast.admin, policy_id, clock_of("first_response", 7200))
    agent: Any = await asyncpg.connect(str(services.settings.database_url).replace("+asyncpg", ""))

    async def rejudge() -> int:
        found = await services.read(partial(rejudging.find_stale, after=None, most=9))
        return await services.write(partial(rejudging.rejudge, ticket_ids=found.stale, now=clock()))

    try:
        async with agent.transaction():
            await agent.execute("SELECT id FROM tickets WHERE id = $1 FOR UPDATE", UUID(held))
            assert [await rejudge(), await rejudge()] == [2, 1]
    finally:
        await agent.close()

    assert [await rejudge(), await rejudge()] == [1, 0]
