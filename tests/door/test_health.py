"""Whoever keeps it running learns whether it is alive and whether it can work."""

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from app.configuration import live
from app.errors import OverloadedError
from app.services import Services
from tests.cast import Cast


@pytest.fixture
async def app(own_app: FastAPI) -> FastAPI:
    """An application of the test's own: some break theirs."""
    return own_app


class Unforeseen(BaseException):
    """Something no `except Exception` sees."""


async def test_a_process_that_can_work_is_ready(anyone: AsyncClient) -> None:
    alive, ready = await anyone.get("/livez"), await anyone.get("/readyz")

    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()["ready"]) == (200, True)


async def test_a_flusher_that_died_turns_readiness_red_though_work_goes_on(
    cast: Cast, anyone: AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_session: object, _batch: object) -> list[object]:
        raise Unforeseen

    with monkeypatch.context() as during:
        during.setattr(services.intake, "_flush", die)
        struck = await cast.crm.post("/v1/feedback", json={"kind": "comment", "text": "x"})
    after = await cast.crm.post("/v1/feedback", json={"kind": "comment", "text": "x"})
    ready = await anyone.get("/readyz")

    assert (struck.status_code, struck.json()["code"]) == (503, "outcome_unknown")
    assert after.status_code == 201
    assert (ready.status_code, ready.json()["flushers"]) == (503, False)
    assert services.intake.restarts == 1


async def test_a_database_that_is_gone_turns_readiness_red_but_not_liveness(
    anyone: AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(_fn: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(type(services.database), "read", lambda _self, fn: gone(fn))
    alive, ready = await anyone.get("/livez"), await anyone.get("/readyz")

    assert alive.status_code == 200
    assert (ready.status_code, ready.json()["database"]) == (503, False)


async def test_a_snapshot_nobody_could_refresh_turns_readiness_red(
    anyone: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.api.health.STALE_SECONDS", -1.0)
    ready = await anyone.get("/readyz")

    assert live.STALE_SECONDS == 10.0
    assert (ready.status_code, ready.json()["snapshot"]) == (503, False)


async def test_a_full_line_is_answered_with_when_to_come_again(
    cast: Cast, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_line: object, _rows: int, _size: int) -> None:
        raise OverloadedError

    monkeypatch.setattr("app.db.group._Line.check_room", full)
    answer = await cast.crm.post("/v1/feedback", json={"kind": "comment", "text": "x"})
    batch = await cast.crm.post("/v1/feedback/batch", json=[{"kind": "comment", "text": "x"}])

    assert services.intake.waiting_rows == 0
    for each in (answer, batch):
        assert (each.status_code, each.json()["code"]) == (503, "overloaded")
        assert each.headers["retry-after"] == "1"
