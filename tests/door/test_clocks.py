"""A ticket's clocks with their working, through the door."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.policies.calendar import elapsed
from app.services import Services
from app.worker import loop
from tests.acts import act, read, write_columns
from tests.cast import Cast, complain, create
from tests.conftest import START, TestClock
from tests.door.sla import OFFICE
from tests.door.test_history import LINE, post
from tests.flow.promises import clock_of, promise, promise_anew, rows_of, said_of, watch, written

Json = dict[str, Any]
HOUR = timedelta(hours=1)
ACKNOWLEDGE = clock_of("acknowledge", 600, starts_on=["opened"], stops_on=["assigned"])


async def clocks(cast: Cast, ticket_id: str) -> dict[tuple[str, int], Json]:
    """Return a ticket's clocks by name and ordinal."""
    ledger = await read(cast.alice, f"/v1/tickets/{ticket_id}/clocks")
    return {(each["name"], each["ordinal"]): each for each in ledger["data"]}


async def clock(cast: Cast, ticket_id: str, name: str = "first_response", ordinal: int = 1) -> Json:
    return (await clocks(cast, ticket_id))[name, ordinal]


async def require_as_stored(cast: Cast, services: Services, ticket_id: str) -> None:
    """Check that what is worked out is what is stored: due instants, and what was counted."""
    shown, book = await clocks(cast, ticket_id), services.configuration.current.book
    stored = await rows_of(services, ticket_id)
    assert shown.keys() == {(each.name, each.ordinal) for each in stored}
    for row in stored:
        each = shown[row.name, row.ordinal]
        counted = row.counted
        if row.counting and row.stopped_at is None and row.policy_id:
            calendar = book.policies[row.policy_id].clocks[row.name].calendar
            counted += elapsed(calendar, row.counted_until, services.clock()) // timedelta(microseconds=1)
        assert each["due_at"] == (row.due_at and written(row.due_at)), row.name
        assert each["counted_seconds"] == counted / 1_000_000, row.name
        assert (each["target_seconds"], each["revision"]) == (row.target_seconds, row.revision)
        past = [one["seconds"] for one in each["segments"] if one["counted"] and not one["projected"]]
        assert sum(past) == each["counted_seconds"]


async def test_it_shows_why_an_answer_is_due_on_monday(cast: Cast, clock: TestClock) -> None:
    office = await create(cast.admin, "calendars", **OFFICE)
    gold = await promise(
        cast.admin,
        clock_of("first_response", 7200, calendar="Lisbon office", warnings=[{"before_seconds": 1800}]),
        name="Gold",
    )
    clock.now = START + timedelta(days=4, hours=8)  # Friday, 17:00
    ticket_id = (await complain(cast.visitor))["id"]
    clock.advance(minutes=30)

    ledger = await read(cast.alice, f"/v1/tickets/{ticket_id}/clocks")

    first, resolution = ledger["data"]
    assert ledger | {"data": []} == {
        "ticket_id": ticket_id,
        "as_of": "2026-03-06T17:30:00Z",
        "policy": {"id": gold, "name": "Gold"},
        "data": [],
    }
    assert first == {
        "name": "first_response",
        "ordinal": 1,
        "state": "running",
        "verdict": "running",
        "target_seconds": 7200,
        "counted_seconds": 1800,
        "remaining_seconds": 5400,
        "started_at": "2026-03-06T17:00:00Z",
        "stopped_at": None,
        "due_at": "2026-03-09T10:00:00Z",
        "late_seconds": None,
        "elapsed_seconds": 1800,
        "business_seconds": 1800,
        "agent": None,
        "priority": "normal",
        "inconsistent": False,
        "retroactive": False,
        "revision": 0,
        "policy": {"id": gold, "name": "Gold", "version": 1},
        "calendar": {
            "id": office["id"], "name": "Lisbon office", "version": 1, "zone": "Europe/Lisbon",
        },
        "pauses_in": [],
        "warnings": [{"after_seconds": 5400, "at": "2026-03-09T09:30:00Z", "said": False}],
        "segments": [
            segment("2026-03-06T17:00:00Z", "2026-03-06T17:30:00Z", 1800),
            segment("2026-03-06T17:30:00Z", "2026-03-06T18:00:00Z", 1800, projected=True),
            segment(
                "2026-03-06T18:00:00Z",
                "2026-03-09T09:00:00Z",
                226_800,
                reason="outside hours",
                projected=True,
            ),
            segment("2026-03-09T09:00:00Z", "2026-03-09T10:00:00Z", 3600, projected=True),
        ],
        "segments_from": None,
    }  # fmt: skip
    assert (resolution["verdict"], resolution["policy"]["version"], resolution["calendar"]) == (
        "none",
        1,
        None,
    )
    assert [each["reason"] for each in resolution["segments"]] == ["nothing promised"]


