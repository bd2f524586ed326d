"""The express door: what it answers is what the route behind it answers."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

import fastapi
import pytest
from fastapi import APIRouter, Body, Cookie, Depends, FastAPI, Header, Query
from httpx import ASGITransport, AsyncClient, Response

from app.api import feedback
from app.edge.express import Express
from app.main import create_app
from app.settings import Settings
from tests import databases
from tests.conftest import TestClock

Make = Callable[[Settings, TestClock], FastAPI]

SAID = {"kind": "complaint", "text": "The lift is stuck."}
CASES: list[dict[str, Any]] = [
    {"json": SAID},
    {"json": SAID, "headers": {"idempotency-key": "a"}},
    {"json": SAID, "headers": {"idempotency-key": "a"}},
    {"json": {**SAID, "text": "Another."}, "headers": {"idempotency-key": "a"}},
    {"json": SAID, "headers": {"idempotency-key": ""}},
    {"json": SAID, "headers": {"authorization": "Bearer nobody"}},
    {"json": SAID, "params": {"key": "nobody"}, "headers": {"authorization": ""}},
    {"json": SAID, "headers": {"origin": "https://shop.example"}},
    {"json": {"kind": "complaint"}},
    {"json": {**SAID, "source": "nobody's"}},
    {"content": b"{", "headers": {"content-type": "application/json"}},
    {"content": b"{}", "headers": {"content-type": "application/xml"}},
    {"content": b"x" * 70_000, "headers": {"content-type": "application/json"}},
]


def with_express(settings: Settings, clock: TestClock) -> FastAPI:
    return create_app(settings, clock=clock)


def without_express(settings: Settings, clock: TestClock) -> FastAPI:
    app = create_app(settings, clock=clock)
    app.user_middleware = [
        each for each in app.user_middleware if getattr(each.cls, "__name__", "") != Express.__name__
    ]
    return app


def normal(answer: Any) -> Any:
    """Leave out what is random, but keep its shape."""
    if isinstance(answer, dict):
        return {key: normal(value) for key, value in answer.items() if key not in {"reference", "request_id"}}
    if isinstance(answer, str):
        try:
            return UUID(answer).version
        except ValueError:
            return answer.partition("/v1/track/")[1] or (len(answer) if len(answer) > 40 else answer)
    return answer


async def answers_of(make: Make, kind: str, clock: TestClock) -> list[Response]:
    async with databases.fresh(kind) as settings:
        app = make(settings, clock)
        async with app.router.lifespan_context(app):
            key = (settings.data_dir / "admin.key").read_text().strip()
            shown = {"authorization": f"Bearer {key}"}
            transport = ASGITransport(app)
            async with AsyncClient(
                transport=transport, base_url="http://heard.test", trust_env=False, headers=shown
            ) as caller:
                answers = [await caller.post("/v1/feedback", **case) for case in CASES]
                return [*answers, await caller.get("/v1/feedback"), await caller.post("/v1/feedback/")]


async def test_every_answer_is_that_of_the_framework(kind: str, clock: TestClock) -> None:
    answers = [await answers_of(make, kind, clock) for make in (with_express, without_express)]
    express, framework = (
        [(it.status_code, normal(it.json() if it.content else None), sorted(it.headers)) for it in each]
        for each in answers
    )
    assert express == framework
    assert [status for status, _, _ in express[:5]] == [201, 201, 201, 422, 400]


async def test_the_route_is_named_in_the_log_as_before(
    app: FastAPI, admin: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes: list[str | None] = []

    def note(_method: str, route: str | None, _status: int, _seconds: float) -> None:
        routes.append(route)

    monkeypatch.setattr(app.state.telemetry, "note_request", note)
    await admin.post("/v1/feedback", json=SAID)
    assert routes == ["/v1/feedback"]


@pytest.mark.parametrize("given", [Query, Header, Cookie, Body])
def test_a_route_that_asks_for_more_than_the_request_is_refused(given: Any) -> None:
    """Nobody would answer: what has a default would keep it, whatever is sent."""
    parameter: Any = Annotated[int, given()]

    async def answers(request: fastapi.Request, page: parameter = 1) -> fastapi.Response:
        return fastapi.Response(f"{request.url} {page}")

    async def asked(request: fastapi.Request, page: parameter = 1) -> object:
        return request, page

    async def depends(request: fastapi.Request, it: Annotated[object, Depends(asked)]) -> fastapi.Response:
        return fastapi.Response(f"{request.url} {it}")

    for endpoint in (answers, depends):
        router = APIRouter()
        router.post("/asks")(endpoint)
        with pytest.raises(TypeError, match="nothing but the request"):
            Express(FastAPI(), router, endpoint)


async def test_a_path_with_a_slash_too_many_is_unknown_and_sends_nobody_elsewhere(
    admin: AsyncClient,
) -> None:
    paths = ["/v1/feedback/", "/v1/tickets/", "/livez/"]
    answers = [await admin.get(path, headers={"host": "evil.example"}) for path in paths]

    assert [(it.status_code, it.json()["code"]) for it in answers] == [(404, "not_found")] * 3
    assert not [it for it in answers if "location" in it.headers]


def test_the_feedback_route_fits() -> None:
    Express(FastAPI(), feedback.router, feedback.submit_feedback)
