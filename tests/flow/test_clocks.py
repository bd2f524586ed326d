"""What is promised follows what happens: at intake, on every action, on what comes in late."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from app.models.sla import Clock
from app.models.tickets import Ticket
from app.services import Services
from app.watch.falling_due import say_what_is_due
from tests.acts import act, close, events_of, read, statements, stored
from tests.cast import Cast, complain, create
from tests.conftest import START, TestClock
from tests.door.test_history import LINE, post

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OFFICE = {
    "name": "Office",
    "zone": "Europe/Lisbon",
    "week": {
        day: [{"from": "09:00", "to": "17:00"}]
        for day in ("monday", "tuesday", "wednesday", "thursday", "friday")
    },
}
CLOCKS = [
    {
        "name": "first_response",
        "targets": [
            {"when": {"priority": ["urgent"]}, "target_seconds": 600},
            {"target_seconds": 3600},
        ],
        "warnings": [{"fraction": 0.5}],
    },
    {"name": "next_response", "targets": [{"target_seconds": 1800}]},
    {"name": "resolution", "calendar": "Office", "targets": [{"target_seconds": 8 * 3600}]},
    {
        "name": "acknowledge",
        "starts_on": ["opened"],
        "stops_on": ["assigned"],
        "targets": [{"target_seconds": 300}],
    },
]


def written(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


@pytest.fixture
async def policy(cast: Cast) -> dict[str, Any]:
    """The default policy; the test clock stands at nine on a Monday."""
    await create(cast.admin, "calendars", **OFFICE)
    return await create(cast.admin, "policies", name="Standard", default=True, clocks=CLOCKS)


async def clocks_of(services: Services, ticket_id: str) -> dict[str, Clock]:
    """Return the last clock of each name."""
    query = select(Clock).where(Clock.ticket_id == UUID(ticket_id)).order_by(Clock.ordinal)
    return {each.name: each for each in await services.read(lambda session: list(session.scalars(query)))}


async def told(services: Services, ticket_id: str) -> list[tuple[str, str, datetime]]:
    """Return what was said of a ticket's clocks: what, of which, and when it became true."""
    return [
        (event.type.removeprefix("sla."), event.data["clock"], event.occurred_at)
        for event in await events_of(services, ticket_id)
        if event.type.startswith("sla.")
    ]


async def watch(services: Services) -> None:
    """Say what is due by now."""
    await services.write(lambda session: say_what_is_due(session, now=services.clock(), most=100))


@pytest.mark.usefixtures("policy")
async def test_the_receipt_promises_an_answer_and_promises_it_again(cast: Cast, clock: TestClock) -> None:
    """Also once the policy was edited: a repeat gets the answer the first one got."""
    key = {"Idempotency-Key": str(uuid4())}
    body = {"kind": "complaint", "text": "The lift is stuck."}
    first = await cast.visitor.post("/v1/feedback", json=body, headers=key)
    assert first.json()["ticket"]["first_response_due_at"] == written(START + HOUR)

    (standard,) = (await read(cast.admin, "/v1/policies"))["data"]
    slower = [{"name": "first_response", "targets": [{"target_seconds": 7200}]}]
    path = f"/v1/policies/{standard['id']}"
    changed = await cast.admin.put(path, json={"name": "Standard", "default": True, "clocks": slower})
    assert changed.status_code == 200, changed.text
    clock.advance(minutes=1)
    again = await cast.visitor.post("/v1/feedback", json=body, headers=key)

    assert (again.headers["idempotency-replayed"], again.json()) == ("true", first.json())


@pytest.mark.usefixtures("policy")
async def test_the_customer_sees_when_an_answer_is_due(cast: Cast) -> None:
    receipt = await complain(cast.visitor)

    tracked = await read(cast.visitor, f"/v1/track/{receipt['ticket']['tracking_token']}")

    assert tracked["first_response_due_at"] == written(START + HOUR)


