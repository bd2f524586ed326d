"""Time passes over an edit: what runs is judged once by the terms of today; what is over stays as it was."""

from datetime import datetime
from typing import Any
from uuid import UUID

from app.services import Services
from tests.acts import act, stored
from tests.cast import Cast, complain, create
from tests.conftest import START, TestClock
from tests.door.test_history import LINE, post
from tests.flow.anew import DAY, HOUR, first_response, rejudge, resolution, settle, stale, verdict
from tests.flow.promises import Said, clock_of, promise, promise_anew, rows_of, said_of, watch, written

EVERY_DAY = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def said_anew(now: datetime, policy_id: str | None, version: int, **due: datetime | None) -> Said:
    dues = {name: at and written(at) for name, at in due.items()}
    policy = {"policy_id": policy_id, "policy_version": version}
    return Said("sla.rejudged", now, now, {**policy, "due": dues})


async def test_an_edited_policy_judges_what_runs_anew_and_leaves_what_is_over(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    policy_id = await promise(cast.admin, first_response(1), resolution(24))
    ticket_id = (await complain(cast.visitor))["id"]
    clock.advance(minutes=10)
    await act(cast.alice, ticket_id, "reply", text="We look into it.")
    over = await verdict(services, ticket_id, "first_response")
    now = clock.advance(minutes=10)
    await promise_anew(cast.admin, policy_id, first_response(9), resolution(8))

    await rejudge(services)

    assert await verdict(services, ticket_id, "first_response") == over
    assert (over["policy_version"], over["due_at"]) == (1, START + HOUR)
    running = await verdict(services, ticket_id, "resolution")
    assert (running["policy_version"], running["due_at"], running["scheduled_at"]) == (
        2,
        START + 8 * HOUR,
        now,
    )
    ticket = await stored(services, ticket_id)
    assert (ticket.next_due_at, ticket.policy_id) == (START + 8 * HOUR, UUID(policy_id))
    assert await said_of(services, ticket_id) == [said_anew(now, policy_id, 2, resolution=START + 8 * HOUR)]


async def test_a_promise_made_shorter_than_what_has_passed_is_broken_at_once_and_warns_nobody(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    policy_id = await promise(cast.admin, first_response(8, warnings=[{"fraction": 0.5}]))
    ticket_id = (await complain(cast.visitor))["id"]
    now = clock.advance(hours=2)
    await promise_anew(cast.admin, policy_id, first_response(1, warnings=[{"fraction": 0.5}]))

    await rejudge(services)
    await watch(services)

    due_at = START + HOUR
    notice = {"clock": "first_response", "ordinal": 1, "due_at": written(due_at), "revision": 0}
    assert await said_of(services, ticket_id) == [
        said_anew(now, policy_id, 2, first_response=due_at),
        Said("sla.breached", due_at, now, {**notice, "retroactive": True}),
    ]


async def test_a_promise_made_longer_takes_a_breach_back(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    policy_id = await promise(cast.admin, first_response(1))
    ticket_id = (await complain(cast.visitor))["id"]
    clock.advance(hours=2)
    await watch(services)
    await promise_anew(cast.admin, policy_id, first_response(3))

    await rejudge(services)
    clock.advance(hours=2)
    await watch(services)

    said = await said_of(services, ticket_id)
    assert [(each.type, each.at - START, each.data.get("revision")) for each in said] == [
        ("sla.breached", HOUR, 0),
        ("sla.rejudged", 2 * HOUR, None),
        ("sla.breach_retracted", 2 * HOUR, 1),
        ("sla.breached", 3 * HOUR, 1),
    ]


async def test_an_edited_calendar_moves_what_runs_and_leaves_what_is_over(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    def hours(opens: str) -> dict[str, Any]:
        week = {day: [{"from": opens, "to": "18:00"}] for day in EVERY_DAY}
        return {"name": "Office", "zone": "Etc/UTC", "week": week}

    calendar = await create(cast.admin, "calendars", **hours("09:00"))
    policy_id = await promise(
        cast.admin, first_response(1, calendar="Office"), resolution(8, calendar="Office")
    )
    ticket_id = (await complain(cast.visitor))["id"]
    clock.advance(minutes=10)
    await act(cast.alice, ticket_id, "reply", text="We look into it.")
    over = await verdict(services, ticket_id, "first_response")
    changed = await cast.admin.put(f"/v1/calendars/{calendar['id']}", json=hours("11:00"))
    assert changed.status_code == 200, changed.text
    now = clock.advance(minutes=1)

    await rejudge(services)

    assert await verdict(services, ticket_id, "first_response") == over
    running = await verdict(services, ticket_id, "resolution")
    due_at = START + DAY + 3 * HOUR  # seven hours on the first day, and one on the next from eleven
    assert (running["calendar_version"], running["policy_version"], running["due_at"]) == (2, 1, due_at)
    assert await said_of(services, ticket_id) == [said_anew(now, policy_id, 1, resolution=due_at)]
    assert await stale(services) == []


async def test_a_deleted_policy_is_followed_by_the_one_that_applies_now(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    gone = await promise(cast.admin, first_response(1), resolution(2), name="Shop", default=False, rank=1,
                         applies_to={"kind": ["complaint"]})  # fmt: skip
    default = await promise(cast.admin, resolution(48))
    ticket_id = (await complain(cast.visitor))["id"]
    clock.advance(minutes=10)
    await act(cast.alice, ticket_id, "reply", text="We look into it.")
    over = await verdict(services, ticket_id, "first_response")
    assert (await cast.admin.delete(f"/v1/policies/{gone}")).status_code == 204

    await rejudge(services)

    assert await verdict(services, ticket_id, "first_response") == over
    assert over["policy_id"] == UUID(gone)
    running, ticket = await verdict(services, ticket_id, "resolution"), await stored(services, ticket_id)
    assert (running["policy_id"], running["due_at"]) == (UUID(default), START + 48 * HOUR)
    assert (ticket.policy_id, ticket.next_due_at) == (UUID(default), START + 48 * HOUR)
    assert await said_of(services, ticket_id) == [
        said_anew(clock(), default, 1, resolution=START + 48 * HOUR)
    ]


async def test_where_no_policy_is_left_clocks_are_measured_and_nothing_falls_due(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    policy_id = await promise(cast.admin, first_response(1))
    ticket_id = (await complain(cast.visitor))["id"]
    assert (await cast.admin.delete(f"/v1/policies/{policy_id}")).status_code == 204

    await rejudge(services)
    clock.advance(hours=2)
    await watch(services)

    row, ticket = await verdict(services, ticket_id, "first_response"), await stored(services, ticket_id)
    assert (row["policy_id"], row["target_seconds"], row["due_at"], row["next_at"]) == (None,) * 4
    assert (ticket.policy_id, ticket.next_due_at) == (None, None)
    assert [each.type for each in await said_of(services, ticket_id)] == ["sla.rejudged"]


async def test_a_new_default_takes_over_what_runs_without_a_promise_but_nothing_else(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    without = (await complain(cast.visitor))["id"]
    gold = await promise(
        cast.admin, first_response(1), name="Gold", default=False, applies_to={"kind": ["complaint"]}
    )
    kept = (await complain(cast.visitor))["id"]
    await settle(services, clock)
    assert (await verdict(services, without, "first_response"))["policy_id"] == UUID(gold)

    default = await promise(cast.admin, first_response(2))
    question = (await complain(cast.visitor, kind="question"))["id"]
    await settle(services, clock)

    owners = [(await stored(services, each)).policy_id for each in (without, kept, question)]
    assert owners == [UUID(gold), UUID(gold), UUID(default)]


async def test_a_ticket_that_no_policy_fits_is_looked_at_and_left(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    ticket_id = (await complain(cast.visitor, kind="question"))["id"]
    await promise(cast.admin, first_response(1), default=False, applies_to={"kind": ["complaint"]})
    before = await verdict(services, ticket_id, "first_response")

    await settle(services, clock)

    assert await verdict(services, ticket_id, "first_response") == before
    assert await said_of(services, ticket_id) == []


async def test_a_clock_that_a_policy_gains_begins_where_the_ticket_did(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    policy_id = await promise(cast.admin, first_response(1))
    ticket_id = (await complain(cast.visitor))["id"]
    clock.advance(minutes=30)
    own = clock_of("acknowledge", 7200, starts_on=["opened"], stops_on=["assigned"])
    await promise_anew(cast.admin, policy_id, first_response(1), own)

    await rejudge(services)

    gained = await verdict(services, ticket_id, "acknowledge")
    assert (gained["started_at"], gained["due_at"], gained["policy_version"]) == (START, START + 2 * HOUR, 2)
    await promise_anew(cast.admin, policy_id, first_response(1))
    await rejudge(services)
    assert "acknowledge" not in {each.name for each in await rows_of(services, ticket_id)}
    assert await stale(services) == []


async def test_nobody_is_told_that_history_was_judged_anew(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    policy_id = await promise(cast.admin, first_response(1))
    loaded = await post(cast.admin, LINE | {"events": []})
    ticket_id = loaded["results"][0]["id"]
    await promise_anew(cast.admin, policy_id, first_response(2))

    await settle(services, clock)

    row = await verdict(services, ticket_id, "first_response")
    assert (row["policy_version"], row["target_seconds"], row["breached_at"], row["next_at"]) == (
        2,
        7200,
        None,
        None,
    )
    assert await said_of(services, ticket_id) == []
