"""Hostile requests: each is refused with a stable code, its content never repeated, and nothing is stored."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy import func, select

from app.models.everything import METADATA
from app.models.tickets import Ticket
from app.services import Services
from tests.cast import Cast, complain

CANARY = "Kanarienvogel-77"
GOOD = {"kind": "comment", "text": "x"}


def body(inner: str) -> bytes:
    return f'{{"kind": "comment", "text": "{CANARY}", {inner}}}'.encode()


def nested(depth: int) -> str:
    """Return an object that many levels deep, the outermost included."""
    return '{"a":' * (depth - 1) + "1" + "}" * (depth - 1)


BODIES: dict[str, tuple[bytes, int, str]] = {
    "invalid UTF-8": (body('"subject": "é"').replace("é".encode(), b"\xe9"), 400, "bad_json"),
    "an encoded surrogate": (body('"subject": "é"').replace("é".encode(), b"\xed\xa0\x80"), 400, "bad_json"),
    "a lone surrogate": (body(r'"subject": "\ud800"'), 400, "bad_json"),
    "surrogates the wrong way round": (body(r'"subject": "\udc00\ud800"'), 400, "bad_json"),
    "NUL": (body(r'"subject": "a\u0000b"'), 400, "bad_json"),
    "NUL in a key": (body(r'"attributes": {"a\u0000b": 1}'), 400, "bad_json"),
    "NaN": (body('"delayed_seconds": NaN'), 400, "bad_json"),
    "Infinity": (body('"delayed_seconds": -Infinity'), 400, "bad_json"),
    "a number too large": (body('"attributes": {"n": 1e999}'), 400, "bad_json"),
    "an integer too large": (body(f'"attributes": {{"n": {2**53}}}'), 400, "bad_json"),
    "an integer too small": (body(f'"attributes": {{"n": {-(2**53)}}}'), 400, "bad_json"),
    "5,000 digits": (body('"attributes": {"n": ' + "9" * 5000 + "}"), 400, "bad_json"),
    "a key twice": (body(f'"text": "{CANARY}"'), 400, "bad_json"),
    "a key twice, spelled differently": (body(r'"attributes": {"n": 1, "\u006e": 2}'), 400, "bad_json"),
    "a key of ours twice": (body(f'"attributes": {{"{CANARY}": 1, "{CANARY}": 2}}'), 400, "bad_json"),
    "33 levels": (body('"attributes": ' + nested(33)), 400, "bad_json"),
    "10,000 levels": (b"[" * 10_000, 400, "bad_json"),
    "something after the end": (json.dumps(GOOD).encode() + CANARY.encode(), 400, "bad_json"),
    "cut short": (f'{{"kind": "comment", "text": "{CANARY}'.encode(), 400, "bad_json"),
    "an array": (json.dumps([GOOD]).encode(), 422, "validation"),
    "a string": (json.dumps(CANARY).encode(), 422, "validation"),
    "null": (b"null", 422, "validation"),
    "an unknown field": (body(f'"{CANARY}": "{CANARY}"'), 422, "validation"),
    "a card number as a key": (
        body(f'"attributes": {{"4111111111111111": ["{CANARY}"]}}'),
        422,
        "validation",
    ),
    "a known field of the wrong type": (body(f'"scores": "{CANARY}"'), 422, "validation"),
    "a wrong choice": (body(f'"channel": "{CANARY}"'), 422, "validation"),
    "a wrong pattern": (body(f'"language": "{CANARY}"'), 422, "validation"),
    "no e-mail address": (body(f'"customer": {{"email": "{CANARY}"}}'), 422, "validation"),
    "no phone number": (body(f'"customer": {{"phone": "{CANARY}"}}'), 422, "validation"),
    "no instant": (body(f'"occurred_at": "{CANARY}"'), 422, "validation"),
    "no zone": (body('"occurred_at": "2026-03-02T09:00:00"'), 422, "validation"),
    "an instant beyond the calendar": (body('"occurred_at": "0001-01-01T00:00:00+23:59"'), 422, "validation"),
    "no id": (body(f'"submission_id": "{CANARY}"'), 422, "validation"),
    "no such instrument": (
        body('"scores": [{"instrument": "kanarienvogel", "value": 1}]'),
        422,
        "validation",
    ),
    "no such source": (body(f'"source": "{CANARY}"'), 422, "validation"),
    "true for a number": (body('"delayed_seconds": true'), 422, "validation"),
    "a number in quotes": (body('"delayed_seconds": "5"'), 422, "validation"),
    "a number for a text": (body('"topic": 5'), 422, "validation"),
    "an instant as a number": (body('"occurred_at": 1772442000'), 422, "validation"),
    "an object for a list": (body('"scores": {"0": {}}'), 422, "validation"),
    "a list for an object": (body('"customer": [["name", "x"]]'), 422, "validation"),
    "a number that is too much to keep": (body('"attributes": {"n": 1e300}'), 422, "validation"),
    "words too long": (body(f'"subject": "{CANARY * 100}"'), 422, "validation"),
    "a byte too many": (body('"subject": "' + "x" * 65536 + '"'), 413, "too_large"),
}


async def nothing_stored(cast: Cast) -> bool:
    services: Services = cast.app.state.services
    return await services.read(lambda s: s.scalars(select(func.count()).select_from(Ticket)).one()) == 0


@pytest.mark.parametrize("name", BODIES)
async def test_a_hostile_body_is_refused_in_our_own_words(standing: Cast, name: str) -> None:
    content, status, code = BODIES[name]
    answer = await standing.crm.post(
        "/v1/feedback", content=content, headers={"content-type": "application/json"}
    )

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "kanarienvogel" not in answer.text.lower()
    assert "4111111111111111" not in answer.text
    assert await nothing_stored(standing)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        pytest.param({"content-type": "application/xml"}, 415, "unsupported_media_type", id="XML"),
        pytest.param({"content-type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        pytest.param({"content-type": ""}, 415, "unsupported_media_type", id="no type"),
        pytest.param({"content-encoding": "gzip"}, 415, "unsupported_media_type", id="compressed"),
        pytest.param({"content-length": "65537"}, 413, "too_large", id="announced too large"),
        pytest.param({"idempotency-key": ""}, 400, "idempotency_key_invalid", id="an empty key"),
        pytest.param({"idempotency-key": "a b"}, 400, "idempotency_key_invalid", id="a key with a space"),
        pytest.param({"idempotency-key": "x" * 256}, 400, "idempotency_key_invalid", id="a long key"),
    ],
)
async def test_a_hostile_header_is_refused(
    standing: Cast, headers: dict[str, str], status: int, code: str
) -> None:
    sent = {"content-type": "application/json"} | headers
    answer = await standing.crm.post("/v1/feedback", content=json.dumps(GOOD), headers=sent)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await nothing_stored(standing)


async def test_a_body_that_grows_past_the_limit_without_saying_so_is_refused(standing: Cast) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1024

    answer = await standing.crm.post(
        "/v1/feedback", content=endless(), headers={"content-type": "application/json"}
    )

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_an_integer_may_be_written_as_json_lets_it_be(cast: Cast) -> None:
    """JSON has one kind of number: 5.0 is 5, and some languages write it so."""
    answer = await cast.crm.post(
        "/v1/feedback",
        content=json.dumps(GOOD | {"delayed_seconds": 5.0}),
        headers={"content-type": "application/json"},
    )

    assert answer.status_code == 201


async def test_a_body_of_64_kilobytes_is_taken(cast: Cast) -> None:
    padded = json.dumps(GOOD).encode().ljust(64 * 1024)
    answer = await cast.crm.post(
        "/v1/feedback", content=padded, headers={"content-type": "application/json; charset=utf-8"}
    )

    assert answer.status_code == 201


async def test_a_sender_who_hangs_up_half_way_stores_nothing(standing: Cast) -> None:
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": json.dumps(GOOD).encode(), "more_body": True},
        {"type": "http.disconnect"},
    ]
    answered: list[Any] = []
    headers = [
        ("authorization", f"Bearer {standing.script.keys['crm']}"),
        ("content-type", "application/json"),
    ]
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": "/v1/feedback",
        "raw_path": b"/v1/feedback", "query_string": b"", "root_path": "", "scheme": "http",
        "server": ("heard.test", 80), "client": None,
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        answered.append(message)

    await standing.app(scope, receive, send)

    assert answered[0]["status"] == 400
    assert b"cut_upload" in answered[1]["body"]
    assert await nothing_stored(standing)


@pytest.mark.parametrize("path", ["/v1/tickets?q=%00", "/v1/tickets?team=a%00", "/v1/feedback?key=%00"])
async def test_a_nul_in_the_address_is_refused_on_each_database_alike(standing: Cast, path: str) -> None:
    method = "POST" if "feedback" in path else "GET"
    answer = await standing.admin.request(method, path, json=GOOD)

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


async def test_plain_text_is_json_on_the_feedback_route_alone(cast: Cast) -> None:
    plain = {"headers": {"content-type": "text/plain;charset=UTF-8"}, "content": json.dumps(GOOD)}
    taken = await cast.visitor.post("/v1/feedback", **plain)  # type: ignore[arg-type]
    refused = [
        await cast.crm.post("/v1/feedback/batch", **plain),  # type: ignore[arg-type]
        await cast.admin.post("/v1/sources", **plain),  # type: ignore[arg-type]
    ]

    assert taken.status_code == 201
    assert [answer.status_code for answer in refused] == [415, 415]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", f"/v1/{CANARY}", 404, "not_found"),
        ("GET", f"/{CANARY}?{CANARY}", 404, "not_found"),
        ("GET", f"/v1/tickets/{CANARY}", 422, "validation"),
        ("GET", f"/v1/tickets?limit={CANARY}", 422, "validation"),
        ("GET", "/v1/tickets?limit=101", 422, "validation"),
        ("GET", f"/v1/tickets?status={CANARY}", 422, "validation"),
        ("GET", f"/v1/track/{CANARY}", 404, "not_found"),
    ],
)
async def test_a_wrong_address_or_method_is_a_problem(
    standing: Cast, method: str, path: str, status: int, code: str
) -> None:
    answer = await standing.admin.request(method, path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert CANARY not in answer.text


async def test_an_error_nobody_foresaw_says_nothing_of_itself(
    standing: Cast, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    app: FastAPI = standing.app

    async def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr("app.db.group.GroupCommit.submit", broken)
    async with AsyncClient(
        transport=ASGITransport(app), base_url="http://heard.test", trust_env=False
    ) as anyone:
        answer = await anyone.post(
            "/v1/feedback", json=GOOD, headers={"authorization": f"Bearer {standing.script.keys['crm']}"}
        )
    log = logged()

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert CANARY not in answer.text
    assert CANARY not in log
    assert "RuntimeError" in log
    assert "test_hostile.py" in log
    assert answer.json()["request_id"] in log


PERSONAL = {"customers", "customer_identities", "messages", "tickets", "calls", "scores"}


async def test_what_a_customer_says_stays_in_the_tables_made_for_it(
    cast: Cast, services: Services, logged: Callable[[], str]
) -> None:
    """Everything said carries the canary; logs and all tables without personal data are free of it."""
    who = {"email": f"{CANARY}@example.org", "name": CANARY, "ref": CANARY}
    said = {"subject": CANARY, "customer": who, "attributes": {"order": CANARY}, "topic": CANARY}
    receipt = await complain(cast.crm, CANARY, **said, external_id="1")
    await cast.visitor.post(
        f"/v1/feedback?key={cast.script.keys['visitor']}&x={CANARY}",
        json={"kind": "comment", "text": CANARY, "page_url": f"https://{CANARY}"},
        headers={"idempotency-key": "0b0e7bd4-4b0c-4c1c-9a5e-0d6c9fd6b001"},
    )
    token = receipt["ticket"]["tracking_token"]
    await cast.admin.post(
        f"/v1/track/{token}/messages", json={"text": CANARY}, headers={"idempotency-key": CANARY}
    )
    await cast.admin.get(f"/v1/tickets?q={CANARY}")
    await cast.admin.patch(
        f"/v1/tickets/{receipt['id']}", json={"topic": CANARY + "2"}, headers={"if-match": "*"}
    )
    log = logged()

    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    routes = [line["route"] for line in lines if line["event"] == "request"]
    kept = await services.read(
        lambda session: {
            table.name: repr(session.execute(select(table)).all()) for table in METADATA.sorted_tables
        }
    )
    assert routes == [
        "/v1/feedback", "/v1/feedback", "/v1/track/{token}/messages",
        "/v1/tickets", "/v1/tickets/{ticket_id}",
    ]  # fmt: skip
    for secret in (CANARY, token, cast.script.keys["visitor"], cast.script.keys["crm"]):
        assert secret not in log
    assert CANARY in kept["tickets"]
    assert {name for name, rows in kept.items() if CANARY in rows} <= PERSONAL
    assert {name for name, rows in kept.items() if token in rows or cast.script.keys["crm"] in rows} == set()
