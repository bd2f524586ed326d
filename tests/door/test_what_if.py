"""What a policy would do, tried on the tickets there are: nothing is stored by asking."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.api import what_if
from app.models.everything import METADATA
from app.services import Services
from app.sla import what_if_store
from tests.acts import act, read, write_columns
from tests.cast import Cast, complain, create
from tests.conftest import START, TestClock
from tests.door.sla import CLOSED_ALL_YEAR, OFFICE
from tests.door.test_history import LINE, post
from tests.flow.promises import clock_of, policy_of, promise, watch, written

Json = dict[str, Any]
URL = "/v1/policies/what-if"
HOURS = {"from": "12:00", "to": "13:00"}
SHORT_DAYS = OFFICE | {"week": {day: [HOURS] for day in OFFICE["week"]}}
ACKNOWLEDGE = clock_of("acknowledge", 600, starts_on=["opened"], stops_on=["assigned"])


async def ask(cast: Cast, *clocks: Json, **asked: Any) -> Json:
    """Ask what a default policy with these clocks would do."""
    policy = policy_of(*clocks) | asked.pop("policy", {})
    answer = await cast.admin.post(URL, json={"policy": policy, **asked})
    assert answer.status_code == 200, answer.text
    document: Json = answer.json()
    return document


def by_clock(document: Json) -> dict[str, Json]:
    return {each["clock"]: each for each in document["data"]}


async def answered(cast: Cast, clock: TestClock, *, minutes: float, **more: Any) -> str:
    """Let somebody complain, and Alice answer after a while."""
    ticket_id = str((await complain(cast.crm, **more))["id"])
    clock.advance(minutes=minutes)
    await act(cast.alice, ticket_id, "reply", text="On our way.")
    return ticket_id


def rows(session: Session) -> dict[str, int]:
    tables = METADATA.sorted_tables
    return {each.name: session.scalar(select(func.count()).select_from(each)) or 0 for each in tables}


async def test_a_shorter_target_shows_who_would_have_waited_too_long(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    await promise(cast.admin, clock_of("first_response", 3600))
    ticket_ids = [await answered(cast, clock, minutes=each) for each in (20, 30, 40, 70)]
    waiting = await complain(cast.visitor)
    clock.advance(minutes=1)
    before = await services.read(rows)

    document = await ask(cast, clock_of("first_response", 1800))

    first = by_clock(document)["first_response"]
    asked_at = START + timedelta(minutes=161)
    assert document | {"data": []} == {
        "as_of": written(asked_at),
        "from": written(asked_at - timedelta(days=30)),
        "to": written(asked_at),
        "tickets": 5,
        "truncated_at": None,
        "data": [],
    }
    assert first["then"] == {
        "episodes": 5, "met": 3, "breached": 1, "running": 1, "unjudged": 0, "attainment": 0.75,
    }  # fmt: skip
    assert first["draft"] == {
        "episodes": 5, "met": 2, "breached": 2, "running": 1, "unjudged": 0, "attainment": 0.5,
    }  # fmt: skip
    assert (first["better"], first["worse"], first["newly_judged"]) == (0, 1, 0)
    ticket = await read(cast.admin, f"/v1/tickets/{ticket_ids[2]}")
    opened_at = START + timedelta(minutes=50)
    assert first["examples"] == [
        {
            "ticket_id": ticket_ids[2],
            "reference": ticket["reference"],
            "ordinal": 1,
            "then": "met",
            "draft": "breached",
            "then_due_at": written(opened_at + timedelta(hours=1)),
            "draft_due_at": written(opened_at + timedelta(minutes=30)),
        }
    ]
    assert [each["clock"] for each in document["data"]] == ["first_response", "next_response", "resolution"]
    assert await services.read(rows) == before
    assert (await read(cast.admin, f"/v1/tickets/{waiting['id']}"))["next_due_at"] == written(
        START + timedelta(minutes=220)
    )


async def test_the_policy_in_force_would_change_nothing(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    """Over pauses, priorities, reopenings, late words, clocks of one's own, and hours with lunch."""
    await create(cast.admin, "calendars", **OFFICE)
    urgent = {"when": {"priority": ["urgent"]}, "target_seconds": 1200}
    policy_id = await promise(
        cast.admin,
        clock_of("first_response", 2400, calendar="Lisbon office", warnings=[{"fraction": 0.5}]),
        clock_of("next_response", 3600),
        {
            "name": "resolution",
            "calendar": "Lisbon office",
            "targets": [urgent, {"target_seconds": 9000}],
            "pauses_in": ["pending", "resolved"],
        },
        ACKNOWLEDGE,
    )
    verbs = ["claim", "reply", "pend", "reopen", "resolve", "reopen", "reply", "resolve"]
    for place in range(6):
        receipt = await complain(cast.crm, priority=("low", "urgent")[place % 2])
        for verb in verbs[: 3 + place]:
            clock.advance(minutes=17 * place + 11, seconds=0.123456)
            body = {"text": "On our way."} if verb == "reply" else {}
            await act(cast.alice, receipt["id"], verb, **body)
        words = f"/v1/track/{receipt['ticket']['tracking_token']}/messages"
        assert (await cast.visitor.post(words, json={"text": "Still stuck."})).is_success
        url, edit = f"/v1/tickets/{receipt['id']}", {"priority": "high"}
        assert (await cast.alice.patch(url, json=edit, headers={"if-match": "*"})).is_success
        said_at = written(clock.now - timedelta(minutes=5))
        report = {"agent_id": cast.ids["alice"], "text": "By telephone.", "occurred_at": said_at}
        await act(cast.admin, receipt["id"], "reply", **report)
        await watch(services)
    clock.advance(hours=2)
    shown = await read(cast.admin, f"/v1/policies/{policy_id}")
    draft = {name: shown[name] for name in ("name", "default", "rank", "applies_to", "clocks")}
    named = [each | {"calendar": each["calendar"] and each["calendar"]["id"]} for each in draft["clocks"]]

    found = by_clock(await ask(cast, policy=draft | {"clocks": [_as_given(each) for each in named]}))

    seen = {verdict for each in found.values() for verdict, n in each["then"].items() if n}
    assert seen >= {"met", "breached", "running"}
    for each in found.values():
        assert each["then"]["episodes"]
        assert each["then"] == each["draft"]
        assert (each["better"], each["worse"], each["newly_judged"], each["examples"]) == (0, 0, 0, [])


