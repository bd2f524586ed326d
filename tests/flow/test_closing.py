"""Time passes over what is settled: quiet tickets are closed at their instant, and nothing else is."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient
from sqlalchemy import update

from app.db import jobs
from app.db.jobs import Job
from app.models.events import Event
from app.services import Services
from app.watch import closing
from app.watch.closing import close_quiet, find_quiet
from app.worker import chores
from app.worker.jobs import work
from tests.acts import act, clocks_of, events_of, read, run, stored, write_columns
from tests.cast import Cast, complain
from tests.conftest import TestClock
from tests.door.test_history import LINE, post
from tests.door.test_track import say, track

WEEK, TICK = timedelta(days=7), timedelta(microseconds=1)
HANDLERS = {chores.CLOSING: chores.close_resolved}


async def settled(cast: Cast) -> dict[str, Any]:
    """Return the receipt of a complaint that Alice answered and resolved."""
    receipt = await complain(cast.visitor)
    await act(cast.alice, receipt["id"], "reply", text="Done.")
    await act(cast.alice, receipt["id"], "resolve")
    return receipt


async def quiet(services: Services) -> list[UUID]:
    since = services.clock() - WEEK
    return [each for _, each in await services.read(partial(find_quiet, since=since, after=None))]


async def pass_time(services: Services) -> list[Job]:
    """Do what is due, and return the jobs that are left."""
    start = partial(jobs.enqueue, kind=chores.CLOSING, key="all", due_at=services.clock())
    await services.write(partial(start, now=services.clock()))
    while await work(services, HANDLERS):
        pass
    every = partial(jobs.page, state=None, after=None, limit=9, now=services.clock())
    return [job for job in await services.read(every) if job.kind == chores.CLOSING]


async def status_of(services: Services, receipt: dict[str, Any]) -> str:
    return (await stored(services, receipt["id"])).status


async def test_a_resolved_ticket_is_closed_once_its_days_are_over(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    receipt = await settled(cast)
    before = await clocks_of(services, receipt["id"])
    clock.advance(seconds=(WEEK - TICK).total_seconds())
    await pass_time(services)
    assert await status_of(services, receipt) == "resolved"
    clock.advance(microseconds=1)

    (next_time,) = await pass_time(services)

    ticket = await stored(services, receipt["id"])
    assert (ticket.status, ticket.closed_at) == ("closed", clock())
    last = (await events_of(services, receipt["id"]))[-1]
    assert (last.type, last.actor_id, last.occurred_at, last.received_at, last.data) == (
        "ticket.closed",
        None,
        clock(),
        clock(),
        {"status": "closed"},
    )
    assert (last.subject_version, ticket.version) == (ticket.version, last.subject_version)
    assert await clocks_of(services, receipt["id"]) == before
    assert (next_time.due_at, next_time.data) == (clock() + chores.EVERY, {})


@pytest.mark.parametrize("verb", ["note", "reply"])
async def test_a_word_meanwhile_makes_the_days_begin_again(
    cast: Cast, services: Services, clock: TestClock, verb: str
) -> None:
    receipt = await settled(cast)
    clock.advance(days=6)
    await act(cast.alice, receipt["id"], verb, text="One thing more.")
    clock.advance(days=1)
    assert await quiet(services) == []
    clock.advance(days=6)
    assert await quiet(services) == [UUID(receipt["id"])]

    await pass_time(services)

    assert await status_of(services, receipt) == "closed"


async def test_only_what_is_resolved_is_closed(cast: Cast, services: Services, clock: TestClock) -> None:
    await complain(cast.visitor)
    pending = await complain(cast.visitor)
    await act(cast.alice, pending["id"], "pend")
    opened = await complain(cast.visitor)
    await act(cast.alice, opened["id"], "claim")
    again = await settled(cast)
    await act(cast.alice, again["id"], "reopen")
    clock.advance(days=100)

    assert await quiet(services) == []


async def test_history_keeps_the_state_its_source_gave_it(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    resolved = LINE | {"events": [{"type": "resolved", "at": "2023-01-04T00:31:51Z"}]}
    loaded = await post(cast.admin, resolved)
    clock.advance(days=100)

    await pass_time(services)

    ticket = await read(cast.admin, f"/v1/tickets/{loaded['results'][0]['id']}")
    assert ticket["status"] == "resolved"


async def test_what_was_found_quiet_but_spoke_since_stays(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    receipt = await settled(cast)
    clock.advance(days=7)
    (found,) = await quiet(services)
    await act(cast.alice, receipt["id"], "note", text="Wait.")

    closing_it = partial(close_quiet, ticket_id=found, since=clock() - WEEK, now=clock())
    assert not await services.write(closing_it)
    assert await status_of(services, receipt) == "resolved"


async def test_a_ticket_that_cannot_be_closed_does_not_hold_up_the_others(
    cast: Cast, services: Services, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "PIECE", 2)
    tickets = []
    for _ in range(5):
        tickets.append(await settled(cast))
        clock.advance(seconds=1)
    for bad in tickets[:2]:  # a whole piece of them, and the first
        spoilt = update(Event).where(Event.subject_id == UUID(bad["id"]), Event.type == "ticket.resolved")
        await run(services, spoilt.values(data={"resolver_id": "nobody"}))
        await write_columns(services, bad["id"], replayed_version=None)
    clock.advance(days=8)

    (job,) = await pass_time(services)

    assert [await status_of(services, each) for each in tickets] == ["resolved"] * 2 + ["closed"] * 3
    assert (job.due_at, job.attempts, job.error) == (clock() + chores.EVERY, 0, None)


async def test_zero_days_switch_it_off(cast: Cast, services: Services, clock: TestClock) -> None:
    receipt = await settled(cast)
    clock.advance(days=3650)
    off = replace(services, settings=services.settings.model_copy(update={"close_after_days": 0}))

    assert await pass_time(off) == []
    assert await status_of(services, receipt) == "resolved"
    assert len(await pass_time(services)) == 1
    assert await status_of(services, receipt) == "closed"


async def test_a_word_on_what_was_closed_opens_a_follow_up_which_is_closed_in_its_turn(
    cast: Cast, anyone: AsyncClient, services: Services, clock: TestClock
) -> None:
    receipt = await settled(cast)
    clock.advance(days=7)
    await pass_time(services)

    seen = (await say(anyone, track(receipt), text="It is stuck again.")).json()

    assert (seen["status"], seen["follow_up"] is not None) == ("closed", True)
    following = await read(anyone, f"/v1/track/{seen['follow_up']['tracking_token']}")
    assert [message["text"] for message in following["messages"]] == ["It is stuck again."]
    assert (await status_of(services, receipt), following["status"]) == ("closed", "new")
    (ticket,) = (await read(cast.admin, "/v1/tickets?status=new"))["data"]
    detail = await read(cast.admin, f"/v1/tickets/{ticket['id']}")
    assert (detail["text"], detail["follow_up_of"]) == ("It is stuck again.", receipt["id"])
    await act(cast.alice, ticket["id"], "resolve")
    clock.advance(days=7)
    await pass_time(services)
    assert (await read(cast.admin, f"/v1/tickets/{ticket['id']}"))["status"] == "closed"


async def test_the_customers_link_ends_ninety_days_after_closing(
    cast: Cast, anyone: AsyncClient, services: Services, clock: TestClock
) -> None:
    receipt = await settled(cast)
    clock.advance(days=7)
    await pass_time(services)
    clock.advance(days=90, microseconds=-1)
    assert (await anyone.get(track(receipt))).status_code == 200
    clock.advance(microseconds=1)

    assert (await anyone.get(track(receipt))).status_code == 404


async def test_a_customers_word_at_the_moment_of_closing_is_never_lost(
    cast: Cast, anyone: AsyncClient, services: Services, clock: TestClock
) -> None:
    receipts = [await settled(cast) for _ in range(8)]
    clock.advance(days=7)
    since, now = clock() - WEEK, clock()

    async def close(receipt: dict[str, Any]) -> bool:
        fn = partial(close_quiet, ticket_id=UUID(receipt["id"]), since=since, now=now)
        return await services.write(fn)

    async def speak(receipt: dict[str, Any]) -> None:
        await say(anyone, track(receipt), text="Wait!")

    both = [each for receipt in receipts for each in (close(receipt), speak(receipt))]
    closed = (await asyncio.gather(*both))[::2]

    for was_closed, receipt in zip(closed, receipts, strict=True):
        seen = await read(anyone, track(receipt))
        if was_closed:
            assert seen["status"] == "closed"
            seen = await read(anyone, f"/v1/track/{seen['follow_up']['tracking_token']}")
            assert seen["status"] == "new"
        else:
            assert seen["status"] == "open"
        assert seen["messages"][-1]["text"] == "Wait!"
