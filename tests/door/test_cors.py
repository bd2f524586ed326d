"""What a browser may do: the exact origins of our sites, on the one route that pages call."""

import pytest
from httpx import AsyncClient

from tests.cast import ORIGIN, Cast

PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
SAID = {"kind": "comment", "text": "x"}


async def test_a_listed_page_may_ask_and_read(cast: Cast, anyone: AsyncClient) -> None:
    asked = await anyone.options("/v1/feedback", headers=PREFLIGHT | {"origin": ORIGIN})
    answer = await cast.visitor.post("/v1/feedback", json=SAID)

    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, ORIGIN)
    assert asked.headers["access-control-allow-methods"] == "POST"
    assert "idempotency-key" in asked.headers["access-control-allow-headers"]
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (201, ORIGIN)
    for each in (asked, answer):
        assert each.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in each.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ORIGIN + ".evil.example", ORIGIN.upper()])
async def test_any_other_page_may_neither_ask_nor_read(standing: Cast, origin: str) -> None:
    visitor = await standing.client(standing.script.keys["visitor"], origin=origin)
    asked = await visitor.options("/v1/feedback", headers=PREFLIGHT)
    answer = await visitor.post("/v1/feedback", json=SAID)

    assert (asked.status_code, answer.status_code) == (403, 403)
    assert answer.json()["code"] == "origin_not_allowed"
    for each in (asked, answer):
        assert "access-control-allow-origin" not in each.headers
        assert each.headers["vary"] == "Origin"


async def test_a_page_can_read_why_it_was_refused(standing: Cast) -> None:
    answer = await standing.visitor.post("/v1/feedback", json={"kind": "comment"})

    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (422, ORIGIN)


async def test_no_other_route_speaks_to_pages(standing: Cast) -> None:
    for path in ("/v1/tickets", "/v1/feedback/batch", "/v1/keys"):
        asked = await standing.visitor.options(path, headers=PREFLIGHT)
        read = await standing.admin.get(path, headers={"origin": ORIGIN})

        assert asked.status_code == 405
        assert "access-control-allow-origin" not in asked.headers
        assert "access-control-allow-origin" not in read.headers


async def test_a_refused_preflight_is_a_problem_like_any_other(standing: Cast, anyone: AsyncClient) -> None:
    asked = await anyone.options("/v1/feedback", headers=PREFLIGHT | {"origin": "https://evil.example"})

    assert asked.headers["content-type"] == "application/problem+json"
    assert asked.json()["request_id"] == asked.headers["x-request-id"]
    assert "evil" not in asked.text


async def test_a_page_with_two_origins_has_none(standing: Cast, anyone: AsyncClient) -> None:
    twice = [*PREFLIGHT.items(), ("origin", ORIGIN), ("origin", "https://evil.example")]
    asked = await anyone.options("/v1/feedback", headers=twice)

    assert asked.status_code == 403
    assert "access-control-allow-origin" not in asked.headers