def _as_given(clock: Json) -> Json:
    """Return a clock as it is posted: of what was not said, nothing."""
    warnings = [{name: value for name, value in each.items() if value} for each in clock["warnings"]]
    return clock | {"warnings": warnings}


async def test_a_draft_calendar_goes_before_the_stored_one_of_its_name(cast: Cast, clock: TestClock) -> None:
    await create(cast.admin, "calendars", **OFFICE)
    await answered(cast, clock, minutes=30)
    draft = clock_of("first_response", 1200, calendar="Lisbon office")

    by_stored = by_clock(await ask(cast, draft))["first_response"]
    by_draft = by_clock(await ask(cast, draft, calendars=[SHORT_DAYS]))["first_response"]

    assert (by_stored["draft"]["breached"], by_draft["draft"]["met"]) == (1, 1)
    assert by_draft["examples"][0]["draft_due_at"] == "2026-03-02T12:20:00Z"
    stored = (await read(cast.admin, "/v1/calendars"))["data"]
    assert [(each["name"], each["week"]["monday"]) for each in stored] == [
        ("Lisbon office", OFFICE["week"]["monday"])
    ]


async def test_what_nobody_promised_would_be_judged_for_the_first_time(cast: Cast, clock: TestClock) -> None:
    ticket_id = await answered(cast, clock, minutes=30)
    await act(cast.alice, ticket_id, "assign", agent_id=cast.ids["bob"])

    found = by_clock(await ask(cast, clock_of("first_response", 3600), ACKNOWLEDGE))

    first, acknowledge = found["first_response"], found["acknowledge"]
    assert (first["then"]["unjudged"], first["draft"]["met"], first["newly_judged"]) == (1, 1, 1)
    then, draft = acknowledge["then"], acknowledge["draft"]
    assert (then["episodes"], draft["breached"], acknowledge["newly_judged"]) == (
        0,
        1,
        1,
    )
    assert [(each["then"], each["draft"]) for each in acknowledge["examples"]] == [("none", "breached")]


