"""Canary words go in through every door, and are in six tables and nowhere else; once erased, nowhere.

`Canary…` and one phone number are a customer's. `Bystander…` are words that nobody's identity is tied to.
`Sentinel…` are names of what is configured.
"""

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import logs
from app.main import create_app
from app.models.customers import Customer
from app.models.everything import METADATA
from app.services import Services
from app.settings import Settings
from app.watch.publishing import publish
from app.worker import chores, loop
from tests.acts import act, read
from tests.cast import Cast, complain, create
from tests.conftest import TestClock
from tests.door.test_track import track

PERSONAL = {"customers", "customer_identities", "messages", "tickets", "calls", "scores"}
CONFIGURED = {"agents", "teams", "sites", "sources", "api_keys", "instruments"}
JSON = {"content-type": "application/json"}
PHONE = "+351912000777"
CANARY, BYSTANDER, SENTINEL = ("canary", "912000777"), ("bystander",), ("sentinel",)
ANA = {"ref": "Canary-Ref", "email": "Canary.Ana@example.org", "phone": PHONE, "name": "Canary Ana"}
CLAIM = {"email": "canary.ana@EXAMPLE.org", "phone": PHONE, "name": "Canary Claimed"}
SCORES = [{"instrument": "csat", "value": 2}]
FEEDBACK: dict[str, Any] = {
    "kind": "complaint", "subject": "Canary subject", "text": "Canary text", "customer": ANA,
    "page_url": "https://example.org/Canary", "attributes": {"Canary key": "Canary value"}, "scores": SCORES,
}  # fmt: skip
SCORE = {"kind": "score", "text": "Canary comment", "scores": SCORES, "customer": {"ref": "Canary-Ref"}}
HISTORY: dict[str, Any] = {
    "source": "Sentinel source 2", "external_id": "1", "kind": "question",
    "occurred_at": "2026-01-02T00:00:00Z", "subject": "Canary past", "text": "Canary past text",
    "team": "Sentinel team 2", "agent": "Sentinel agent 2", "customer": ANA, "scores": SCORES,
    "events": [
        {"type": "replied", "at": "2026-01-03T00:00:00Z", "text": "Canary past reply"},
        {"type": "customer_replied", "at": "2026-01-04T00:00:00Z", "text": "Canary past word"},
        {"type": "noted", "at": "2026-01-05T00:00:00Z", "text": "Canary past note"},
    ],
}  # fmt: skip
PAST_SCORE = {
    "source": "Sentinel source 2", "external_id": "2", "kind": "score", "text": "Canary past comment",
    "occurred_at": "2026-01-06T00:00:00Z", "scores": SCORES, "customer": {"email": ANA["email"]},
}  # fmt: skip


@dataclass
class Heard:
    """What was answered to the sound requests, and to the others."""

    tickets: list[str] = field(default_factory=list)
    refusals: list[Response] = field(default_factory=list)


