"""Time passes over what is kept for a while only: it goes at its instant, nothing else does, nobody waits."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from app.db.database import Lane
from app.events import store as events
from app.events.store import Happening
from app.models.events import Cursor, Event, ExternalId, Idempotency, StreamEntry
from app.models.sla import Clock
from app.models.tickets import Ticket
from app.services import Services
from app.watch.publishing import publish
from app.watch.retention import PIECE, forget
from tests.acts import run
from tests.cast import Cast, complain
from tests.conftest import START, TestClock

DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
KEPT = 30 * DAY


async def forget_once(services: Services, *, now: datetime, most: int = PIECE) -> int:
    return await services.write(partial(forget, stream_kept=KEPT, now=now, most=most), lane=Lane.BULK)


async def forget_all(services: Services, *, now: datetime, most: int = PIECE) -> list[int]:
    """Forget until nothing is left, and return the size of each piece."""
    pieces = []
    while gone := await forget_once(services, now=now, most=most):
        pieces.append(gone)
    return pieces


async def numbers(services: Services, column: Any) -> list[Any]:
    return await services.read(lambda session: list(session.scalars(select(column).order_by(column))))


def keep_keys(session: Session, *, expiries: list[datetime]) -> None:
    rows = [
        {
            "scope": "s", "key_hash": f"k{place:04}", "fingerprint": "f", "status": 201,
            "subject_id": UUID(int=place), "expires_at": expires_at,
        }
        for place, expires_at in enumerate(expiries)
    ]  # fmt: skip
    session.execute(insert(Idempotency), rows)


def happen(session: Session, *, times: list[datetime]) -> None:
    """Record an event of a subject of its own at each time."""
    events.record(
        session,
        [Happening("test", UUID(int=n), 1, "test.done", at, at) for n, at in enumerate(times, start=1)],
    )


async def publish_all(services: Services) -> None:
    while await services.write(publish):
        pass


@pytest.fixture
async def told(services: Services) -> Services:
    """Services whose stream is empty but for what the test tells."""
    await publish_all(services)
    await forget_all(services, now=START + KEPT)
    assert await numbers(services, StreamEntry.sequence) == []
    return services


async def test_a_key_goes_at_the_instant_it_expires(services: Services) -> None:
    expiries = [START - DAY, START, START + TICK]
    await services.write(partial(keep_keys, expiries=expiries))

    assert await forget_all(services, now=START) == [2]
    assert await numbers(services, Idempotency.expires_at) == [START + TICK]


async def test_a_key_that_was_forgotten_may_be_used_again(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    headers, body = {"idempotency-key": "k-1"}, {"kind": "comment", "text": "x"}
    first = await cast.crm.post("/v1/feedback", json=body, headers=headers)
    clock.advance(hours=72)
    await forget_all(services, now=clock() - TICK)
    assert len(await numbers(services, Idempotency.key_hash)) == 1
    await forget_all(services, now=clock())
    assert await numbers(services, Idempotency.key_hash) == []
    second = await cast.crm.post("/v1/feedback", json=body, headers=headers)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]


async def test_an_entry_goes_once_its_days_are_over(told: Services) -> None:
    now = START + 90 * DAY
    old = [now - KEPT - DAY, now - KEPT, now - KEPT + TICK, now]
    await told.write(partial(happen, times=old))
    await publish_all(told)
    (first, *_) = await numbers(told, StreamEntry.sequence)

    assert await forget_all(told, now=now) == [2]
    assert await numbers(told, StreamEntry.sequence) == [first + 2, first + 3]
    assert len(await numbers(told, Event.id)) > 4


async def test_only_the_beginning_goes_so_that_no_reader_meets_a_gap(told: Services) -> None:
    now = START + 90 * DAY
    late = [now - KEPT - DAY, now, now - KEPT - DAY]  # the last one was published late
    await told.write(partial(happen, times=late))
    await publish_all(told)

    assert await forget_all(told, now=now) == [1]
    left = await numbers(told, StreamEntry.sequence)
    assert left == [left[0], left[0] + 1]


async def test_what_a_consumer_has_not_read_stays(told: Services) -> None:
    now = START + 90 * DAY
    await told.write(partial(happen, times=[START] * 5))
    await publish_all(told)
    sequences = await numbers(told, StreamEntry.sequence)
    await run(told, insert(Cursor).values(name="slow", sequence=sequences[1]))
    await run(told, insert(Cursor).values(name="quick", sequence=sequences[4]))

    assert await forget_all(told, now=now) == [2]
    assert await numbers(told, StreamEntry.sequence) == sequences[2:]

    await run(told, update(Cursor).where(Cursor.name == "slow").values(sequence=sequences[4]))
    assert await forget_all(told, now=now) == [3]


async def test_the_stream_goes_on_where_it_was_after_all_of_it_was_forgotten(told: Services) -> None:
    now = START + 90 * DAY
    await told.write(partial(happen, times=[START] * 3))
    await publish_all(told)
    last = (await numbers(told, StreamEntry.sequence))[-1]
    await forget_all(told, now=now)
    await told.write(
        lambda session: events.record(session, [Happening("test", UUID(int=9), 1, "test.done", now, now)])
    )
    await publish_all(told)

    assert await numbers(told, StreamEntry.sequence) == [last + 1]


async def test_it_goes_in_pieces_and_after_an_interruption_it_goes_on(told: Services) -> None:
    now = START + 90 * DAY
    await told.write(partial(keep_keys, expiries=[START] * 5))
    await told.write(partial(happen, times=[START] * 4))
    await publish_all(told)

    with pytest.raises(ZeroDivisionError):
        await told.write(lambda session: forget(session, stream_kept=KEPT, now=now, most=3) // 0)
    assert len(await numbers(told, Idempotency.key_hash)) == 5
    assert await forget_once(told, now=now, most=3) == 3
    assert await forget_all(told, now=now, most=3) == [3, 3]
    assert await numbers(told, Idempotency.key_hash) == await numbers(told, StreamEntry.sequence) == []


async def test_events_clocks_and_external_ids_are_never_forgotten(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    await complain(cast.crm, external_id="c-1")
    await publish_all(services)
    query = select(
        *(select(func.count()).select_from(table).scalar_subquery() for table in (Event, Clock, ExternalId))
    )
    before = await services.read(lambda session: tuple(session.execute(query).one()))
    await forget_all(services, now=clock.advance(days=3650))

    assert await services.read(lambda session: tuple(session.execute(query).one())) == before
    assert before[1:] == (2, 1)


async def test_words_are_taken_in_while_old_things_go(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    await services.write(partial(keep_keys, expiries=[START] * 3000))

    async def speak() -> list[str]:
        return [(await complain(cast.crm, text=f"Word {number}."))["id"] for number in range(20)]

    pieces, said = await asyncio.gather(forget_all(services, now=clock(), most=50), speak())

    assert (len(pieces), sum(pieces)) == (60, 3000)
    assert await numbers(services, Idempotency.key_hash) == []
    assert sorted(said) == sorted(str(each) for each in await numbers(services, Ticket.id))


async def test_two_workers_at_once_forget_each_thing_once(told: Services) -> None:
    now = START + 90 * DAY
    await told.write(partial(keep_keys, expiries=[START] * 200))
    await told.write(partial(happen, times=[START] * 200))
    await publish_all(told)

    await asyncio.gather(*(forget_all(told, now=now, most=30) for _ in range(4)))
    await forget_all(told, now=now)

    assert await numbers(told, Idempotency.key_hash) == await numbers(told, StreamEntry.sequence) == []
