"""Time passes over the clocks: each warning and breach is said once, at its own instant, however late."""

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient
from sqlalchemy import delete, insert, select, update

from app.errors import UnavailableError
from app.models.events import Event
from app.models.sla import Clock, PolicyVersion
from app.services import Services
from app.watch.falling_due import PUSHED, anything_due, say_what_is_due
from tests.acts import act, run, stored, write_columns
from tests.cast import Cast, complain
from tests.conftest import START, TestClock
from tests.door.test_history import LINE, post
from tests.flow.promises import Said, clock_of, clock_row, promise, promise_anew, said_of, watch, written

HOUR, TICK = timedelta(hours=1), timedelta(microseconds=1)
WITHIN_AN_HOUR = clock_of("first_response", 3600, warnings=[{"fraction": 0.5}, {"before_seconds": 600}])
SOLVED_IN_A_DAY = clock_of("resolution", 86_400)


def notice(kind: str, at: Any, *, now: Any, due_at: Any, **more: Any) -> Said:
    """Return what is said of the first response of a ticket."""
    data = {"clock": "first_response", "ordinal": 1, "due_at": written(due_at), "revision": 0}
    return Said(f"sla.{kind}", at, now, data | more)


async def report(cast: Cast, ticket_id: str, verb: str, **body: Any) -> dict[str, Any]:
    """Let software that is bound to no agent say what Alice did, and when."""
    return await act(cast.admin, ticket_id, verb, agent_id=cast.ids["alice"], **body)


async def is_due(services: Services) -> bool:
    return await services.read(partial(anything_due, now=services.clock()))


