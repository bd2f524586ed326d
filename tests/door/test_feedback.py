"""The front door: a submission becomes a ticket, once, and only as its sender may say it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient

from app.models.tickets import Ticket
from app.services import Services
from tests.cast import Cast, complain
from tests.conftest import START, TestClock


async def test_a_complaint_becomes_a_ticket(cast: Cast, services: Services) -> None:
    answer = await cast.crm.post("/v1/feedback", json={"kind": "complaint", "text": "The lift is stuck."})

    assert answer.status_code == 201
    ticket_id = UUID(answer.json()["ticket"]["id"])
    stored = await services.read(lambda session: session.get_one(Ticket, ticket_id))
    assert (stored.text, stored.received_at, stored.status) == ("The lift is stuck.", START, "new")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("priority", "urgent"),
        ("source", "crm"),
        ("external_id", "1"),
        ("occurred_at", "2026-03-02T08:00:00Z"),
        ("ticket_id", "0198c0de-0000-7000-8000-000000000001"),
        ("customer", {"ref": "C-1"}),
        ("channel", "phone"),
    ],
)
async def test_a_visitor_can_not_set_what_only_secret_keys_may(cast: Cast, field: str, value: Any) -> None:
    answer = await cast.visitor.post("/v1/feedback", json={"kind": "comment", "text": "x", field: value})

    assert answer.status_code == 422
    assert [flaw["code"] for flaw in answer.json()["errors"]][-1] == "secret_key_only"
    assert (await cast.admin.get("/v1/tickets")).json()["data"] == []


@pytest.mark.parametrize("field", ["team", "assignee", "team_id", "status", "received_at", "id"])
async def test_nobody_can_set_what_we_decide(cast: Cast, field: str) -> None:
    for speaker in (cast.visitor, cast.crm):
        answer = await speaker.post("/v1/feedback", json={"kind": "comment", "text": "x", field: "y"})

        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "unknown_field")


async def test_what_a_visitor_claims_joins_nobodys_record(cast: Cast) -> None:
    await complain(cast.crm, customer={"email": "ana@example.org", "name": "Ana"})
    receipt = await complain(cast.visitor, customer={"email": "ana@example.org", "name": "Not Ana"})

    ticket = (await cast.admin.get(f"/v1/tickets/{receipt['id']}")).json()
    assert ticket["customer"] == {
        "id": None,
        "name": None,
        "claimed": {"email": "ana@example.org", "name": "Not Ana"},
    }


async def test_the_same_external_id_again_is_a_duplicate_and_other_content_a_conflict(cast: Cast) -> None:
    first = await complain(cast.crm, external_id="1001")
    again = await cast.crm.post(
        "/v1/feedback", json={"kind": "complaint", "text": "The lift is stuck.", "external_id": "1001"}
    )
    other = await cast.crm.post(
        "/v1/feedback", json={"kind": "complaint", "text": "Other.", "external_id": "1001"}
    )

    assert (again.status_code, again.json()) == (200, first | {"duplicate": True})
    assert (other.status_code, other.json()["code"]) == (409, "external_id_conflict")


@pytest.mark.parametrize(
    ("shift", "status", "code"),
    [
        pytest.param(timedelta(days=-7), 201, None, id="seven days back"),
        pytest.param(timedelta(days=-7, microseconds=-1), 422, "use_import", id="more than seven days back"),
        pytest.param(timedelta(minutes=5), 201, None, id="five minutes ahead"),
        pytest.param(
            timedelta(minutes=5, microseconds=1), 422, "in_future", id="more than five minutes ahead"
        ),
    ],
)
async def test_occurred_at_is_bounded(cast: Cast, shift: timedelta, status: int, code: str | None) -> None:
    body = {"kind": "complaint", "text": "x", "occurred_at": (START + shift).isoformat()}

    answer = await cast.crm.post("/v1/feedback", json=body)

    assert answer.status_code == status
    assert code is None or answer.json()["errors"][0]["code"] == code


async def test_the_receipt_of_a_key_used_before_is_the_same(cast: Cast, clock: TestClock) -> None:
    headers = {"idempotency-key": "once"}
    body = {"kind": "complaint", "text": "x"}
    first = await cast.crm.post("/v1/feedback", json=body, headers=headers)
    clock.advance(hours=71)
    again = await cast.crm.post("/v1/feedback", json=body, headers=headers)
    other = await cast.crm.post("/v1/feedback", json=body | {"text": "y"}, headers=headers)

    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_key_is_forgotten_after_72_hours(cast: Cast, clock: TestClock) -> None:
    first = await cast.crm.post(
        "/v1/feedback", json={"kind": "comment", "text": "x"}, headers={"idempotency-key": "k"}
    )
    clock.advance(hours=72)
    later = await cast.crm.post(
        "/v1/feedback", json={"kind": "comment", "text": "y"}, headers={"idempotency-key": "k"}
    )

    assert (first.status_code, later.status_code) == (201, 201)
    assert first.json()["id"] != later.json()["id"]


async def test_two_visitors_with_the_same_weak_key_are_refused(cast: Cast) -> None:
    for _ in range(2):
        answer = await cast.visitor.post(
            "/v1/feedback", json={"kind": "comment", "text": "x"}, headers={"idempotency-key": "1"}
        )

        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_weak")


async def test_a_page_of_another_origin_stores_nothing(cast: Cast, anyone: AsyncClient) -> None:
    for origin in ("https://evil.example", "null", None):
        headers = {"authorization": f"Bearer {cast.script.keys['visitor']}"} | (
            {"origin": origin} if origin else {}
        )
        answer = await anyone.post("/v1/feedback", json={"kind": "comment", "text": "x"}, headers=headers)

        assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
    assert (await cast.admin.get("/v1/tickets")).json()["data"] == []