def segment(
    begins: str, ends: str, seconds: int, *, reason: str | None = None, projected: bool = False
) -> Json:
    return {
        "from": begins, "to": ends, "counted": reason is None, "reason": reason, "seconds": seconds,
        "projected": projected,
    }  # fmt: skip


async def test_whatever_happens_it_works_out_what_is_stored(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    await create(cast.admin, "calendars", **OFFICE)
    urgent = {"when": {"priority": ["urgent"]}, "target_seconds": 5400}
    await promise(
        cast.admin,
        clock_of("first_response", 7200, calendar="Lisbon office", warnings=[{"fraction": 0.5}]),
        clock_of("next_response", 3600),
        {
            "name": "resolution",
            "calendar": "Lisbon office",
            "targets": [urgent, {"target_seconds": 24_000}],
            "pauses_in": ["pending", "resolved"],
        },
        ACKNOWLEDGE,
    )
    receipt = await complain(cast.crm)
    ticket_id, words = receipt["id"], f"/v1/track/{receipt['ticket']['tracking_token']}/messages"
    await require_as_stored(cast, services, ticket_id)

    steps: list[tuple[float, str, Json]] = [
        (7, "claim", {}),
        (18, "reply", {"text": "Which lift?"}),
        (1.01, "pend", {}),
        (90, "reopen", {}),
        (200, "resolve", {}),
        (1500, "", {"text": "It is stuck again."}),
        (30, "urgent", {}),
        (10, "reply", {"text": "On our way.", "occurred_at": written(START + timedelta(minutes=5))}),
        (3000, "resolve", {}),
    ]
    for minutes, verb, body in steps:
        clock.advance(minutes=minutes)
        if verb == "urgent":
            url, headers = f"/v1/tickets/{ticket_id}", {"if-match": "*"}
            assert (await cast.alice.patch(url, json={"priority": "urgent"}, headers=headers)).is_success
        elif verb:
            await act(cast.admin, ticket_id, verb, agent_id=cast.ids["alice"], **body)
        else:
            assert (await cast.visitor.post(words, json=body)).is_success
        await require_as_stored(cast, services, ticket_id)
        clock.advance(minutes=61)
        await watch(services)
        await require_as_stored(cast, services, ticket_id)

    shown = await clocks(cast, ticket_id)
    assert {key: each["verdict"] for key, each in shown.items()} == {
        ("acknowledge", 1): "met",
        ("first_response", 1): "met",
        ("next_response", 1): "breached",
        ("resolution", 1): "met",
        ("resolution", 2): "breached",
    }
    assert [(each["seconds"], each["reason"]) for each in shown["resolution", 1]["segments"]] == [
        (8880.6, None),
        (9060, "pending"),
        (14_459.4, None),
        (1200.6, "outside hours"),
    ]


async def test_a_late_breach_is_told_before_anybody_said_it(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    await promise(cast.admin, clock_of("first_response", 3600, warnings=[{"fraction": 0.5}]))
    ticket_id = (await complain(cast.visitor))["id"]
    clock.now = START + HOUR
    on_time = await clocks(cast, ticket_id)
    clock.advance(seconds=1.5)

    silent = await clocks(cast, ticket_id)
    assert await said_of(services, ticket_id) == []
    await watch(services)
    told = await clocks(cast, ticket_id)

    key = ("first_response", 1)
    assert (on_time[key]["verdict"], on_time[key]["remaining_seconds"]) == ("running", 0)
    assert (silent[key]["verdict"], silent[key]["late_seconds"], silent[key]["state"]) == (
        "breached",
        1.5,
        "running",
    )
    assert silent[key]["warnings"] == [{"after_seconds": 1800, "at": "2026-03-02T09:30:00Z", "said": False}]
    assert told[key] == silent[key] | {"warnings": [silent[key]["warnings"][0] | {"said": True}]}


async def test_what_is_over_is_explained_by_what_it_was_judged_by(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    office = await create(cast.admin, "calendars", **OFFICE)
    urgent = {"when": {"priority": ["urgent"]}, "target_seconds": 600}
    first = {
        "name": "first_response",
        "calendar": "Lisbon office",
        "targets": [urgent, {"target_seconds": 3600}],
    }
    policy_id = await promise(cast.admin, first, clock_of("resolution", 7200), name="Gold")
    ticket_id = (await complain(cast.crm, priority="urgent"))["id"]
    clock.advance(minutes=20)
    await act(cast.alice, ticket_id, "reply", text="On our way.")
    edited = await cast.alice.patch(
        f"/v1/tickets/{ticket_id}", json={"priority": "low"}, headers={"if-match": "*"}
    )
    assert edited.status_code == 200, edited.text
    before = await clocks(cast, ticket_id)
    answered = before["first_response", 1]
    assert (answered["verdict"], answered["priority"], answered["target_seconds"]) == (
        "breached",
        "urgent",
        600,
    )
    assert answered["agent"] == {"id": cast.ids["alice"], "name": "Alice"}

    shorter = [{"from": "12:00", "to": "13:00"}]
    changed = await cast.admin.put(
        f"/v1/calendars/{office['id']}", json=OFFICE | {"week": dict.fromkeys(OFFICE["week"], shorter)}
    )
    assert changed.status_code == 200, changed.text
    await promise_anew(
        cast.admin, policy_id, clock_of("first_response", 60), clock_of("resolution", 60), name="New"
    )
    waiting = await clocks(cast, ticket_id)
    while await loop.do_jobs(services):
        pass
    rejudged = await clocks(cast, ticket_id)
    await cast.admin.delete(f"/v1/policies/{policy_id}")
    while await loop.do_jobs(services):
        pass
    deleted = await clocks(cast, ticket_id)

    renamed = {"policy": {"id": policy_id, "name": "New", "version": 1}}
    assert waiting["first_response", 1] == answered | renamed
    assert waiting["resolution", 1] == before["resolution", 1] | renamed
    assert rejudged["first_response", 1] == deleted["first_response", 1] == answered | renamed
    resolution = rejudged["resolution", 1]
    assert (resolution["policy"]["version"], resolution["due_at"]) == (2, "2026-03-02T09:01:00Z")
    assert (resolution["verdict"], resolution["retroactive"]) == ("breached", True)
    gone = deleted["resolution", 1]
    assert (gone["policy"], gone["verdict"], gone["counted_seconds"]) == (None, "none", 0)


async def test_without_a_policy_nothing_is_promised(cast: Cast, clock: TestClock) -> None:
    ticket_id = (await complain(cast.visitor))["id"]
    clock.advance(minutes=5)
    await act(cast.alice, ticket_id, "reply", text="On our way.")

    ledger = await read(cast.alice, f"/v1/tickets/{ticket_id}/clocks")

    first = ledger["data"][0]
    assert ledger["policy"] is None
    assert (first["policy"], first["verdict"], first["state"], first["due_at"]) == (
        None,
        "none",
        "stopped",
        None,
    )
    assert (first["elapsed_seconds"], first["counted_seconds"], first["business_seconds"]) == (300, 0, None)
    assert [each["reason"] for each in first["segments"]] == ["nothing promised"]


async def test_history_is_explained_too_and_nothing_was_said(cast: Cast) -> None:
    await promise(cast.admin, clock_of("resolution", 60, warnings=[{"fraction": 0.5}]))
    loaded = await post(cast.admin, LINE)
    ticket_id = loaded["results"][0]["id"]

    ledger = await read(cast.admin, f"/v1/tickets/{ticket_id}/clocks")

    (resolution,) = [each for each in ledger["data"] if each["name"] == "resolution"]
    assert (resolution["verdict"], resolution["retroactive"], resolution["state"]) == (
        "breached",
        True,
        "stopped",
    )
    assert [each["said"] for each in resolution["warnings"]] == [False]
    ends = datetime.fromisoformat(resolution["stopped_at"])
    due = datetime.fromisoformat(resolution["due_at"])
    assert resolution["late_seconds"] == (ends - due).total_seconds()


async def test_who_may_not_see_a_ticket_does_not_learn_of_its_clocks(cast: Cast, services: Services) -> None:
    ticket_id = (await complain(cast.visitor))["id"]
    await write_columns(services, ticket_id, team_id=UUID(cast.ids["Billing"]))
    url = f"/v1/tickets/{ticket_id}/clocks"

    answers = [await caller.get(url) for caller in (cast.alice, cast.mallory, cast.crm)]
    unknown = await cast.mallory.get(url.replace(ticket_id, cast.ids["Ops"]))

    assert [each.status_code for each in answers] == [200, 404, 403]
    assert answers[1].json() | {"request_id": ""} == unknown.json() | {"request_id": ""}
