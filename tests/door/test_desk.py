"""The door of agents: each action once, by whom it may, where the table says yes, with one event."""

from datetime import timedelta
from uuid import UUID

from httpx import AsyncClient

from app.services import Services
from app.tickets.rules import TABLE, Move, Status
from tests.acts import act, clocks_of, close, events_of, read, statements, stored, write_columns
from tests.cast import Cast, complain
from tests.conftest import START, TestClock

ACTIONS = {
    "assign": Move.ASSIGN, "reply": Move.REPLY, "note": Move.NOTE, "pend": Move.PEND, "resolve": Move.RESOLVE,
    "reopen": Move.REOPEN,
}  # fmt: skip
SAYING = ("reply", "note")
NOBODY = "0198c0de-0000-7000-8000-00000000dead"


def body_of(verb: str, agent_id: str) -> dict[str, str]:
    """Return the least body of an action; `assign` says to whom."""
    if verb == "assign":
        return {"agent_id": agent_id}
    return {"text": "On our way."} if verb in SAYING else {}


async def test_each_action_leaves_one_event_with_its_type_actor_and_version(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    ticket_id = (await complain(cast.visitor))["id"]
    alice, bob = UUID(cast.ids["alice"]), UUID(cast.ids["bob"])
    steps = [
        (cast.alice, "claim"), (cast.bob, "reply"), (cast.alice, "note"), (cast.alice, "pend"),
        (cast.alice, "reopen"), (cast.bob, "assign"), (cast.alice, "resolve"), (cast.admin, "reopen"),
    ]  # fmt: skip
    answers = []
    for speaker, verb in steps:
        clock.advance(minutes=5)
        body = body_of(verb, cast.ids["bob"])
        who = {"agent_id": cast.ids["alice"]} if speaker is cast.admin else {}
        answers.append(await act(speaker, ticket_id, verb, **body | who))

    happened = [(it.subject_version, it.type, it.actor_id) for it in await events_of(services, ticket_id)]
    assert happened == [
        (1, "ticket.opened", None),
        (2, "ticket.assigned", alice),
        (3, "ticket.replied", bob),
        (4, "ticket.noted", alice),
        (5, "ticket.pended", alice),
        (6, "ticket.reopened", alice),
        (7, "ticket.assigned", bob),
        (8, "ticket.resolved", alice),
        (9, "ticket.reopened", alice),
    ]
    assert [(it["version"], it["status"], it["assignee"]["name"]) for it in answers] == [
        (2, "open", "Alice"), (3, "open", "Alice"), (4, "open", "Alice"), (5, "pending", "Alice"),
        (6, "open", "Alice"), (7, "open", "Bob"), (8, "resolved", "Bob"), (9, "open", "Bob"),
    ]  # fmt: skip


async def test_a_resolution_is_the_work_of_who_had_the_ticket_not_of_who_pressed_the_button(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    ticket_id = (await complain(cast.visitor))["id"]
    await act(cast.alice, ticket_id, "claim")
    at = clock.advance(minutes=5)

    await act(cast.bob, ticket_id, "resolve")

    alice = UUID(cast.ids["alice"])
    assert (await stored(services, ticket_id)).resolver_id == alice
    assert ("resolution", START, at, alice) in await clocks_of(services, ticket_id)
    timeline = (await read(cast.admin, f"/v1/tickets/{ticket_id}/timeline"))["data"]
    assert (timeline[-1]["type"], timeline[-1]["by"]["name"]) == ("ticket.resolved", "Bob")


async def test_replying_to_a_new_ticket_takes_it_and_stops_the_first_response(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    ticket_id = (await complain(cast.visitor))["id"]
    at = clock.advance(minutes=7)

    ticket = await act(cast.alice, ticket_id, "reply", text="On our way.")

    assert (ticket["status"], ticket["assignee"]["name"]) == ("open", "Alice")
    assert await clocks_of(services, ticket_id) == [
        ("first_response", START, at, UUID(cast.ids["alice"])),
        ("resolution", START, None, None),
    ]
    decisions = (await read(cast.alice, f"/v1/tickets/{ticket_id}/assignments"))["data"]
    assert [(it["agent"]["name"], it["by"]) for it in decisions] == [("Alice", "acted")]


async def test_a_ticket_is_claimed_once(cast: Cast, services: Services) -> None:
    ticket_id = (await complain(cast.visitor))["id"]
    await act(cast.alice, ticket_id, "claim")

    taken = await cast.bob.post(f"/v1/tickets/{ticket_id}/claim", json={})
    again = await act(cast.alice, ticket_id, "claim")

    assert (taken.status_code, taken.json()["code"]) == (409, "taken")
    assert again["version"] == 2
    assert len(await events_of(services, ticket_id)) == 2


async def test_a_ticket_is_assigned_to_those_who_may_see_it_only(cast: Cast, services: Services) -> None:
    ticket_id = (await complain(cast.visitor))["id"]
    await write_columns(services, ticket_id, team_id=UUID(cast.ids["Billing"]))
    url = f"/v1/tickets/{ticket_id}/assign"

    outsider = await cast.alice.post(url, json={"agent_id": cast.ids["mallory"]})
    nobody = await cast.alice.post(url, json={"agent_id": NOBODY})
    first = await act(cast.admin, ticket_id, "assign", agent_id=cast.ids["bob"])
    same = await act(cast.alice, ticket_id, "assign", agent_id=cast.ids["bob"])

    assert [(it.status_code, it.json()["errors"][0]["code"]) for it in (outsider, nobody)] == [
        (422, "not_in_team"),
        (422, "unknown_agent"),
    ]
    assert (first["assignee"]["name"], first["version"], same["version"]) == ("Bob", 2, 2)


async def test_moves_that_are_not_in_the_table_are_refused_and_leave_nothing(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    ways: dict[Status, list[str]] = {
        Status.NEW: [], Status.OPEN: ["claim"], Status.PENDING: ["pend"], Status.RESOLVED: ["resolve"],
        Status.CLOSED: ["resolve"],
    }  # fmt: skip
    for status, way in ways.items():
        ticket_id = (await complain(cast.visitor))["id"]
        for verb in way:
            await act(cast.alice, ticket_id, verb)
        if status is Status.CLOSED:
            await close(services, ticket_id, now=clock.now)
        version = (await read(cast.alice, f"/v1/tickets/{ticket_id}"))["version"]

        refused = {verb for verb, move in ACTIONS.items() if move not in TABLE[status]}
        answers = [
            await cast.bob.post(f"/v1/tickets/{ticket_id}/{verb}", json=body_of(verb, cast.ids["bob"]))
            for verb in sorted(refused)
        ]

        assert {(it.status_code, it.json()["code"]) for it in answers} <= {(409, "move_refused")}
        after = await read(cast.alice, f"/v1/tickets/{ticket_id}")
        assert (after["status"], after["version"]) == (status.value, version)


async def test_an_action_with_the_same_key_happens_once(cast: Cast, services: Services) -> None:
    ticket_id = (await complain(cast.visitor))["id"]
    url, once = f"/v1/tickets/{ticket_id}/reply", {"idempotency-key": "k1"}

    first = await cast.alice.post(url, json={"text": "Hello."}, headers=once)
    again = await cast.alice.post(url, json={"text": "Hello."}, headers=once)
    other = await cast.alice.post(url, json={"text": "Good-bye."}, headers=once)
    bobs = await cast.bob.post(url, json={"text": "Hello."}, headers=once)

    assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
    assert "idempotency-replayed" not in first.headers
    assert (again.headers["idempotency-replayed"], again.headers["etag"]) == ("true", '"3"')
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (bobs.status_code, bobs.json()["version"]) == (200, 4)
    assert [it.type for it in await events_of(services, ticket_id)].count("ticket.replied") == 2


async def test_a_refused_action_leaves_its_key_free(cast: Cast) -> None:
    ticket_id = (await complain(cast.visitor))["id"]
    url, once = f"/v1/tickets/{ticket_id}/reopen", {"idempotency-key": "k2"}

    refused = await cast.alice.post(url, json={}, headers=once)
    await act(cast.alice, ticket_id, "pend")
    done = await cast.alice.post(url, json={}, headers=once)

    assert (refused.status_code, done.status_code, done.json()["status"]) == (409, 200, "open")


async def test_a_ticket_of_another_team_does_not_exist(
    cast: Cast, services: Services, anyone: AsyncClient
) -> None:
    ticket_id = (await complain(cast.visitor))["id"]
    await write_columns(services, ticket_id, team_id=UUID(cast.ids["Billing"]))
    url = f"/v1/tickets/{ticket_id}"
    mallory = cast.mallory

    answers = [await mallory.get(f"{url}{part}") for part in ("", "/timeline", "/assignments")]
    answers.append(await mallory.patch(url, json={"topic": "x"}, headers={"if-match": "*"}))
    answers += [
        await mallory.post(f"{url}/{verb}", json=body_of(verb, cast.ids["mallory"]))
        for verb in (*ACTIONS, "claim")
    ]
    unknown = await mallory.get(f"/v1/tickets/{NOBODY}")

    assert {it.status_code for it in answers} == {404}
    told = [{**it.json(), "request_id": ""} for it in [*answers, unknown]]
    assert all(problem == told[0] for problem in told)
    assert (await read(mallory, "/v1/tickets"))["data"] == []
    assert (await read(cast.bob, url))["version"] == 1
    assert (await anyone.get(url)).status_code == 401


async def test_a_ticket_of_the_default_team_is_seen_by_every_agent(cast: Cast) -> None:
    ticket_id = (await complain(cast.visitor))["id"]

    for agent in (cast.alice, cast.bob, cast.mallory):
        assert [it["id"] for it in (await read(agent, "/v1/tickets"))["data"]] == [ticket_id]


async def test_who_acts_is_the_keys_agent_or_the_one_named(cast: Cast, services: Services) -> None:
    ticket_id = (await complain(cast.visitor))["id"]
    url = f"/v1/tickets/{ticket_id}/note"

    other = await cast.alice.post(url, json={"text": "x", "agent_id": cast.ids["bob"]})
    unsaid = await cast.admin.post(url, json={"text": "x"})
    unknown = await cast.admin.post(url, json={"text": "x", "agent_id": NOBODY})
    own = await cast.alice.post(url, json={"text": "x", "agent_id": cast.ids["alice"]})
    named = await cast.admin.post(url, json={"text": "x", "agent_id": cast.ids["bob"]})

    assert (other.status_code, other.json()["code"]) == (403, "not_that_agent")
    assert [(it.status_code, it.json()["errors"][0]["pointer"]) for it in (unsaid, unknown)] == [
        (422, "/agent_id"),
        (422, "/agent_id"),
    ]
    assert unknown.json()["errors"][0]["code"] == "unknown_agent"
    assert (own.status_code, named.status_code) == (200, 200)
    actors = [it.actor_id for it in await events_of(services, ticket_id)]
    assert actors == [None, UUID(cast.ids["alice"]), UUID(cast.ids["bob"])]


async def test_a_blank_answer_answers_nothing(cast: Cast) -> None:
    ticket_id = (await complain(cast.visitor))["id"]

    answers = [
        await cast.alice.post(f"/v1/tickets/{ticket_id}/reply", json={"text": blank})
        for blank in ("", " \n\t ")
    ]

    assert {(it.status_code, it.json()["errors"][0]["pointer"]) for it in answers} == {(422, "/text")}
    assert (await read(cast.alice, f"/v1/tickets/{ticket_id}"))["status"] == "new"


async def test_a_clock_that_steps_back_turns_nothing_round(
    cast: Cast, services: Services, clock: TestClock, anyone: AsyncClient
) -> None:
    receipt = await complain(cast.visitor, text="one")
    clock.advance(minutes=1)
    await act(cast.alice, receipt["id"], "reply", text="two")
    for text in ("three", "four", "five"):
        clock.advance(seconds=-7)
        await act(cast.alice, receipt["id"], "reply", text=text)

    at = [it.occurred_at - START for it in await events_of(services, receipt["id"])]
    seen = await read(anyone, f"/v1/track/{receipt['ticket']['tracking_token']}")
    assert at == [timedelta(), *[timedelta(minutes=1)] * 5]
    assert [it["text"] for it in seen["messages"]] == ["one", "two", "three", "four", "five"]


async def test_an_action_asks_the_database_a_bounded_number_of_times(cast: Cast) -> None:
    ticket_id = (await complain(cast.visitor))["id"]
    await act(cast.alice, ticket_id, "reply", text="x")
    with statements() as first:
        await act(cast.alice, ticket_id, "reply", text="x")
    for _ in range(5):
        await act(cast.alice, ticket_id, "note", text="x")
    with statements() as later:
        await act(cast.alice, ticket_id, "reply", text="x")

    assert len(later) == len(first)