async def test_each_warning_and_the_breach_are_said_once_at_their_instants(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    await promise(cast.admin, WITHIN_AN_HOUR)
    ticket_id = (await complain(cast.visitor))["id"]
    due_at = START + HOUR
    expected: list[Said] = []
    for at, more in ((30, {"counted_seconds": 1800.0}), (50, {"counted_seconds": 3000.0}), (60, {})):
        instant = START + timedelta(minutes=at)
        clock.now = instant
        assert await watch(services) == 0
        now = clock.advance(seconds=3)
        expected.append(notice("warned" if more else "breached", instant, now=now, due_at=due_at, **more))

        assert await watch(services) == 1
        assert await watch(services) == 0
        assert await said_of(services, ticket_id) == expected

    row, ticket = await clock_row(services, ticket_id, "first_response"), await stored(services, ticket_id)
    assert (row.breached_at, row.revision, row.next_at) == (due_at, 0, None)
    assert (ticket.version, ticket.replayed_version, ticket.next_due_at) == (4, 4, due_at)


async def test_what_was_missed_in_a_long_sleep_is_said_at_its_own_instants(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    await promise(cast.admin, WITHIN_AN_HOUR, SOLVED_IN_A_DAY)
    ticket_ids = []
    for _ in range(7):
        ticket_ids.append((await complain(cast.visitor))["id"])
        clock.advance(minutes=10)
    now = clock.advance(days=3)

    await watch(services, most=3)

    for place, ticket_id in enumerate(ticket_ids):
        opened_at = START + place * timedelta(minutes=10)
        said = await said_of(services, ticket_id)
        assert [(each.type, each.at - opened_at, each.received_at) for each in said] == [
            ("sla.warned", HOUR / 2, now),
            ("sla.warned", HOUR * 5 / 6, now),
            ("sla.breached", HOUR, now),
            ("sla.breached", timedelta(days=1), now),
        ]
        assert "retroactive" not in said[2].data


async def test_an_answer_one_second_late_between_two_looks_is_a_breach(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    await promise(cast.admin, WITHIN_AN_HOUR)
    late, in_time = [(await complain(cast.visitor))["id"] for _ in range(2)]
    clock.now = START + HOUR
    await act(cast.alice, in_time, "reply", text="Done.")
    now = clock.advance(seconds=1)
    await act(cast.alice, late, "reply", text="Done.")
    await watch(services)

    assert await said_of(services, in_time) == []  # nobody is warned of what is done
    assert await said_of(services, late) == [notice("breached", START + HOUR, now=now, due_at=START + HOUR)]
    assert not await is_due(services)


async def test_a_breach_that_a_later_word_disproves_is_taken_back(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    await promise(cast.admin, WITHIN_AN_HOUR)
    ticket_id = (await complain(cast.visitor))["id"]
    clock.advance(hours=2)
    await watch(services)
    now = clock.advance(minutes=1)

    await report(cast, ticket_id, "reply", text="By telephone.", occurred_at=written(START + HOUR))
    await watch(services)

    taken_back = notice("breach_retracted", now, now=now, due_at=START + HOUR, revision=1)
    assert (await said_of(services, ticket_id))[2:] == [
        notice("breached", START + HOUR, now=START + 2 * HOUR, due_at=START + HOUR),
        taken_back,
    ]
    row = await clock_row(services, ticket_id, "first_response")
    assert (row.stopped_at, row.breached_at, row.revision) == (START + HOUR, None, 1)


async def test_a_breach_that_moved_is_taken_back_and_said_again(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    """The resolution waits for the customer; that it did, and no longer does, is heard of afterwards."""
    await promise(cast.admin, clock_of("resolution", 3600))
    ticket_id = (await complain(cast.visitor))["id"]
    clock.advance(hours=2)
    await watch(services)
    await report(cast, ticket_id, "pend", occurred_at=written(START + HOUR / 2))
    assert (await clock_row(services, ticket_id, "resolution")).due_at is None
    assert not await is_due(services)

    await report(cast, ticket_id, "reopen", occurred_at=written(START + HOUR))
    later = clock.advance(hours=1)
    await watch(services)
    await watch(services)

    said = await said_of(services, ticket_id)
    now, moved = START + 2 * HOUR, START + 1.5 * HOUR
    assert [(each.type, each.at, each.received_at, each.data["revision"]) for each in said] == [
        ("sla.breached", START + HOUR, now, 0),
        ("sla.breach_retracted", now, now, 1),
        ("sla.breached", moved, now, 1),
    ]
    assert [each.data.get("retroactive") for each in said] == [None, None, True]
    assert later > now


async def test_what_fell_due_before_it_was_received_is_said_to_be_so_and_warns_nobody(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    await promise(cast.admin, WITHIN_AN_HOUR)
    ticket_id = (await complain(cast.crm, occurred_at=written(START - 2 * HOUR)))["id"]
    just_due = (await complain(cast.crm, occurred_at=written(START - HOUR)))["id"]
    now = clock.advance(seconds=1)

    await watch(services)

    due_at = START - HOUR
    assert await said_of(services, ticket_id) == [
        notice("breached", due_at, now=now, due_at=due_at, retroactive=True)
    ]
    assert [each.type for each in await said_of(services, just_due)][-1:] == ["sla.breached"]


async def test_nobody_is_told_of_history_or_of_what_was_set_aside(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    await promise(cast.admin, WITHIN_AN_HOUR, SOLVED_IN_A_DAY)
    loaded = await post(cast.admin, LINE | {"events": []})
    imported = loaded["results"][0]["id"]
    aside = (await complain(cast.visitor))["id"]
    await write_columns(services, aside, quarantined_at=clock())
    clock.advance(days=3)

    await watch(services)

    assert await said_of(services, imported) == await said_of(services, aside) == []
    for ticket_id in (imported, aside):
        row = await clock_row(services, ticket_id, "first_response")
        assert (row.due_at is None, row.breached_at, row.next_at) == (False, None, None)


async def test_a_ticket_that_cannot_be_judged_is_pushed_away_and_keeps_nobody_waiting(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    """What the finished clock was judged by is gone, and all of the ticket has to be read again."""
    policy_id = await promise(cast.admin, WITHIN_AN_HOUR, SOLVED_IN_A_DAY)
    bad, *good = [(await complain(cast.visitor))["id"] for _ in range(4)]
    await act(cast.alice, bad, "reply", text="Done.")
    kept = await services.read(lambda session: session.get_one(PolicyVersion, (UUID(policy_id), 1)).document)
    await promise_anew(cast.admin, policy_id, WITHIN_AN_HOUR, clock_of("resolution", 86_401))
    lost = delete(PolicyVersion).where(PolicyVersion.policy_id == UUID(policy_id), PolicyVersion.version == 1)
    await run(services, lost)
    now = clock.advance(days=2)

    await watch(services, most=2)

    assert await said_of(services, bad) == []
    assert (await clock_row(services, bad, "resolution")).next_at == now + PUSHED
    for ticket_id in good:
        assert [each.type for each in await said_of(services, ticket_id)][-1] == "sla.breached"
    found = {"policy_id": UUID(policy_id), "version": 1, "document": kept, "created_at": START}
    await run(services, insert(PolicyVersion).values(found))
    clock.now = now + PUSHED + TICK
    await watch(services)
    (breached,) = [each for each in await said_of(services, bad) if each.type == "sla.breached"]
    assert breached.at == START + timedelta(seconds=86_401)


async def test_history_that_cannot_be_read_is_no_reason_to_stop(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    await promise(cast.admin, WITHIN_AN_HOUR)
    bad, good = [(await complain(cast.visitor))["id"] for _ in range(2)]
    spoilt = update(Event).where(Event.subject_id == UUID(bad))
    await run(services, spoilt.values(data={"resolver_id": "nobody"}))
    await write_columns(services, bad, replayed_version=None)
    clock.advance(hours=2)

    await watch(services)

    assert [await said_of(services, each) == [] for each in (bad, good)] == [True, False]


async def test_a_database_that_is_away_is_no_fault_of_a_ticket(
    cast: Cast, services: Services, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await promise(cast.admin, WITHIN_AN_HOUR)
    ticket_id = (await complain(cast.visitor))["id"]
    clock.advance(hours=2)

    def refuse(*_: Any) -> None:
        raise OSError("gone")

    with monkeypatch.context() as broken:
        broken.setattr("app.sla.store.change_clocks", refuse)
        with pytest.raises((OSError, UnavailableError), match=r"gone|can't work"):
            await services.write(partial(say_what_is_due, now=clock(), most=9))

    assert (await clock_row(services, ticket_id, "first_response")).next_at == START + HOUR / 2
    await watch(services)
    assert len(await said_of(services, ticket_id)) == 3


async def test_every_clock_is_looked_at_in_the_order_it_fell_due(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    await promise(cast.admin, clock_of("first_response", 3600))
    for minutes in (20, 0, 40):
        clock.now = START + timedelta(minutes=minutes)
        await complain(cast.visitor)
    now = clock.advance(hours=2)

    query = select(Event.occurred_at).where(Event.type == "sla.breached").order_by(Event.id)
    for looked in range(1, 4):
        assert await services.write(partial(say_what_is_due, now=now, most=1)) == 1
        found = await services.read(lambda session: list(session.scalars(query)))
        assert found == [START + timedelta(minutes=60 + 20 * place) for place in range(looked)]
    assert await services.write(partial(say_what_is_due, now=now, most=1)) == 0


async def test_a_clock_that_stopped_or_was_said_is_never_looked_at_again(
    cast: Cast, anyone: AsyncClient, services: Services, clock: TestClock
) -> None:
    await promise(cast.admin, WITHIN_AN_HOUR, SOLVED_IN_A_DAY)
    answered, ignored = [(await complain(cast.visitor))["id"] for _ in range(2)]
    await act(cast.alice, answered, "reply", text="Done.")
    await act(cast.alice, answered, "resolve")
    clock.advance(days=2)
    await watch(services)

    waiting = select(Clock.id).where(Clock.next_at.is_not(None))
    assert await services.read(lambda session: session.scalars(waiting).all()) == []
    assert await said_of(services, answered) == []
    assert len(await said_of(services, ignored)) == 4
