"""The door of customers: by the token alone, the public conversation and a word more."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from httpx import AsyncClient, Response
from sqlalchemy import func, select

from app.models.events import Event, Idempotency
from app.models.satisfaction import Score
from app.models.tickets import Ticket
from app.services import Services
from app.tickets.rules import MOST_EVENTS, UNPROMISED
from tests.acts import act, clocks_of, close, events_of, read, stored, write_columns
from tests.cast import Cast, complain
from tests.conftest import START, TestClock

PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer", "x-robots-tag": "noindex"}


def track(receipt: dict[str, Any]) -> str:
    return f"/v1/track/{receipt['ticket']['tracking_token']}"


async def say(
    anyone: AsyncClient, url: str, key: str | None = None, *, status: int = 201, **body: Any
) -> Response:
    headers = {"idempotency-key": key} if key else {}
    answer = await anyone.post(f"{url}/messages", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer


async def tickets_of(services: Services) -> list[Ticket]:
    query = select(Ticket).order_by(Ticket.received_at)
    return await services.read(lambda session: list(session.scalars(query)))


async def test_the_customer_sees_the_public_conversation_and_never_notes_or_names(
    cast: Cast, anyone: AsyncClient, clock: TestClock
) -> None:
    receipt = await complain(cast.visitor, text="It is stuck.", subject="Lift")
    clock.advance(minutes=1)
    await act(cast.alice, receipt["id"], "note", text="Troublemaker.")
    clock.advance(minutes=1)
    await act(cast.alice, receipt["id"], "reply", text="On our way.")
    clock.advance(minutes=1)
    await say(anyone, track(receipt), text="Thanks.")

    seen = await read(anyone, track(receipt))

    assert seen == {
        "reference": receipt["ticket"]["reference"], "kind": "complaint", "status": "open", "subject": "Lift",
        "received_at": "2026-03-02T09:00:00Z", "first_response_due_at": None, "follow_up": None,
        "messages": [
            {"by": "you", "text": "It is stuck.", "at": "2026-03-02T09:00:00Z"},
            {"by": "us", "text": "On our way.", "at": "2026-03-02T09:02:00Z"},
            {"by": "you", "text": "Thanks.", "at": "2026-03-02T09:03:00Z"},
        ],
    }  # fmt: skip


async def test_a_word_on_a_pending_ticket_opens_it_for_its_agent(
    cast: Cast, services: Services, anyone: AsyncClient, clock: TestClock
) -> None:
    receipt = await complain(cast.visitor)
    await act(cast.alice, receipt["id"], "reply", text="Which lift?")
    await act(cast.alice, receipt["id"], "pend")
    at = clock.advance(days=40)

    answer = await say(anyone, track(receipt), text="The left one.")

    ticket = await stored(services, receipt["id"])
    assert (answer.json()["status"], ticket.status) == ("open", "open")
    assert ticket.assignee_id == UUID(cast.ids["alice"])
    alice = UUID(cast.ids["alice"])
    assert await clocks_of(services, receipt["id"]) == [
        ("first_response", START, START, alice),
        ("next_response", at, None, None),
        ("resolution", START, None, None),
    ]
    assert (await read(cast.admin, f"/v1/agents/{alice}"))["open"] == 1


async def test_a_word_on_a_resolved_ticket_opens_it_and_starts_another_resolution(
    cast: Cast, services: Services, anyone: AsyncClient, clock: TestClock
) -> None:
    receipt = await complain(cast.visitor)
    alice = UUID(cast.ids["alice"])
    await act(cast.alice, receipt["id"], "reply", text="Done.")
    resolved_at = clock.advance(minutes=5)
    await act(cast.alice, receipt["id"], "resolve")
    assert (await read(cast.admin, f"/v1/agents/{alice}"))["open"] == 0
    at = clock.advance(minutes=5)

    await say(anyone, track(receipt), text="It is not.")

    ticket = await stored(services, receipt["id"])
    assert (ticket.status, ticket.assignee_id, ticket.resolver_id, ticket.resolved_at) == (
        "open", alice, None, None,
    )  # fmt: skip
    assert (await clocks_of(services, receipt["id"]))[1:] == [
        ("next_response", at, None, None),
        ("resolution", START, resolved_at, alice),
        ("resolution", at, None, None),
    ]
    assert (await read(cast.admin, f"/v1/agents/{alice}"))["open"] == 1


async def test_a_word_on_a_resolved_ticket_that_nobody_has_puts_it_back_into_the_queue(
    cast: Cast, services: Services, anyone: AsyncClient, clock: TestClock
) -> None:
    receipt = await complain(cast.visitor)
    await act(cast.alice, receipt["id"], "resolve")
    assert (await stored(services, receipt["id"])).queue_at is None
    clock.advance(minutes=5)

    await say(anyone, track(receipt), text="It is not.")

    ticket = await stored(services, receipt["id"])
    assert (ticket.status, ticket.assignee_id, ticket.queue_at) == ("new", None, START + UNPROMISED)


async def test_words_on_a_closed_ticket_go_to_one_follow_up_which_the_customer_can_follow(
    cast: Cast, services: Services, anyone: AsyncClient, clock: TestClock
) -> None:
    receipt = await complain(cast.visitor, text="It is stuck.", subject="Lift")
    await act(cast.alice, receipt["id"], "resolve")
    await close(services, receipt["id"], now=clock.advance(days=1))
    at = clock.advance(days=1)

    first = await say(anyone, track(receipt), "k1", text="Stuck again.")
    clock.advance(minutes=1)
    again = await say(anyone, track(receipt), "k1", text="Stuck again.")
    await say(anyone, track(receipt), text="And again.")

    closed, follow_up = await tickets_of(services)
    assert (str(closed.id), closed.status, closed.version) == (receipt["id"], "closed", 3)
    assert (follow_up.follow_up_of, follow_up.status) == (closed.id, "new")
    assert follow_up.queue_at == at + UNPROMISED
    assert first.json()["follow_up"]["reference"] == follow_up.reference
    assert (again.headers["idempotency-replayed"], again.json()) == ("true", first.json())
    followed = await read(anyone, f"/v1/track/{first.json()['follow_up']['tracking_token']}")
    assert [it["text"] for it in followed["messages"]] == ["Stuck again.", "And again."]
    assert (await read(anyone, track(receipt)))["follow_up"] == first.json()["follow_up"]
    assert [name for name, *_ in await clocks_of(services, str(follow_up.id))] == [
        "first_response",
        "resolution",
    ]
    assert [it.type for it in await events_of(services, str(follow_up.id))] == [
        "ticket.opened",
        "ticket.customer_replied",
    ]


async def test_a_closed_follow_up_has_a_follow_up_of_its_own(
    cast: Cast, services: Services, anyone: AsyncClient, clock: TestClock
) -> None:
    receipt = await complain(cast.visitor, text="one")
    for text in ("two", "three"):
        latest = (await tickets_of(services))[-1]
        clock.advance(days=1)
        await act(cast.alice, str(latest.id), "resolve")
        await close(services, str(latest.id), now=clock.advance(days=1))
        await say(anyone, track(receipt), text=text)

    chain = await tickets_of(services)
    assert [it.text for it in chain] == ["one", "two", "three"]
    assert [it.follow_up_of for it in chain] == [None, chain[0].id, chain[1].id]


async def test_a_token_ends_when_revoked_and_ninety_days_after_closing(
    cast: Cast, services: Services, anyone: AsyncClient, clock: TestClock
) -> None:
    receipt, other = await complain(cast.visitor), await complain(cast.visitor)
    await act(cast.alice, receipt["id"], "resolve")
    closed_at = clock.advance(days=1)
    await close(services, receipt["id"], now=closed_at)
    await write_columns(services, other["id"], token_version=2)

    clock.now = closed_at + timedelta(days=90) - timedelta(microseconds=1)
    still = await anyone.get(track(receipt))
    clock.advance(microseconds=1)
    ended = [await anyone.get(track(it)) for it in (receipt, other)]
    spoken = [await say(anyone, track(it), text="x", status=404) for it in (receipt, other)]

    assert still.status_code == 200
    assert [it.status_code for it in ended] == [404, 404]
    assert {it.json()["code"] for it in spoken} == {"not_found"}


async def test_what_is_behind_a_token_stays_private_whatever_is_answered(
    cast: Cast, anyone: AsyncClient
) -> None:
    url = track(await complain(cast.visitor))
    tampered = url[:-1] + ("A" if url[-1] != "A" else "B")

    answers = [
        await anyone.get(url),
        await say(anyone, url, text="x"),
        await anyone.get(tampered),
        await anyone.get("/v1/track/x"),
        await anyone.get("/v1/track/%C3%A9%00"),
        await say(anyone, tampered, text="x", status=404),
        await say(anyone, url, status=422),
        await say(anyone, url, text="x", scores=[{"instrument": "csat", "value": 9}], status=422),
        await anyone.post(f"{url}/messages", content=b"{"),
    ]

    assert [it.status_code for it in answers] == [200, 201, 404, 404, 404, 404, 422, 422, 415]
    assert [{name: it.headers.get(name) for name in PRIVATE} for it in answers] == [PRIVATE] * len(answers)


async def test_the_customer_says_something(cast: Cast, anyone: AsyncClient) -> None:
    url = track(await complain(cast.visitor))
    bodies: list[dict[str, Any]] = [{}, {"text": None, "scores": []}, {"text": "  "}]

    answers = [await say(anyone, url, status=422, **body) for body in bodies]

    assert [it.json()["errors"][0]["pointer"] for it in answers] == ["/text"] * 3


async def test_a_message_with_the_same_key_is_said_once_and_its_record_does_not_hold_the_token(
    cast: Cast, services: Services, anyone: AsyncClient
) -> None:
    receipt = await complain(cast.visitor)
    url = track(receipt)

    first = await say(anyone, url, "k", text="Hello?")
    again = await say(anyone, url, "k", text="Hello?")
    other = await say(anyone, url, "k", text="Anybody?", status=422)

    assert (again.headers["idempotency-replayed"], again.json()) == ("true", first.json())
    assert other.json()["code"] == "idempotency_key_reused"
    assert len(await events_of(services, receipt["id"])) == 2
    scopes = await services.read(lambda session: list(session.scalars(select(Idempotency.scope))))
    assert [scope for scope in scopes if receipt["ticket"]["tracking_token"] in scope] == []


async def test_scores_by_token_are_the_resolvers_whoever_has_the_ticket_now(
    cast: Cast, services: Services, anyone: AsyncClient, clock: TestClock
) -> None:
    receipt = await complain(cast.visitor, topic="lifts")
    await act(cast.alice, receipt["id"], "claim")
    await act(cast.bob, receipt["id"], "resolve")
    scored: list[dict[str, Any]] = [
        {"instrument": "csat", "value": 5, "expected": 3, "dimension": "speed"},
        {"instrument": "nps", "value": 9},
    ]
    at = clock.advance(hours=1)
    for assignee in (UUID(cast.ids["bob"]), None):
        await write_columns(services, receipt["id"], assignee_id=assignee)

        await say(anyone, track(receipt), "k", scores=scored)

    rows = await services.read(lambda session: list(session.scalars(select(Score).order_by(Score.value))))
    assert [(it.value, it.expected, it.dimension, it.given_at, it.topic) for it in rows] == [
        (5, 3, "speed", at, "lifts"),
        (9, None, None, at, "lifts"),
    ]
    assert {(it.agent_id, str(it.ticket_id)) for it in rows} == {(UUID(cast.ids["alice"]), receipt["id"])}
    given = select(func.count()).select_from(Event).where(Event.type == "score.given")
    assert await services.read(lambda session: session.scalar(given)) == 1
    assert (await stored(services, receipt["id"])).status == "resolved"


async def test_a_score_with_words_is_the_resolvers_though_the_words_reopen(
    cast: Cast, services: Services, anyone: AsyncClient
) -> None:
    receipt = await complain(cast.visitor)
    await act(cast.alice, receipt["id"], "resolve")

    await say(anyone, track(receipt), text="Not at all!", scores=[{"instrument": "csat", "value": 1}])

    (score,) = await services.read(lambda session: list(session.scalars(select(Score))))
    assert score.agent_id == UUID(cast.ids["alice"])
    assert (await stored(services, receipt["id"])).resolver_id is None


async def test_a_ticket_with_too_long_a_history_can_end_and_its_customer_goes_on_in_another(
    cast: Cast, services: Services
) -> None:
    receipt = await complain(cast.visitor)
    await act(cast.alice, receipt["id"], "claim")
    await write_columns(services, receipt["id"], version=MOST_EVENTS)

    refused = await cast.alice.post(f"/v1/tickets/{receipt['id']}/reply", json={"text": "And again."})
    said = await say(cast.visitor, track(receipt), text="Still stuck.")

    assert (refused.status_code, refused.json()["code"]) == (409, "ticket_full")
    assert said.json()["follow_up"]["reference"] != receipt["ticket"]["reference"]
    assert (await act(cast.alice, receipt["id"], "resolve"))["status"] == "resolved"