async def test_only_tickets_it_would_apply_to_are_looked_at(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    for more in ({"channel": "phone"}, {"channel": "phone", "kind": "question"}, {"channel": "email"}):
        clock.advance(seconds=1)
        await complain(cast.crm, **more)
    held_back = (await complain(cast.crm, channel="phone"))["id"]
    await write_columns(services, held_back, quarantined_at=clock.now)
    await post(cast.admin, LINE | {"occurred_at": "2026-02-20T09:00:00Z", "events": [], "scores": []})
    await post(cast.admin, LINE | {"external_id": "2", "occurred_at": "2026-01-02T09:00:00Z"})
    await complain(cast.visitor)
    clock.advance(seconds=1)
    await complain(cast.crm, channel="phone", occurred_at=written(clock.now))  # the next period's

    async def looked_at(**asked: Any) -> int:
        document = await ask(cast, clock_of("first_response", 60), **asked)
        assert document["data"][0]["draft"]["episodes"] == document["tickets"]
        return int(document["tickets"])

    phone = {"default": False, "applies_to": {"channel": ["phone"]}}
    shop = {"default": False, "applies_to": {"site": ["shop"]}}
    questions = {"default": False, "applies_to": {"channel": ["phone"], "kind": ["question"]}}
    found = {
        "all": await looked_at(),
        "all, by a default": await looked_at(policy=phone | {"default": True}),
        "a year": await looked_at(days=366),
        "live": await looked_at(origin=["live"]),
        "imported": await looked_at(origin=["import"]),
        "by phone": await looked_at(policy=phone),
        "questions by phone": await looked_at(policy=questions),
        "from a site": await looked_at(policy=shop),
        "one day": await looked_at(days=1),
    }

    assert found == {
        "all": 5, "all, by a default": 5, "a year": 6, "live": 4, "imported": 1, "by phone": 2,
        "questions by phone": 1, "from a site": 1, "one day": 4,
    }  # fmt: skip


async def test_many_tickets_are_looked_at_in_pieces_and_each_once(
    cast: Cast, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in range(7):
        await complain(cast.visitor)
        clock.advance(seconds=place % 2)  # some of them in one instant
    clock.advance(seconds=1)
    draft = clock_of("first_response", 60)
    monkeypatch.setattr(what_if_store, "MOST_TICKETS", 2)

    by_twos = await ask(cast, draft)
    monkeypatch.setattr(what_if_store, "MOST_EVENTS", 1)
    one_by_one = await ask(cast, draft)
    monkeypatch.setattr(what_if, "MOST_TICKETS", 3)
    cut = await ask(cast, draft)
    monkeypatch.setattr(what_if, "MOST_TICKETS", 7)
    just_enough = await ask(cast, draft)
    monkeypatch.setattr(what_if, "MOST_SECONDS", -1)
    out_of_time = await ask(cast, draft)

    assert by_twos == one_by_one == just_enough
    assert (by_twos["tickets"], by_twos["truncated_at"]) == (7, None)
    assert by_twos["data"][0]["draft"]["episodes"] == 7
    assert (cut["tickets"], cut["truncated_at"]) == (3, written(START + timedelta(seconds=2)))
    assert (out_of_time["tickets"], out_of_time["truncated_at"]) == (1, written(START + timedelta(seconds=3)))


async def test_of_one_clock_alone(cast: Cast, clock: TestClock) -> None:
    await answered(cast, clock, minutes=5)

    document = await ask(cast, clock_of("resolution", 60), clock="resolution")

    assert [each["clock"] for each in document["data"]] == ["resolution"]


def flaws(answer: Response) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return [(each["pointer"], each["code"]) for each in answer.json()["errors"]]


async def test_a_draft_that_could_not_be_stored_is_refused(cast: Cast) -> None:
    await promise(cast.admin, ACKNOWLEDGE, name="Known")
    first = clock_of("first_response", 3600)
    office = clock_of("first_response", 3600, calendar="Lisbon office")
    slow = clock_of("first_response", 100_000, calendar="Lisbon office")
    closed = OFFICE | {"dates": CLOSED_ALL_YEAR}
    minute = OFFICE | {"week": {"monday": [{"from": "09:00", "to": "09:01"}]}}
    asked: list[tuple[Json, list[tuple[str, str]]]] = [
        ({"policy": policy_of(first, default=False)}, [("/policy/applies_to", "incomplete")]),
        ({"policy": policy_of(first, office)}, [("/policy/clocks", "twice")]),
        ({"policy": policy_of(office)}, [("/policy/clocks/0/calendar", "unknown_calendar")]),
        (
            {"policy": policy_of(first, applies_to={"site": ["shop", "nowhere"]})},
            [("/policy/applies_to/site/1", "unknown_site")],
        ),
        ({"policy": policy_of(office), "calendars": [closed]}, [("/calendars/0/week", "never_opens")]),
        ({"policy": policy_of(office), "calendars": [OFFICE, OFFICE]}, [("/calendars", "twice")]),
        (
            {"policy": policy_of(clock_of("resolution", 60), slow), "calendars": [minute]},
            [("/policy/clocks/1/targets/0", "out_of_reach")],
        ),
        ({"policy": policy_of(first), "clock": "callback"}, [("/clock", "unknown")]),
        ({"policy": policy_of(first), "days": 367}, [("/days", "less_than_equal")]),
        ({"policy": policy_of(first), "origin": []}, [("/origin", "too_short")]),
    ]

    answers = [await cast.admin.post(URL, json=each) for each, _ in asked]
    redefined = await cast.admin.post(
        URL, json={"policy": policy_of(ACKNOWLEDGE | {"stops_on": ["replied"]}, name="Known")}
    )
    again = await cast.admin.post(URL, json={"policy": policy_of(ACKNOWLEDGE, name="Known")})

    assert [flaws(each) for each in answers] == [expected for _, expected in asked]
    assert (redefined.status_code, redefined.json()["code"]) == (409, "clock_redefined")
    assert again.status_code == 200


async def test_only_an_admin_may_ask(cast: Cast) -> None:
    body = {"policy": policy_of(clock_of("first_response", 60))}

    answers = [await each.post(URL, json=body) for each in (cast.alice, cast.crm, cast.visitor)]

    assert [each.status_code for each in answers] == [403, 403, 403]


async def test_others_are_served_meanwhile(cast: Cast, clock: TestClock) -> None:
    ticket_ids = [await answered(cast, clock, minutes=1) for _ in range(3)]

    found, *tickets = await asyncio.gather(
        ask(cast, clock_of("first_response", 30)),
        *(read(cast.alice, f"/v1/tickets/{each}") for each in ticket_ids),
    )

    assert found["tickets"] == 3
    assert [UUID(each["id"]) for each in tickets] == [UUID(each) for each in ticket_ids]
