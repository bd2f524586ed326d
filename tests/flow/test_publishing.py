"""Time passes over the outbox: every event gets its place in the stream, without gaps."""

import asyncio
from functools import partial
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.events import store as events
from app.events.store import Happening
from app.models.events import Event, Outbox, StreamEntry
from app.services import Services
from app.watch.publishing import anything_to_publish, publish
from tests.acts import act
from tests.cast import Cast, complain
from tests.conftest import START


def record_many(session: Session, *, count: int) -> None:
    """Record events of subjects of their own."""
    events.record(
        session, [Happening("test", UUID(int=n), 1, "test.done", START, START) for n in range(1, count + 1)]
    )


def scalars(session: Session, *, query: Select[int]) -> list[int]:
    """Return one column."""
    return list(session.scalars(query))


async def stream(services: Services) -> list[tuple[int, int]]:
    """Return (sequence, event id) in order."""
    query = select(StreamEntry.sequence, StreamEntry.event_id).order_by(StreamEntry.sequence)
    found = await services.read(lambda session: session.execute(query).all())
    return [(sequence, event_id) for sequence, event_id in found]


async def drain(services: Services) -> list[int]:
    """Publish until nothing is left, and return how many events each step moved."""
    moved = []
    while count := await services.write(publish):
        moved.append(count)
    return moved


async def test_events_move_a_thousand_at_a_time_in_the_order_of_their_ids(services: Services) -> None:
    await drain(services)
    before = len(await stream(services))
    await services.write(partial(record_many, count=2001))
    assert await services.read(anything_to_publish)

    assert await drain(services) == [1000, 1000, 1]

    told = await stream(services)
    assert [sequence for sequence, _ in told] == list(range(1, before + 2002))
    assert [event_id for _, event_id in told[before:]] == sorted(event_id for _, event_id in told[before:])
    assert not await services.read(anything_to_publish)


async def test_two_publishers_at_once_leave_no_gap_and_publish_nothing_twice(services: Services) -> None:
    await services.write(partial(record_many, count=1500))
    waiting = await services.read(lambda session: session.scalar(select(func.count(Outbox.event_id))))

    moved = await asyncio.gather(*(services.write(publish) for _ in range(4)))

    told = await stream(services)
    assert sum(moved) == waiting
    assert [sequence for sequence, _ in told] == list(range(1, len(told) + 1))
    assert len({event_id for _, event_id in told}) == len(told)


async def test_a_tickets_events_are_in_the_stream_in_the_order_they_happened(
    cast: Cast, services: Services
) -> None:
    """Agents act on a few tickets at once while publishers run; a lock orders each ticket's events."""
    opened = [(await complain(cast.visitor))["id"] for _ in range(3)]

    await asyncio.gather(
        *(
            act(agent, ticket_id, "note", text="x")
            for agent in (cast.alice, cast.bob, cast.mallory)
            for ticket_id in opened * 3
        ),
        *(services.write(publish) for _ in range(5)),
    )
    await drain(services)

    query = select(Event.subject_version).join(StreamEntry, StreamEntry.event_id == Event.id)
    for ticket_id in opened:
        mine = query.where(Event.subject_id == UUID(ticket_id)).order_by(StreamEntry.sequence)
        assert await services.read(partial(scalars, query=mine)) == list(range(1, 11))