@pytest.mark.usefixtures("policy")
async def test_an_urgent_ticket_is_promised_more_and_stands_before_the_others(
    cast: Cast, services: Services
) -> None:
    """By its due instant, and the head start of its priority."""
    receipt = await complain(cast.crm, priority="urgent", source="crm")

    ticket = await stored(services, receipt["id"])
    assert receipt["ticket"]["first_response_due_at"] == written(START + 10 * MINUTE)
    assert (ticket.next_due_at, ticket.queue_at) == (
        START + 5 * MINUTE,
        START + 5 * MINUTE - 4 * HOUR,
    )


@pytest.mark.usefixtures("policy")
async def test_each_action_stops_the_clocks_that_wait_for_it(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    receipt = await complain(cast.visitor)
    clock.advance(minutes=4)
    await act(cast.alice, receipt["id"], "claim")
    assert (await clocks_of(services, receipt["id"]))["acknowledge"].stopped_at == START + 4 * MINUTE
    assert (await stored(services, receipt["id"])).next_due_at == START + HOUR

    clock.advance(minutes=56)
    await act(cast.alice, receipt["id"], "reply", text="On our way.")

    first = (await clocks_of(services, receipt["id"]))["first_response"]
    assert (first.stopped_at, first.due_at, first.next_at) == (START + HOUR, START + HOUR, None)
    assert (await stored(services, receipt["id"])).next_due_at == START + 8 * HOUR
    await watch(services)
    assert await told(services, receipt["id"]) == []  # an answer that is there already needs no warning


@pytest.mark.usefixtures("policy")
async def test_a_reply_a_second_late_between_two_looks_is_a_breach_of_a_second(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    receipt = await complain(cast.visitor)
    await act(cast.alice, receipt["id"], "claim")
    clock.advance(seconds=3601)

    await act(cast.alice, receipt["id"], "reply", text="Sorry.")

    first = (await clocks_of(services, receipt["id"]))["first_response"]
    assert first.stopped_at is not None
    assert first.due_at is not None
    assert (first.breached_at, first.stopped_at - first.due_at) == (START + HOUR, timedelta(seconds=1))
    assert ("breached", "first_response", START + HOUR) in await told(services, receipt["id"])


@pytest.mark.usefixtures("policy")
async def test_a_pause_moves_the_resolution_and_hours_that_are_closed_do_not_count(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    receipt = await complain(cast.visitor)
    clock.advance(hours=2)
    await act(cast.alice, receipt["id"], "pend")
    assert (await clocks_of(services, receipt["id"]))["resolution"].due_at is None

    clock.advance(hours=3)
    await act(cast.alice, receipt["id"], "reopen")

    resolution = (await clocks_of(services, receipt["id"]))["resolution"]
    assert resolution.due_at == datetime.fromisoformat("2026-03-03T12:00Z")
    assert (resolution.counted, resolution.counted_until) == (2 * 3600 * 10**6, START + 5 * HOUR)


@pytest.mark.usefixtures("policy")
async def test_a_changed_priority_counts_from_the_beginning(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    receipt = await complain(cast.visitor)
    await act(cast.alice, receipt["id"], "claim")
    clock.advance(minutes=20)
    ticket = await cast.alice.get(f"/v1/tickets/{receipt['id']}")

    changed = await cast.alice.patch(
        f"/v1/tickets/{receipt['id']}",
        json={"priority": "urgent"},
        headers={"If-Match": ticket.headers["etag"]},
    )

    assert changed.status_code == 200, changed.text
    first = (await clocks_of(services, receipt["id"]))["first_response"]
    assert (first.target_seconds, first.due_at) == (600, START + 10 * MINUTE)
    (breached,) = [
        event for event in await events_of(services, receipt["id"]) if event.type == "sla.breached"
    ]
    assert breached.data["retroactive"] is True


@pytest.mark.usefixtures("policy")
async def test_an_answer_reported_late_takes_the_breach_back(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    receipt = await complain(cast.visitor)
    await act(cast.alice, receipt["id"], "claim")
    clock.advance(hours=1, microseconds=1)
    await watch(services)
    assert ("breached", "first_response", START + HOUR) in await told(services, receipt["id"])

    answered_at = START + 59 * MINUTE
    said = {"text": "It moves.", "agent_id": cast.ids["alice"], "occurred_at": written(answered_at)}
    await act(cast.admin, receipt["id"], "reply", **said)

    first = (await clocks_of(services, receipt["id"]))["first_response"]
    assert (first.stopped_at, first.breached_at, first.revision) == (answered_at, None, 1)
    assert (await told(services, receipt["id"]))[-1] == ("breach_retracted", "first_response", clock())
    timeline = (await read(cast.alice, f"/v1/tickets/{receipt['id']}/timeline"))["data"]
    assert [each["at"] for each in timeline if each["type"] == "ticket.replied"] == [written(answered_at)]


@pytest.mark.parametrize(
    ("who", "ago", "code"),
    [
        pytest.param("alice", 1, "not_an_agents", id="an agent has no say in when it answered"),
        pytest.param("admin", 7 * 24 * 60 + 1, "use_import", id="more than a week ago"),
        pytest.param("admin", -6, "in_future", id="ahead of us"),
    ],
)
@pytest.mark.parametrize("verb", ["reply", "note", "pend", "resolve", "reopen"])
async def test_when_an_action_happened_is_not_anybodys_to_say(
    cast: Cast, clock: TestClock, *, who: str, ago: int, code: str, verb: str
) -> None:
    receipt = await complain(cast.visitor)
    said = {"text": "Hm."} if verb in {"reply", "note"} else {}
    body = {**said, "agent_id": cast.ids["alice"], "occurred_at": written(clock() - ago * MINUTE)}

    answer = await getattr(cast, who).post(f"/v1/tickets/{receipt['id']}/{verb}", json=body)

    assert answer.status_code == 422
    assert [(flaw["pointer"], flaw["code"]) for flaw in answer.json()["errors"]] == [("/occurred_at", code)]


@pytest.mark.usefixtures("policy")
async def test_a_follow_up_has_clocks_of_its_own(cast: Cast, services: Services, clock: TestClock) -> None:
    receipt = await complain(cast.visitor)
    await act(cast.alice, receipt["id"], "reply", text="Done.")
    await act(cast.alice, receipt["id"], "resolve")
    assert (await stored(services, receipt["id"])).next_due_at is None
    await close(services, receipt["id"], now=clock.advance(days=8))

    path = f"/v1/track/{receipt['ticket']['tracking_token']}/messages"
    said = await cast.visitor.post(path, json={"text": "Again."})

    assert said.status_code == 201, said.text
    query = select(Ticket).where(Ticket.follow_up_of == UUID(receipt["id"]))
    follow_up = await services.read(lambda session: session.scalars(query).one())
    first = (await clocks_of(services, str(follow_up.id)))["first_response"]
    assert (first.due_at, follow_up.next_due_at) == (clock() + HOUR, clock() + 5 * MINUTE)
    assert follow_up.policy_id is not None


@pytest.mark.usefixtures("policy")
async def test_history_is_judged_by_what_is_promised_and_nobody_is_told(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    opened = clock() - timedelta(days=30)
    line = LINE | {
        "external_id": "9", "occurred_at": written(opened),
        "events": [{"type": "replied", "at": written(opened + 2 * HOUR)}],
    }  # fmt: skip
    (result,) = (await post(cast.admin, line))["results"]

    clocks = await clocks_of(services, result["id"])

    first = clocks["first_response"]
    assert (first.due_at, first.stopped_at) == (opened + HOUR, opened + 2 * HOUR)
    assert {each.next_at for each in clocks.values()} == {None}
    await watch(services)
    assert await told(services, result["id"]) == []


async def test_without_a_policy_everything_is_measured_and_nothing_judged(
    cast: Cast, services: Services
) -> None:
    receipt = await complain(cast.visitor)

    clocks = await clocks_of(services, receipt["id"])

    assert receipt["ticket"]["first_response_due_at"] is None
    assert {(name, each.due_at, each.policy_id) for name, each in clocks.items()} == {
        ("first_response", None, None),
        ("resolution", None, None),
    }


async def test_a_promise_does_not_set_a_ticket_back(cast: Cast, services: Services, clock: TestClock) -> None:
    """Behind one that came later, and to whom nothing was promised."""
    gold = {"name": "Gold", "applies_to": {"segment": ["gold"]}, "clocks": CLOCKS[:1]}
    await create(cast.admin, "policies", **gold)
    promised = await complain(cast.crm, customer={"ref": "C-1", "segment": "gold"})
    clock.advance(minutes=1)
    plain = await complain(cast.crm, customer={"ref": "C-2"})

    places = [(await stored(services, each["id"])).queue_at for each in (promised, plain)]

    assert places == [START + HOUR, clock() + timedelta(days=1)]


async def test_an_answer_from_before_the_ticket_is_refused(cast: Cast, clock: TestClock) -> None:
    """It would make the wait a finding about the data, and a breach go away."""
    receipt = await complain(cast.visitor)
    body = {"text": "Hm.", "agent_id": cast.ids["alice"], "occurred_at": written(clock() - MINUTE)}

    answer = await cast.admin.post(f"/v1/tickets/{receipt['id']}/reply", json=body)

    assert answer.status_code == 422
    assert [(flaw["pointer"], flaw["code"]) for flaw in answer.json()["errors"]] == [
        ("/occurred_at", "before_opened")
    ]


@pytest.mark.usefixtures("policy")
async def test_what_is_reported_late_does_not_undo_what_happened_since(cast: Cast, clock: TestClock) -> None:
    """Else the ticket would stand resolved while its clock runs."""
    receipt = await complain(cast.visitor)
    await act(cast.alice, receipt["id"], "claim")
    clock.advance(minutes=20)
    await act(cast.alice, receipt["id"], "resolve")
    clock.advance(minutes=20)
    await act(cast.alice, receipt["id"], "reopen")
    reported = {"agent_id": cast.ids["alice"], "occurred_at": written(START + 30 * MINUTE)}

    refused = await cast.admin.post(f"/v1/tickets/{receipt['id']}/resolve", json=reported)
    answered = await cast.admin.post(f"/v1/tickets/{receipt['id']}/reply", json={**reported, "text": "So."})

    assert (refused.status_code, answered.status_code) == (422, 200)
    assert [flaw["code"] for flaw in refused.json()["errors"]] == ["overtaken"]


@pytest.mark.usefixtures("policy")
async def test_nothing_we_witness_precedes_what_a_clock_ahead_of_ours_reported(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    receipt = await complain(cast.visitor)
    await act(cast.alice, receipt["id"], "claim")
    ahead = {"agent_id": cast.ids["alice"], "occurred_at": written(clock() + 4 * MINUTE)}
    await act(cast.admin, receipt["id"], "resolve", **ahead)
    clock.advance(minutes=1)

    await act(cast.alice, receipt["id"], "reopen")

    resolution = (await clocks_of(services, receipt["id"]))["resolution"]
    assert (resolution.ordinal, resolution.started_at) == (2, START + 4 * MINUTE)
    assert (await stored(services, receipt["id"])).status == "open"


@pytest.mark.usefixtures("policy")
async def test_a_replay_of_many_finished_clocks_asks_for_their_terms_once(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    receipt = await complain(cast.visitor)
    await act(cast.alice, receipt["id"], "reply", text="On our way.")
    for _ in range(3):
        clock.advance(minutes=1)
        path = f"/v1/track/{receipt['ticket']['tracking_token']}/messages"
        assert (await cast.visitor.post(path, json={"text": "And?"})).status_code == 201
        await act(cast.alice, receipt["id"], "reply", text="Soon.")
    late = {"text": "So.", "agent_id": cast.ids["alice"], "occurred_at": written(START + MINUTE)}

    with statements() as few:
        await act(cast.admin, receipt["id"], "reply", **late)
    for _ in range(6):
        clock.advance(minutes=1)
        assert (await cast.visitor.post(path, json={"text": "And?"})).status_code == 201
        await act(cast.alice, receipt["id"], "reply", text="Soon.")
    with statements() as many:
        await act(cast.admin, receipt["id"], "reply", **late)

    assert len(many) <= len(few) + 2
