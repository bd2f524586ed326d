"""Every operation against everything hostile: refused as documented, in our words alone, whatever is sent.

The operations come from the OpenAPI document: a new one is attacked without a line written here.
"""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response

from tests import databases
from tests.cast import Cast
from tests.door.hostile import (
    ANY_ID,
    BAD_JSON,
    BAD_TYPES,
    CANARY,
    HOSTILE_PARTS,
    HOSTILE_VALUES,
    METHODS,
    NOT_THE_MODEL,
    OPERATIONS,
    PATHS,
    WITH_BODY,
    WITH_KEY,
    WITH_PATH,
    Operation,
)

# What is decided before any database is asked need not be asked of each; of the rest, one of each kind does.
ONCE = pytest.mark.parametrize("kind", databases.KINDS[:1], indirect=True, scope="session")
EACH = pytest.mark.parametrize("kind", databases.EACH, indirect=True, scope="session")


def refused(answer: Response, *allowed: int) -> None:
    """Check that a request was refused, in the form of a problem, with nothing of it said again."""
    assert answer.status_code in allowed, answer.text
    unharmed(answer)


def unharmed(answer: Response) -> None:
    """Check that an answer is no failure of ours, and repeats nothing."""
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert CANARY.lower() not in answer.text.lower()
    assert CANARY.lower() not in str(answer.headers).lower()


def as_json(operation: Operation) -> dict[str, str]:
    kind = operation.media_types[0] if operation.media_types else "application/json"
    return {"content-type": kind, "if-match": "*"}


@ONCE
@pytest.mark.parametrize("path", PATHS)
async def test_a_method_that_a_path_lacks_is_405_with_those_it_has(standing: Cast, path: str) -> None:
    has = PATHS[path] | ({"HEAD"} if "GET" in PATHS[path] else set())
    url = Operation("GET", path, {}).url
    for method in (*METHODS, "HEAD", "OPTIONS", "TRACE", "QUERY", "BREW", "X" * 200):
        if method not in has:
            answer = await standing.admin.request(method, url)

            assert (method, answer.status_code) == (method, 405)
            assert set(answer.headers["allow"].split(", ")) == has
            if method != "HEAD":
                assert answer.json()["code"] == "method_not_allowed"
                unharmed(answer)


@ONCE
@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.method == "GET"], ids=str)
async def test_head_is_get_without_the_body(standing: Cast, operation: Operation) -> None:
    before = await standing.admin.get(operation.url)
    asked = await standing.admin.head(operation.url)
    after = await standing.admin.get(operation.url)

    assert (asked.status_code, asked.content) == (after.status_code, b"")
    for name in ("content-type", "allow"):
        assert asked.headers.get(name) == after.headers.get(name)
    if before.content == after.content:  # what says how much disk is free changes from moment to moment
        assert asked.headers["content-length"] == after.headers["content-length"]


@ONCE
@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
async def test_no_operation_reads_what_is_not_strict_json(standing: Cast, operation: Operation) -> None:
    for name, content in BAD_JSON.items():
        answer = await standing.admin.request(
            operation.method, operation.url, content=content, headers=as_json(operation)
        )

        refused(answer, 400)
        assert (name, answer.json()["code"]) == (name, "bad_json")


@ONCE
@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
async def test_no_operation_takes_another_model(standing: Cast, operation: Operation) -> None:
    for name, content in NOT_THE_MODEL.items():
        sent = b"[" + content + b"]" if operation.takes_many else content
        answer = await standing.admin.request(
            operation.method, operation.url, content=sent, headers=as_json(operation)
        )

        unharmed(answer)
        if operation.takes_many:
            assert (name, answer.json()["rejected"]) == (name, 1)
        else:
            assert (name, answer.status_code, answer.json()["code"]) == (name, 422, "validation")


@ONCE
@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
async def test_no_operation_takes_another_content_type(standing: Cast, operation: Operation) -> None:
    plain = {"if-match": "*"}
    types: list[list[tuple[str, str]]] = [
        *([("content-type", kind)] for kind in BAD_TYPES),
        [("content-type", operation.media_types[0]), ("content-encoding", "gzip")],
        [
            ("content-type", operation.media_types[0]),
            ("content-encoding", "identity"),
            ("content-encoding", "br"),
        ],
        [("content-type", operation.media_types[0]), ("content-type", operation.media_types[0])],
    ]
    for said in types:
        answer = await standing.admin.request(
            operation.method, operation.url, content=b"{}", headers=[*plain.items(), *said]
        )

        refused(answer, 415)


@ONCE
@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
async def test_no_operation_reads_more_than_its_limit(standing: Cast, operation: Operation) -> None:
    limit = 5 * 1024 * 1024 if operation.takes_many else 64 * 1024
    for length in (None, b"-1", b"x", b"\xb2", str(limit + 1).encode(), b"9" * 5000):
        answer = await standing.admin.request(
            operation.method,
            operation.url,
            content=b" " * (limit + 1),
            headers=[
                *((name.encode(), value.encode()) for name, value in as_json(operation).items()),
                *([(b"content-length", length)] if length else []),
            ],
        )

        refused(answer, 413)


