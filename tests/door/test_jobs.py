"""Operators see what waits, runs and gave up; the worker does what is due, and outlives what it meets."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from app.db import jobs
from app.db.jobs import Again, Job
from app.models.events import Idempotency
from app.policies.changes import REJUDGING
from app.services import Services
from app.watch import retention
from app.worker import chores, loop
from app.worker import jobs as worker
from tests.acts import read
from tests.cast import Cast
from tests.conftest import TestClock
from tests.flow.test_retention import keep_keys


async def ask(services: Services, key: str, *, kind: str = "mail", **data: Any) -> None:
    now = services.clock()
    await services.write(partial(jobs.enqueue, kind=kind, key=key, due_at=now, now=now, data=data))


async def listed(cast: Cast, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await read(cast.admin, f"/v1/jobs{query}"))["data"]
    return found


class Doing:
    """A handler that keeps what it was given, and meets trouble as often as it is told to."""

    def __init__(self, *, failing: int = 0, again: Again | None = None) -> None:
        self.failing, self.again = failing, again
        self.done: list[Job] = []

    async def __call__(self, _services: Services, job: Job) -> Again | None:
        self.done.append(job)
        if len(self.done) <= self.failing:
            raise ZeroDivisionError
        return self.again


async def kill(cast: Cast, services: Services, clock: TestClock, key: str) -> dict[str, Any]:
    """Let a job fail until it is dead."""
    await ask(services, key, count=1)
    trouble = Doing(failing=99)
    for _ in range(jobs.MOST_ATTEMPTS):
        assert await worker.work(services, {"mail": trouble}) == 1
        clock.advance(hours=2)
    assert await worker.work(services, {"mail": trouble}) == 0
    (dead,) = await listed(cast, "?state=dead")
    return dead


async def test_a_job_is_done_once_and_gone(cast: Cast, services: Services) -> None:
    doing = Doing()
    await ask(services, "a", count=2)

    assert [await worker.work(services, {"mail": doing}) for _ in "ab"] == [1, 0]
    assert [(job.key, job.data, job.attempts) for job in doing.done] == [("a", {"count": 2}, 1)]
    assert await listed(cast) == []


async def test_a_failed_job_waits_and_is_tried_again_while_others_are_done(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    bad, good = Doing(failing=1), Doing()
    handlers = {"mail": bad, "sweep": good}
    await ask(services, "a")
    clock.advance(seconds=1)
    await ask(services, "b", kind="sweep")

    assert [await worker.work(services, handlers) for _ in "abc"] == [1, 1, 0]
    (job,) = await listed(cast)
    assert (job["key"], job["state"], job["error"], job["attempts"]) == (
        "a",
        "waiting",
        "ZeroDivisionError",
        1,
    )
    clock.advance(seconds=2)
    assert await worker.work(services, handlers) == 1
    assert (len(bad.done), len(good.done)) == (2, 1)
    assert await listed(cast) == []


async def test_a_job_that_hangs_is_given_up_before_another_worker_may_have_it(
    cast: Cast, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert timedelta(seconds=worker.PATIENCE_SECONDS) < jobs.LEASE
    monkeypatch.setattr(worker, "PATIENCE_SECONDS", 0.01)
    await ask(services, "a")

    async def hang(_services: Services, _job: Job) -> None:
        await asyncio.Event().wait()

    assert await worker.work(services, {"mail": hang}) == 1
    (job,) = await listed(cast)
    assert (job["state"], job["error"]) == ("waiting", "TimeoutError")


async def test_a_job_may_say_when_it_runs_again(cast: Cast, services: Services, clock: TestClock) -> None:
    doing = Doing(again=Again(clock() + timedelta(hours=1), {"page": 2}))
    await ask(services, "a")

    assert [await worker.work(services, {"mail": doing}) for _ in "ab"] == [1, 0]
    (job,) = await listed(cast)
    assert (job["due_at"], job["data"], job["state"]) == ("2026-03-02T10:00:00Z", {"page": 2}, "waiting")


async def test_a_kind_only_newer_code_knows_stays(cast: Cast, services: Services) -> None:
    await ask(services, "a", kind="unknown")

    assert await worker.work(services, chores.HANDLERS) == 0
    assert [(job["state"], job["attempts"]) for job in await listed(cast)] == [("waiting", 0)]


async def test_every_chore_has_its_handler_and_is_asked_for_at_the_start(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    for _ in "ab":
        await services.write(partial(chores.start, now=clock()))

    asked = await listed(cast)
    every = {chores.RETENTION, chores.CLOSING, REJUDGING}
    assert {job["kind"] for job in asked} == set(chores.HANDLERS) == every
    assert len(asked) == len(chores.HANDLERS)


async def test_chores_are_done_piece_by_piece_and_then_rest_for_a_while(
    cast: Cast, services: Services, clock: TestClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PIECE", 2)
    await services.write(partial(keep_keys, expiries=[clock()] * 5))
    await services.write(partial(chores.start, now=clock()))

    rounds = 0
    while await loop.do_jobs(services):
        rounds += 1

    assert rounds == 1 + 3 + 1 + 1
    keys = select(func.count()).select_from(Idempotency)
    assert await services.read(lambda session: session.scalars(keys).one()) == 0
    assert {(job["kind"], job["state"], job["due_at"]) for job in await listed(cast)} == {
        (chores.RETENTION, "waiting", "2026-03-02T09:15:00Z"),
        (chores.CLOSING, "waiting", "2026-03-02T09:15:00Z"),
        (REJUDGING, "waiting", "2026-03-02T09:00:30Z"),  # once more, and then no more
    }
    clock.advance(minutes=15)
    assert await loop.do_jobs(services) == 1


async def test_a_dead_job_is_seen_and_replayed(cast: Cast, services: Services, clock: TestClock) -> None:
    dead = await kill(cast, services, clock, "a")
    assert (dead["error"], dead["attempts"], dead["dead_at"] is None) == (
        "ZeroDivisionError",
        jobs.MOST_ATTEMPTS,
        False,
    )

    answer = await cast.admin.post(f"/v1/jobs/{dead['id']}/replay")

    assert (answer.status_code, answer.json()["state"], answer.json()["attempts"]) == (200, "waiting", 0)
    assert await listed(cast, "?state=dead") == []
    doing = Doing()
    assert await worker.work(services, {"mail": doing}) == 1
    assert [job.data for job in doing.done] == [{"count": 1}]


async def test_only_what_is_dead_is_replayed(cast: Cast, services: Services) -> None:
    await ask(services, "a")
    (job,) = await listed(cast)

    answer = await cast.admin.post(f"/v1/jobs/{job['id']}/replay")
    unknown = await cast.admin.post(f"/v1/jobs/{UUID(int=1)}/replay")

    assert (answer.status_code, answer.json()["code"]) == (409, "job_not_dead")
    assert unknown.status_code == 404


async def test_jobs_are_listed_page_by_page(cast: Cast, services: Services, clock: TestClock) -> None:
    for number in range(5):
        await ask(services, f"job{number}")
        clock.advance(seconds=1)
    pages, cursor = [], ""
    while True:
        page = await read(cast.admin, f"/v1/jobs?state=waiting&limit=2{cursor}")
        pages.append([job["key"] for job in page["data"]])
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert pages == [["job0", "job1"], ["job2", "job3"], ["job4"]]
    elsewhere = await cast.admin.get(f"/v1/jobs?limit=2{cursor}")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (400, "bad_cursor")
    assert (await cast.admin.get("/v1/jobs?state=lost")).status_code == 422


async def test_only_an_admin_sees_jobs(cast: Cast) -> None:
    for caller in (cast.alice, cast.crm, cast.visitor):
        assert (await caller.get("/v1/jobs")).status_code == 403


async def test_a_chore_that_died_of_long_trouble_lives_again(
    cast: Cast, services: Services, clock: TestClock
) -> None:
    await loop.ask_for_chores(services)
    trouble = {chores.RETENTION: Doing(failing=99)}
    for _ in range(jobs.MOST_ATTEMPTS):
        await worker.work(services, trouble)
        clock.advance(hours=2)
    (dead,) = await listed(cast, "?state=dead")

    await loop.ask_for_chores(services)

    assert dead["kind"] == chores.RETENTION
    assert await listed(cast, "?state=dead") == []
    while await loop.do_jobs(services):
        pass
    assert {job["state"] for job in await listed(cast)} == {"waiting"}