@pytest.fixture
async def app(
    settings: Settings, clock: TestClock, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[FastAPI]:
    """An application of the test's own, that logs all it can."""
    made = create_app(settings.model_copy(update={"log_level": "debug"}), clock=clock)
    async with made.router.lifespan_context(made):
        yield made
    logs.configure("error", "json")


@pytest.fixture
async def heard(cast: Cast, services: Services) -> Heard:
    """Everything a person can say, said through every door."""
    found = Heard()
    await configure(cast)
    await speak(cast, found)
    await answer(cast, found)
    await misspeak(cast, found)
    await services.write(lambda session: chores.start(session, now=services.clock()))
    while await services.write(publish) or await loop.do_jobs(services):
        pass
    return found


async def configure(cast: Cast) -> None:
    team = await create(cast.admin, "teams", name="Sentinel team")
    await create(
        cast.admin, "agents", name="Sentinel agent", email="sentinel@example.org", teams=[team["name"]]
    )
    await create(cast.admin, "keys", name="Sentinel key", scopes=["tickets:read"])
    await create(cast.admin, "sites", name="Sentinel site", origins=["https://sentinel.example"])
    await create(cast.admin, "sources", name="Sentinel source", kind="api")
    scale = {"kind": "scale", "low": 1, "high": 5, "step": 1}
    await create(cast.admin, "instruments", name="sentinel", question="Sentinel question?", **scale)


async def speak(cast: Cast, heard: Heard) -> None:
    receipt = await post(cast.crm, "/v1/feedback", FEEDBACK, status=201)
    heard.tickets.append(receipt["id"])
    batch = await post(
        cast.crm, "/v1/feedback/batch", [FEEDBACK, SCORE, SCORE | {"ticket_id": receipt["id"]}]
    )
    heard.tickets.append(batch["results"][0]["id"])
    lines = await post_lines(cast.crm, "/v1/feedback/batch", FEEDBACK, SCORE)
    heard.tickets.append(lines["results"][0]["id"])
    strict = {"prefer": "handling=strict"}
    assert (await post(cast.crm, "/v1/feedback/batch", [FEEDBACK], headers=strict))["accepted"] == 1
    past = await post_lines(cast.admin, "/v1/tickets/import", HISTORY, PAST_SCORE)
    heard.tickets.append(past["results"][0]["id"])
    said = {"text": "Canary word", "scores": SCORES}
    await post(cast.visitor, f"{track(receipt)}/messages", said, status=201)
    await complain(cast.visitor, "Bystander words.", customer=CLAIM, subject="Bystander")


async def answer(cast: Cast, heard: Heard) -> None:
    for ticket_id in heard.tickets[:3]:
        await act(cast.alice, ticket_id, "note", text="Canary note")
        await act(cast.alice, ticket_id, "reply", text="Canary reply")
    url = f"/v1/tickets/{heard.tickets[0]}"
    etag = (await cast.alice.get(url)).headers["etag"]
    patched = await cast.alice.patch(url, json={"subject": "Canary patched"}, headers={"if-match": etag})
    assert patched.status_code == 200
    await act(cast.alice, heard.tickets[0], "resolve")
    assert (await read(cast.admin, "/v1/tickets?q=Canary"))["data"]
    assert (await cast.admin.get("/v1/customers", params={"email": ANA["email"]})).json()["data"]


async def misspeak(cast: Cast, heard: Heard) -> None:
    """Say the same where it does not belong; each of these is refused."""
    ticket = f"/v1/tickets/{heard.tickets[0]}"
    once = {"idempotency-key": "Canary-Key-1"}
    await cast.crm.post("/v1/feedback", json=FEEDBACK, headers=once)
    known = FEEDBACK | {"source": "crm", "external_id": "1"}
    await cast.crm.post("/v1/feedback", json=known)
    heard.refusals += [
        await cast.crm.post("/v1/feedback", json=FEEDBACK | {"text": "Canary other"}, headers=once),
        await cast.crm.post("/v1/feedback", json=known | {"text": "Canary other"}),
        *[await cast.crm.post("/v1/feedback", json=FEEDBACK | wrong) for wrong in WRONG],
        await cast.crm.post("/v1/feedback", content=b'{"kind": "Canary"', headers=JSON),
        await cast.crm.post("/v1/feedback", content=b'{"Canary": 1, "Canary": 2}', headers=JSON),
        await cast.visitor.post("/v1/feedback", json=FEEDBACK),
        await cast.alice.post(f"{ticket}/reply", json={"text": "Canary", "agent_id": "Canary"}),
        await cast.alice.post(f"{ticket}/pend", json={"Canary 1": 1}),
        await cast.alice.patch(ticket, json={"subject": "Canary"}, headers={"if-match": '"Canary"'}),
        await cast.alice.get("/v1/tickets/Canary-1"),
        await cast.alice.get("/v1/tickets?cursor=Canary1&q=Canary"),
        await cast.admin.get("/v1/customers?email=Canary"),
        await cast.admin.get(f"/v1/customers?phone={PHONE[1:]}"),
        await cast.admin.get("/v1/metrics/volume?topic=Canary&tz=Canary/City"),
        await cast.admin.get("/v1/Canary/1?Canary=1"),
        await cast.admin.get("/v1/track/Canary0000000000000000000000000000000000000000"),
        await cast.admin.get("/v1/jobs?state=Canary"),
        await (await cast.client("heard_sk_Canary")).get("/v1/tickets"),
    ]
    batch = await post(cast.crm, "/v1/feedback/batch", [FEEDBACK | wrong for wrong in WRONG])
    heard.refusals += [Response(result["status"], json=result) for result in batch["results"]]


WRONG: list[dict[str, Any]] = [
    {"kind": "Canary"},
    {"customer": ANA | {"email": "Canary"}},
    {"customer": ANA | {"phone": PHONE[1:]}},
    {"Canary Field 1": "Canary"},
    {"scores": [{"instrument": "Canary", "value": 1}]},
    {"source": "Canary"},
    {"occurred_at": "Canary"},
    {"ticket_id": "Canary"},
    {"attributes": {"Canary": ["Canary"]}},
]


async def post(caller: AsyncClient, path: str, body: Any, *, status: int = 200, **more: Any) -> Any:
    answered = await caller.post(path, json=body, **more)
    assert answered.status_code == status, answered.text
    return answered.json()


async def post_lines(caller: AsyncClient, path: str, *lines: Any) -> Any:
    content = "\n".join(json.dumps(line) for line in lines)
    answered = await caller.post(path, content=content, headers={"content-type": "application/x-ndjson"})
    assert answered.status_code == 200, answered.text
    assert answered.json()["rejected"] == 0, answered.text
    return answered.json()


def is_in(text: str, marks: Iterable[str]) -> bool:
    return any(mark in text.lower() for mark in marks)


async def where(services: Services, *marks: str) -> set[str]:
    """Return the tables in which any of the words is found, whatever the column."""

    def look(session: Session) -> set[str]:
        return {
            table.name
            for table in METADATA.sorted_tables
            for row in session.execute(select(table))
            if is_in(str(tuple(row)), marks)
        }

    return await services.read(look)


async def test_what_a_person_says_is_in_six_tables_and_nowhere_else(
    heard: Heard, services: Services, cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await where(services, *CANARY) == PERSONAL & set(METADATA.tables)
    assert await where(services, *BYSTANDER) == {"tickets"}
    assert await where(services, *SENTINEL) == CONFIGURED

    printed = "".join(capsys.readouterr())
    assert "edge.requests" in printed
    assert not is_in(printed, CANARY + BYSTANDER + SENTINEL)
    transport = ASGITransport(cast.app)
    async with AsyncClient(transport=transport, base_url="http://heard.test", trust_env=False) as prometheus:
        metrics = await prometheus.get("/metrics")
    assert metrics.status_code == 200
    assert not is_in(metrics.text, CANARY + BYSTANDER + SENTINEL)
    for refusal in heard.refusals:
        assert refusal.status_code >= 400, refusal.text
        assert not is_in(refusal.text, CANARY), refusal.text


async def test_once_erased_a_person_is_nowhere(heard: Heard, services: Services, cast: Cast) -> None:
    before = {name: await read(cast.admin, f"/v1/metrics/{name}") for name in ("volume", "response-times")}
    everybody = select(Customer.id)
    for customer_id in await services.read(lambda session: list(session.scalars(everybody))):
        erased = await cast.admin.delete(f"/v1/customers/{customer_id}")
        assert erased.status_code == 204

    assert await where(services, *CANARY) == set()
    assert await where(services, *BYSTANDER) == {"tickets"}
    assert {name: await read(cast.admin, f"/v1/metrics/{name}") for name in before} == before
    for ticket_id in heard.tickets:
        assert (await read(cast.admin, f"/v1/tickets/{UUID(ticket_id)}"))["erased_at"] is not None