@EACH
@pytest.mark.parametrize("operation", WITH_PATH, ids=str)
async def test_no_address_is_taken_for_another(standing: Cast, operation: Operation) -> None:
    for part in HOSTILE_PARTS:
        answer = await standing.admin.request(
            operation.method, operation.at(part), content=b"{}", headers=as_json(operation)
        )

        refused(answer, 400, 404, 405, 422)


@ONCE
@pytest.mark.parametrize("operation", WITH_KEY, ids=str)
async def test_unknown_and_repeated_parameters_are_refused(standing: Cast, operation: Operation) -> None:
    single = [
        each["name"]
        for each in operation.said.get("parameters", ())
        if each["in"] == "query" and each["schema"].get("type") != "array"
    ]
    for query, code in [
        (f"{CANARY}=1", "unknown_parameter"),
        ("unknown=1", "unknown_parameter"),
        ("%00=1", None),
        *((f"{name}={ANY_ID}&{name}={ANY_ID}", "repeated") for name in single),
    ]:
        answer = await standing.admin.request(
            operation.method, f"{operation.url}?{query}", content=b"{}", headers=as_json(operation)
        )

        refused(answer, 400, 422)
        told = {flaw["code"] for flaw in answer.json().get("errors", ())}
        assert code in {None, *told} or told == {"too_many"}, query


@EACH
@pytest.mark.parametrize(
    ("operation", "name"),
    [(each, name) for each in OPERATIONS if each.method == "GET" for name in each.parameters("query")],
    ids=str,
)
async def test_no_value_of_a_parameter_does_harm(standing: Cast, operation: Operation, name: str) -> None:
    for value in HOSTILE_VALUES:
        answer = await standing.admin.get(f"{operation.url}?{name}={value}")

        unharmed(answer)
        assert answer.status_code in operation.statuses()
        assert answer.status_code != 503, (name, value)


DOUBLED: dict[str, tuple[list[tuple[str, str]], int]] = {
    "a key": ([("authorization", "Bearer x")], 400),
    "an idempotency key": ([("idempotency-key", "a"), ("idempotency-key", "a")], 400),
    "an origin": ([("origin", "https://shop.example"), ("origin", "https://evil.example")], 403),
}


@ONCE
@pytest.mark.parametrize("what", DOUBLED)
async def test_a_header_that_stands_once_is_refused_twice(standing: Cast, what: str) -> None:
    more, status = DOUBLED[what]
    caller = standing.visitor if what == "an origin" else standing.crm
    shown = [(name, value) for name, value in caller.headers.items() if name != "origin"]
    async with AsyncClient(transport=ASGITransport(standing.app), base_url="http://heard.test") as anyone:
        answer = await anyone.post(
            "/v1/feedback", json={"kind": "comment", "text": "x"}, headers=[*shown, *more]
        )

    refused(answer, status)


@EACH
@pytest.mark.parametrize(
    ("tags", "status"),
    [("", 400), ("3", 400), ("'3'", 400), ('"3', 400), ('"3",', 400), ('"3" "4"', 400), ("*, *", 400),
     (CANARY, 400), ("\xe9", 400), ('W/"1"', 404), ('"1", "2"', 404), (f'"{CANARY}"', 404), ("*", 404)],
)  # fmt: skip
async def test_if_match_is_a_list_of_versions_or_refused(standing: Cast, tags: str, status: int) -> None:
    answer = await standing.admin.patch(
        f"/v1/tickets/{ANY_ID}", json={"topic": "x"}, headers=[(b"if-match", tags.encode("latin-1"))]
    )

    refused(answer, status)


@EACH
@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
async def test_what_is_sent_is_neither_answered_nor_logged(
    standing: Cast, operation: Operation, logged: Callable[[], str]
) -> None:
    """The canary stands wherever a caller can put it."""
    headers = (*operation.parameters("header"), "User-Agent", "Referer", "Cookie")
    everywhere = dict.fromkeys(headers, CANARY)
    fields: dict[str, Any] = {CANARY: CANARY, "text": [CANARY], "name": {CANARY: CANARY}, "kind": CANARY}
    sent = json.dumps([fields] if operation.takes_many else fields)
    for url in (operation.url, operation.at(CANARY)):
        for query in (
            "",
            f"?{CANARY}={CANARY}",
            *(f"?{name}={CANARY}" for name in operation.parameters("query")),
        ):
            answer = await standing.admin.request(
                operation.method, url + query, content=sent, headers=as_json(operation) | everywhere
            )
            unharmed(answer)
    log = logged()

    assert '"event": "request"' in log or '"event":"request"' in log
    assert CANARY.lower() not in log.lower()
    assert not re.search(r"heard_[sp]k_\w{10}", log)
