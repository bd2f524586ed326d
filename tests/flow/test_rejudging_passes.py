"""Judging anew, piece by piece: it stops and resumes, sees edits and late comers meanwhile, then rests."""

import asyncio
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient
from sqlalchemy import delete

from app.db import jobs
from app.models.sla import PolicyVersion
from app.policies.changes import REJUDGING
from app.services import Services
from app.watch import rejudging
from app.watch.judging import judge
from app.worker import chores
from app.worker.jobs import work
from tests.acts import act, run, statements, write_columns
from tests.cast import Cast, complain
from tests.conftest import START, TestClock
from tests.flow.anew import (
    HANDLERS,
    HOUR,
    all_clocks,
    asked_for,
    first_response,
    number_of_events,
    rejudge,
    resolution,
    settle,
    stale,
    verdict,
)  # fmt: skip
from tests.flow.promises import clock_of, promise, promise_anew, said_of, written

ACKNOWLEDGED = clock_of("acknowledge", 600, starts_on=["opened"], stops_on=["assigned"])


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each piece be one ticket, and each spell one piece."""
    monkeypatch.setattr(chores, "SPELL_SECONDS", 0)
    monkeypatch.setattr(chores, "LOOKED_AT_ONCE", 1)


@pytest.mark.usefixtures("one_at_a_time")
async def test_it_stops_after_each_piece_and_resumes_where_it_was(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    policy_id = await promise(cast.admin, first_response(1))
    ticket_ids = sorted([(await complain(cast.visitor))["id"] for _ in range(3)])
    await promise_anew(cast.admin, policy_id, first_response(2))

    for done in range(1, 4):
        assert await work(services, HANDLERS)
        job = await asked_for(services)
        assert job is not None
        assert job.data == {"after": ticket_ids[done - 1], "unsettled": done, "is_last_pass": 0}
        assert await stale(services) == [UUID(each) for each in ticket_ids[done:]]
    assert await work(services, HANDLERS)
    another = await asked_for(services)  # that found some, so another pass makes sure
    assert another is not None
    assert (another.due_at, another.data) == (clock() + chores.A_MOMENT, {})
    clock.advance(seconds=1)
    await settle(services, clock)


@pytest.mark.usefixtures("one_at_a_time")
async def test_an_edit_during_a_pass_begins_a_new_one_and_each_ticket_ends_under_the_last_version(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    policy_id = await promise(cast.admin, first_response(1))
    ticket_ids = [(await complain(cast.visitor))["id"] for _ in range(4)]
    await promise_anew(cast.admin, policy_id, first_response(2))
    for _ in range(2):
        await work(services, HANDLERS)
    clock.advance(seconds=1)
    await promise_anew(cast.admin, policy_id, first_response(3))

    job = await asked_for(services)
    assert job is not None
    assert job.data == {}
    assert job.due_at <= clock()
    for _ in range(3):
        await rejudge(services)
        clock.advance(seconds=31)
    assert await asked_for(services) is None

    for ticket_id in ticket_ids:
        row = await verdict(services, ticket_id, "first_response")
        assert (row["policy_version"], row["due_at"]) == (3, START + 3 * HOUR)
        versions = [each.data["policy_version"] for each in await said_of(services, ticket_id)]
        assert versions in ([3], [2, 3])


async def test_what_was_promised_by_the_older_terms_a_moment_longer_is_judged_thirty_seconds_later(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    """Another process takes a ticket in by the configuration it still has."""
    policy_id = await promise(cast.admin, first_response(1))
    old = services.configuration.current
    await promise_anew(cast.admin, policy_id, first_response(2))
    await rejudge(services)
    services.configuration.current = old
    ticket_id = (await complain(cast.visitor))["id"]
    await services.configuration.refresh()
    assert (await verdict(services, ticket_id, "first_response"))["policy_version"] == 1
    assert await stale(services) == [UUID(ticket_id)]

    for _ in range(2):  # what the last pass finds asks for another
        clock.advance(seconds=30)
        await rejudge(services)

    row = await verdict(services, ticket_id, "first_response")
    assert (row["policy_version"], row["due_at"]) == (2, START + 2 * HOUR)


async def test_a_ticket_that_cannot_be_judged_keeps_nobody_else_under_the_older_terms(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    policy_id = await promise(cast.admin, first_response(1), resolution(24))
    bad, *good = [(await complain(cast.visitor))["id"] for _ in range(3)]
    await act(cast.alice, bad, "reply", text="Done.")
    await promise_anew(cast.admin, policy_id, first_response(2), resolution(8))
    lost = delete(PolicyVersion).where(PolicyVersion.policy_id == UUID(policy_id), PolicyVersion.version == 1)
    await run(services, lost)

    await settle(services, clock)

    versions = [(await verdict(services, each, "resolution"))["policy_version"] for each in (bad, *good)]
    assert versions == [1, 2, 2]
    assert await stale(services) == [UUID(bad)]


async def test_agents_who_act_meanwhile_judge_their_own_tickets_and_nothing_is_said_twice(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    policy_id = await promise(cast.admin, first_response(1), resolution(24))
    ticket_ids = [(await complain(cast.visitor))["id"] for _ in range(12)]
    await promise_anew(cast.admin, policy_id, first_response(2), resolution(8))

    async def answer(ticket_id: str, agent: AsyncClient) -> None:
        await act(agent, ticket_id, "claim")
        await act(agent, ticket_id, "reply", text="Done.")

    agents = (cast.alice, cast.bob)
    answering = (answer(each, agents[place % 2]) for place, each in enumerate(ticket_ids))
    await asyncio.gather(rejudge(services), *answering)
    clock.advance(seconds=1)
    await rejudge(services)

    assert await stale(services) == []
    for ticket_id in ticket_ids:
        said = await said_of(services, ticket_id)
        assert [each.type for each in said] == ["sla.rejudged"]
        assert said[0].data["due"]["resolution"] == written(START + 8 * HOUR)


@pytest.mark.parametrize("own", [(), (ACKNOWLEDGED,)], ids=["none of its own", "one of its own"])
@pytest.mark.parametrize(
    "verbs", ["", "claim", "note", "claim pend", "claim pend reopen", "reply", "resolve"]
)
async def test_a_short_way_to_judge_anew_finds_what_the_long_way_does(
    cast: Cast, services: Services, clock: TestClock, verbs: str, own: tuple[Any, ...]
) -> None:
    """Events of a ticket that was only opened are not read; all happens in one instant, to be hard on it."""
    policy_id = await promise(cast.admin, first_response(1), resolution(2))
    ticket_id = (await complain(cast.visitor))["id"]
    for verb in verbs.split():
        await act(cast.alice, ticket_id, verb, **({"text": "x"} if verb in {"note", "reply"} else {}))
    clock.advance(minutes=5)
    await promise_anew(cast.admin, policy_id, first_response(3), resolution(4), *own)
    await rejudge(services)
    short_way = await all_clocks(services)

    await write_columns(services, ticket_id, replayed_version=None)
    await services.write(partial(judge, ticket_ids=[UUID(ticket_id)], now=clock()))

    assert await all_clocks(services) == short_way
    assert {each.policy_version for each in short_way if each.stopped_at is None} <= {2}


async def test_of_a_ticket_that_was_only_opened_no_event_is_read(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    policy_id = await promise(cast.admin, first_response(1))
    await complain(cast.visitor)
    for hours in (2, 3):  # the second time something was said of it already
        await promise_anew(cast.admin, policy_id, first_response(hours))
        clock.advance(seconds=1)
        with statements() as sent:
            await rejudge(services)
        assert [each for each in sent if "FROM events WHERE" in each.replace("\n", "")] == []


async def test_nothing_to_judge_anew_is_nothing_to_write(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    await promise(cast.admin, first_response(1))
    await complain(cast.visitor)
    await settle(services, clock)
    now = clock()
    await services.write(partial(jobs.enqueue, kind=REJUDGING, key="all", due_at=now, now=now))

    with statements() as sent:
        await rejudge(services)

    assert not any("clocks" in each for each in sent if not each.startswith("SELECT"))


async def test_a_second_pass_changes_nothing_and_says_nothing(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    policy_id = await promise(cast.admin, first_response(1), resolution(24))
    for _ in range(3):
        await complain(cast.visitor)
    await promise_anew(cast.admin, policy_id, first_response(2), resolution(8))
    await rejudge(services)
    assert await stale(services) == []
    events, before = await number_of_events(services), await all_clocks(services)
    clock.advance(seconds=1)
    await rejudge(services)
    job = await asked_for(services)
    assert job is not None
    assert (job.due_at, job.data) == (clock() + rejudging.ONCE_MORE, {"is_last_pass": 1})

    await settle(services, clock)

    assert (await number_of_events(services), await all_clocks(services)) == (events, before)
