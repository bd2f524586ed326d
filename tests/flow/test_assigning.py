"""Time passes over the queue: who gets what waits, why, and never more than fits."""

import asyncio
from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.desk import actions
from app.models.people import Team
from app.models.routing import Assignment
from app.models.tickets import Ticket
from app.people.rules import EVERYTHING
from app.services import Services
from app.tickets import store as tickets
from app.watch.assigning import assign_waiting, someone_can_take
from tests.acts import events_of, run, stored
from tests.conftest import TestClock
from tests.flow.crew import Floor


@pytest.fixture
def floor(services: Services, clock: TestClock) -> Floor:
    return Floor(services, clock)


async def step(floor: Floor) -> int:
    """Let the worker pass once."""
    return await floor.services.write(partial(assign_waiting, now=floor.clock()))


async def may_step(floor: Floor) -> bool:
    return await floor.services.read(someone_can_take)


async def test_a_ticket_goes_to_whose_hands_are_emptiest_with_the_reason(
    floor: Floor, clock: TestClock, services: Services
) -> None:
    busy, idle = await floor.hire("Ana", 1), await floor.hire("Eve", 4)
    first = await floor.open()
    clock.advance(seconds=1)
    second = await floor.open()
    at = clock.advance(seconds=1)

    assert await step(floor) == 2

    assert await floor.assignees() == {first: idle, second: busy}
    (happened,) = (await events_of(services, str(first)))[1:]
    assert (happened.type, happened.actor_id, happened.occurred_at) == ("ticket.assigned", None, at)
    assert happened.data == {"agent_id": str(idle), "how": "least_loaded", "status": "open"}
    query = select(Assignment).where(Assignment.ticket_id == second)
    (decided,) = await services.read(lambda session: list(session.scalars(query)))
    assert decided.reason == {"strategy": "least_loaded", "open": 0, "capacity": 1, "candidates": 2}
    assert (decided.agent_id, decided.by, decided.decided_at) == (busy, "least_loaded", at)


async def test_nobody_gets_more_than_fits_and_nobody_who_is_not_there_gets_any(floor: Floor) -> None:
    for name, capacity, status, team in (
        ("Ana", 2, "online", ""), ("Eve", 9, "away", ""), ("Ivo", 9, "offline", ""), ("Uma", 0, "online", ""),
        ("Zoe", 9, "online", "Billing"),
    ):  # fmt: skip
        await floor.hire(name, capacity, status, team)
    for _ in range(5):
        await floor.open()

    assert await may_step(floor)
    assert [await step(floor), await step(floor)] == [2, 0]
    assert not await may_step(floor)
    assert await floor.loads() == {"Ana": 2}


async def test_a_team_that_pulls_is_never_given_anything(floor: Floor, services: Services) -> None:
    await floor.hire("Ana", 2)
    await floor.open()
    pull = update(Team).where(Team.is_default).values(strategy="pull")
    await run(services, pull)

    assert not await may_step(floor)
    assert await step(floor) == 0


@pytest.mark.parametrize("action", [actions.pend, actions.resolve, actions.give_back])
async def test_a_freed_slot_is_filled_at_the_next_step(
    floor: Floor, services: Services, clock: TestClock, action: Callable[..., Ticket]
) -> None:
    ana = await floor.hire("Ana", 1)
    first = await floor.open()
    clock.advance(seconds=1)
    second = await floor.open("urgent")
    third = await floor.open("low")
    await step(floor)
    assert await step(floor) == 0

    await services.write(
        lambda session: action(session, second, agent_id=ana, seen_by=EVERYTHING, now=clock())
    )
    given_back = action is actions.give_back

    assert await step(floor) == 1
    assert await floor.assignees() == (
        {first: None, second: ana, third: None} if given_back else {first: ana, second: ana, third: None}
    )
    assert await floor.loads() == {"Ana": 1}


async def test_the_queue_is_by_time_with_head_starts_for_priority(
    floor: Floor, services: Services, clock: TestClock
) -> None:
    ana = await floor.hire("Ana", 1)
    waiting = {}
    for name, priority, minutes in (
        ("low first", "low", 0), ("normal", "normal", 60), ("high", "high", 1), ("urgent", "urgent", 170),
    ):  # fmt: skip
        clock.advance(minutes=minutes)
        waiting[await floor.open(priority)] = name
    order = []
    while waiting:
        await step(floor)
        taken = next(each for each, agent in (await floor.assignees()).items() if agent and each in waiting)
        order.append(waiting.pop(taken))
        done = partial(actions.resolve, agent_id=ana, seen_by=EVERYTHING, now=clock())
        await services.write(partial(done, ticket_id=taken))

    assert order == ["urgent", "high", "normal", "low first"]


async def test_what_waits_for_one_team_does_not_hold_up_another(
    floor: Floor, services: Services, clock: TestClock
) -> None:
    await floor.hire("Ana", 1)
    for _ in range(25):
        await floor.open()
    clock.advance(seconds=1)
    zoe = await floor.hire("Zoe", 1, team="Ops")
    last = await floor.open()
    push = update(Team).where(Team.name == "Ops").values(strategy="least_loaded").returning(Team.id)

    def move_to_ops(session: Session) -> None:
        tickets.lock(session, last, seen_by=EVERYTHING).team_id = session.scalars(push).one()

    await services.write(move_to_ops)

    assert [await step(floor), await step(floor)] == [1, 1]
    assert (await stored(services, str(last))).assignee_id == zoe


async def test_several_workers_at_once_assign_each_ticket_once_and_never_more_than_fits(
    floor: Floor, services: Services
) -> None:
    for name, capacity in (("Ana", 7), ("Eve", 11), ("Ivo", 3)):
        await floor.hire(name, capacity)
    for _ in range(30):
        await floor.open()

    done = await asyncio.gather(*(step(floor) for _ in range(6)))

    assert sum(done) == 21
    assert await floor.loads() == {"Ana": 7, "Eve": 11, "Ivo": 3}
    query = select(func.count(), func.count(Assignment.ticket_id.distinct()))
    assert tuple(await services.read(lambda session: session.execute(query).one())) == (21, 21)


async def test_workers_and_agents_at_once_count_every_slot_right(floor: Floor, services: Services) -> None:
    agents = [await floor.hire(name, 4) for name in ("Ana", "Eve", "Ivo")]
    opened = [await floor.open() for _ in range(12)]

    async def hand_over(ticket_id: UUID, to: UUID) -> None:
        act = partial(actions.assign, to=to, agent_id=None, seen_by=EVERYTHING, now=floor.clock())
        await services.write(partial(act, ticket_id=ticket_id))

    await asyncio.gather(
        *(hand_over(each, agents[place % 3]) for place, each in enumerate(opened)),
        *(step(floor) for _ in range(4)),
        *(hand_over(each, agents[(place + 1) % 3]) for place, each in enumerate(opened)),
    )

    assert sorted((await floor.assignees()).values(), key=str) == sorted(agents * 4, key=str)
    assert await floor.loads() == {"Ana": 4, "Eve": 4, "Ivo": 4}
