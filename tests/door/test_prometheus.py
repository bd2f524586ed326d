"""Prometheus is told what this process did, in its own language, and nothing about anybody."""

import re
from collections.abc import Iterable
from datetime import timedelta
from functools import partial

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import jobs
from app.errors import OverloadedError, UnavailableError
from app.main import create_app
from app.services import Services
from app.settings import Settings
from app.worker import loop
from tests.cast import Cast
from tests.conftest import TestClock

KINDS_OF_LABEL = {
    "method",
    "route",
    "status",
    "code",
    "outcome",
    "state",
    "step",
    "le",
    "version",
    "python",
    "database",
}
SECRET_WORDS = "canary-4711"


@pytest.fixture
async def app(own_app: FastAPI) -> FastAPI:
    """An application of the test's own, that has counted nothing yet."""
    return own_app


def values(families: Iterable[Metric]) -> dict[str, float]:
    """Return each sample by its name and labels, as Prometheus writes them."""
    return {
        sample.name
        + "".join(f" {k}={v}" for k, v in sorted(sample.labels.items()) if k != "le"): sample.value
        for family in families
        for sample in family.samples
    }


async def figures(client: AsyncClient) -> dict[str, float]:
    return values(plain((await client.get("/metrics")).text))


async def test_requests_are_counted_by_route_and_never_by_what_was_asked(
    cast: Cast, anyone: AsyncClient
) -> None:
    ticket = (await cast.crm.post("/v1/feedback", json={"kind": "complaint", "text": SECRET_WORDS})).json()
    await cast.admin.get(f"/v1/tickets/{ticket['id']}", params={"nothing": SECRET_WORDS})
    await cast.admin.get(f"/v1/tickets/{ticket['id']}")
    await anyone.get(f"/{SECRET_WORDS}")
    await anyone.get("/wp-login.php")
    await anyone.request("FROB", "/")
    await anyone.put("/livez")
    told = (await anyone.get("/metrics")).text
    found = values(plain(told))

    assert found["heard_http_requests_total method=POST route=/v1/feedback status=201"] == 1
    assert found["heard_http_requests_total method=GET route=/v1/tickets/{ticket_id} status=200"] == 1
    assert found["heard_http_requests_total method=GET route=unmatched status=404"] == 2
    assert found["heard_http_request_duration_seconds_count method=POST route=/v1/feedback"] == 1
    assert found["heard_http_request_duration_seconds_sum method=POST route=/v1/feedback"] > 0
    assert [name for name in found if "method=other" in name]
    assert "FROB" not in told
    assert SECRET_WORDS not in told
    assert ticket["id"] not in told


async def test_labels_hold_nothing_but_names_of_ours(cast: Cast, anyone: AsyncClient) -> None:
    await cast.crm.post("/v1/feedback", json={"kind": "complaint", "text": "x"})
    families = list(plain((await anyone.get("/metrics")).text))
    samples = [sample for family in families for sample in family.samples]
    identifier = re.compile(r"[0-9a-f]{8}-|H-\w{5}|heard_[sp]k_|\?|@")

    assert {label for sample in samples for label in sample.labels} <= KINDS_OF_LABEL
    assert not [value for sample in samples for value in sample.labels.values() if identifier.search(value)]
    for family in families:
        own = family.name.removeprefix("heard_")
        assert not re.search(r"milli|_ms\b|minutes|kb\b|count$", own)
        if family.type == "counter":
            assert {sample.name for sample in family.samples} <= {f"{family.name}_total"}


async def test_submissions_are_counted_by_what_became_of_them(cast: Cast, anyone: AsyncClient) -> None:
    post = cast.crm.post
    body = {"kind": "comment", "text": "x", "external_id": "1"}
    await post("/v1/feedback", json=body)
    await post("/v1/feedback", json=body)
    await post("/v1/feedback", json=body | {"text": "y"})
    for words in ("x", "x", "y"):
        headers = {"idempotency-key": "k"}
        await post("/v1/feedback", json={"kind": "comment", "text": words}, headers=headers)
    found = await figures(anyone)

    outcomes = {name.partition("=")[2]: n for name, n in found.items() if "submissions_total" in name}
    assert outcomes == {"stored": 2, "duplicate": 1, "conflict": 1, "replayed": 1, "reused": 1}
    assert found["heard_intake_flush_submissions_count"] == 6
    assert found["heard_intake_flush_submissions_sum"] == 6
    assert found["heard_intake_flush_duration_seconds_sum"] > 0
    assert found["heard_intake_waiting_rows"] == 0


