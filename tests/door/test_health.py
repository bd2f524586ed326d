"""Whoever keeps it running learns whether it is alive and whether it can work."""

import asyncio
import shutil
import time
from collections import Counter
from typing import Any

import asyncpg
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from sqlalchemy import make_url, text
from sqlalchemy.orm import Session

from app.configuration import live
from app.edge import readiness
from app.errors import OverloadedError
from app.ids import new_id
from app.main import create_app
from app.services import Services
from app.settings import Settings
from app.watch import heartbeat_store
from tests.cast import Cast
from tests.conftest import TestClock

LOOKED_AT = {
    "ready", "draining", "database", "schema", "writer", "flushers", "waiting_rows", "snapshot",
    "snapshot_age_seconds", "worker", "disk", "disk_free_bytes", "wal_bytes", "sqlite_version",
}  # fmt: skip


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


async def test_readiness_says_what_it_looked_at_and_nothing_that_could_be_a_secret(
    anyone: AsyncClient, settings: Settings
) -> None:
    seen = (await anyone.get("/readyz")).json()

    assert seen.keys() == LOOKED_AT
    assert all(seen[name] for name in ("database", "schema", "writer", "flushers", "snapshot"))
    assert (seen["waiting_rows"], seen["draining"], seen["worker"]) == (0, False, False)
    files = [seen[name] is not None for name in ("disk", "disk_free_bytes", "wal_bytes", "sqlite_version")]
    assert files == [settings.embedded] * 4
    assert not [
        value for value in seen.values() if isinstance(value, str) and value != seen["sqlite_version"]
    ]


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


@pytest.mark.parametrize(("hanging", "field"), [("read", "database"), ("write", "writer")])
async def test_a_database_that_hangs_is_not_waited_for_and_not_asked_again_meanwhile(
    anyone: AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch, hanging: str, field: str
) -> None:
    asked: Counter[str] = Counter()
    comes_back = asyncio.Event()

    async def hang(_fn: object) -> tuple[bool, bool]:
        asked[hanging] += 1
        await comes_back.wait()
        return True, False

    monkeypatch.setattr(readiness, "LIMIT_SECONDS", 0.1)
    with monkeypatch.context() as during:
        during.setattr(type(services), hanging, lambda _self, fn: hang(fn))
        began = time.monotonic()
        red = [await anyone.get("/readyz") for _ in range(2)]
        took = time.monotonic() - began
        alive = await anyone.get("/livez")
    comes_back.set()
    green = await anyone.get("/readyz")

    assert [(each.status_code, each.json()[field]) for each in red] == [(503, False)] * 2
    assert asked == {hanging: 1}
    assert took < 1
    assert readiness.LIMIT_SECONDS <= 2
    assert (alive.status_code, green.status_code) == (200, 200)


async def test_a_database_that_only_reads_turns_readiness_red(
    anyone: AsyncClient, cast: Cast, settings: Settings
) -> None:
    """As after a failover: what is asked is answered, and nothing can be taken in."""
    if settings.database_url is None:
        pytest.skip("the embedded database has no other")
    url = make_url(settings.database_url)
    name = url.database
    other = await asyncpg.connect(host=str(url.query["host"]), user="postgres", database="postgres")
    await other.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    await other.close()
    for _ in range(2):  # at the first the pools find out that their connections are gone
        ready = await anyone.get("/readyz")
        taken = await cast.crm.post("/v1/feedback", json={"kind": "comment", "text": "x"})

    assert taken.status_code == 503
    assert (ready.status_code, ready.json()["database"], ready.json()["writer"]) == (503, True, False)


async def test_an_application_told_to_stop_is_not_ready_but_takes_in(app: FastAPI, cast: Cast) -> None:
    app.state.looker.draining = True
    ready = await cast.admin.get("/readyz")
    taken = await cast.crm.post("/v1/feedback", json={"kind": "comment", "text": "x"})

    assert (ready.status_code, ready.json()["draining"]) == (503, True)
    assert taken.status_code == 201


async def test_a_schema_older_than_the_code_turns_readiness_red(
    anyone: AsyncClient, services: Services
) -> None:
    def go_back(session: Session) -> None:
        session.execute(text("UPDATE alembic_version SET version_num = 'ff1d8313af59'"))

    await services.write(go_back)
    ready = await anyone.get("/readyz")

    assert (ready.status_code, ready.json()["schema"], ready.json()["database"]) == (503, False, True)


async def test_too_little_disk_turns_readiness_red_where_the_data_is_ours(settings: Settings) -> None:
    free = shutil.disk_usage(settings.data_dir).free
    app = create_app(settings.model_copy(update={"disk_free_bytes": 2 * free}))
    async with app.router.lifespan_context(app):
        seen = await app.state.looker.look()

    assert (seen.ready, seen.disk) == ((False, False) if settings.embedded else (True, None))


async def test_a_worker_elsewhere_is_seen_for_ten_seconds_and_missed_without_turning_red(
    anyone: AsyncClient, services: Services, clock: TestClock
) -> None:
    def beat(session: Session) -> None:
        heartbeat_store.beat(session, process, now=clock())

    async def seen() -> Any:
        answer = (await anyone.get("/readyz")).json()
        return answer["worker"], answer["ready"]

    process = new_id(clock())
    never = await seen()
    await services.write(beat)
    at_once = await seen()
    clock.advance(seconds=10)
    still = await seen()
    clock.advance(seconds=1)
    no_more = await seen()
    await services.write(beat)
    again = await seen()

    assert [never, at_once, still, no_more, again] == [
        (False, True), (True, True), (True, True), (False, True), (True, True)
    ]  # fmt: skip


async def test_a_worker_inside_is_seen_while_each_of_its_steps_goes_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(settings.model_copy(update={"worker": True}))
    transport = ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=transport, base_url="http://heard.test", trust_env=False) as anyone,
    ):
        working = (await anyone.get("/readyz")).json()
        monkeypatch.setattr("app.watch.pulse.STALLED_SECONDS", -60.0)
        stalled = (await anyone.get("/readyz")).json()

    assert (working["worker"], stalled["worker"], stalled["ready"]) == (True, False, True)


async def test_a_snapshot_nobody_could_refresh_turns_readiness_red(
    anyone: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.edge.readiness.STALE_SECONDS", -1.0)
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