async def test_trouble_is_counted(
    cast: Cast, anyone: AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_session: object, _batch: object) -> list[object]:
        raise UnavailableError

    def full(_line: object, _rows: int, _size: int) -> None:
        raise OverloadedError

    def break_off(session: Session) -> None:
        session.execute(text("ROLLBACK"))
        raise ConnectionResetError

    async def fail(_services: Services) -> bool:
        services.pulse.stopping.set()
        raise UnavailableError

    monkeypatch.setattr(services.intake, "_flush", refuse)
    await cast.crm.post("/v1/feedback", json={"kind": "comment", "text": "x"})
    monkeypatch.setattr("app.db.group._Line.check_room", full)
    await cast.crm.post("/v1/feedback", json={"kind": "comment", "text": "x"})
    with pytest.raises(UnavailableError):
        await services.write(break_off)
    await loop.repeat(services, "assign", fail, idle_seconds=60)
    found = await figures(anyone)

    assert found["heard_intake_submissions_total outcome=failed"] == 1
    assert found["heard_intake_overloads_total"] == 1
    assert found["heard_database_commit_failures_total"] == 1
    assert found["heard_intake_flusher_restarts_total"] == 0
    assert found["heard_worker_step_failures_total step=assign"] == 1
    assert "heard_worker_steps_total step=assign" not in found


async def test_the_process_says_what_and_how_it_is(anyone: AsyncClient, settings: Settings) -> None:
    found = await figures(anyone)

    kind = "sqlite" if settings.embedded else "postgresql"
    assert [name for name in found if name.startswith(f"heard_build_info database={kind} ")]
    assert (found["heard_ready"], found["heard_worker_up"]) == (1, 0)
    assert found["process_resident_memory_bytes"] > 0
    assert 0 <= found["heard_configuration_age_seconds"] < 10
    assert found["heard_database_commits_total"] > 0
    assert ("heard_sqlite_wal_bytes" in found, "heard_disk_free_bytes" in found) == (settings.embedded,) * 2


async def test_newer_collectors_get_open_metrics(anyone: AsyncClient) -> None:
    answer = await anyone.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert values(openmetrics(answer.text))["heard_ready"] == 1  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("version", ["abc", "1.x", ""])
async def test_a_version_that_is_no_number_gets_what_everybody_reads(
    anyone: AsyncClient, version: str
) -> None:
    answer = await anyone.get(
        "/metrics", headers={"accept": f"application/openmetrics-text;version={version}"}
    )

    assert (answer.status_code, "heard_ready 1.0" in answer.text) == (200, True)


async def test_jobs_are_counted_by_where_they_stand_and_the_dead_are_seen(
    anyone: AsyncClient, services: Services, clock: TestClock
) -> None:
    def kill(session: Session) -> None:
        for attempts in range(jobs.MOST_ATTEMPTS):
            job = jobs.claim(session, {"mail"}, now=clock() + attempts * timedelta(hours=1))
            assert job is not None
            jobs.fail(session, job, error="Trouble", now=clock(), chance=0)

    before = await figures(anyone)
    await services.write(partial(jobs.enqueue, kind="mail", key="a", due_at=clock(), now=clock()))
    waiting = await figures(anyone)
    await services.write(kill)
    dead = await figures(anyone)

    states = [f"heard_jobs state={state}" for state in ("waiting", "running", "dead")]
    counts = [[each[state] - before[state] for state in states] for each in (waiting, dead)]
    assert counts == [[1, 0, 0], [0, 0, 1]]


async def test_two_applications_count_for_themselves(anyone: AsyncClient, settings: Settings) -> None:
    await anyone.get("/livez")
    other = create_app(settings)

    assert other.state.telemetry.requests == {}
