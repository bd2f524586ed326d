"""A job commits with what asked for it, is done at least once, and never goes missing."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from app.db import jobs
from app.db.database import Database
from app.db.jobs import LEASE, MOST_ATTEMPTS, Again, Job, State
from app.errors import NotFoundError
from tests.store.test_database import database

__all__ = ["database"]
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
KINDS = {"mail", "sweep"}


async def ask(database: Database, key: str, *, kind: str = "mail", at: datetime = NOW, **data: Any) -> None:
    await database.write(partial(jobs.enqueue, kind=kind, key=key, due_at=at, now=NOW, data=data))


async def take(database: Database, *, at: datetime = NOW) -> Job:
    job = await database.write(partial(jobs.claim, kinds=KINDS, now=at))
    assert job is not None
    return job


async def is_idle(database: Database, *, at: datetime = NOW) -> bool:
    """Whether nothing can be taken, by asking and by trying."""
    due = await database.read(partial(jobs.anything_due, kinds=KINDS, now=at))
    assert (await database.write(partial(jobs.claim, kinds=KINDS, now=at)) is not None) == due
    return not due


async def everything(database: Database, *, at: datetime = NOW) -> list[Job]:
    return await database.read(partial(jobs.page, state=None, after=None, limit=100, now=at))


async def kill(database: Database, key: str) -> Job:
    """Let a job fail until it is dead."""
    await ask(database, key)
    at = NOW
    for _ in range(MOST_ATTEMPTS):
        job = await take(database, at=at)
        assert await database.write(partial(jobs.fail, job=job, error="Trouble", now=at, chance=0))
        at += timedelta(hours=1)
    (dead,) = [each for each in await everything(database) if each.key == key]
    return dead


async def test_a_job_is_there_only_if_its_transaction_was_committed(database: Database) -> None:
    def ask_and_fail(session: Session) -> None:
        jobs.enqueue(session, "mail", "a", due_at=NOW, now=NOW)
        raise NotFoundError

    with pytest.raises(NotFoundError):
        await database.write(ask_and_fail)

    assert await everything(database) == []


async def test_jobs_are_taken_when_they_are_due_the_longest_due_first(database: Database) -> None:
    for key, minutes in (("later", 2), ("soon", 1), ("long_ago", -5)):
        await ask(database, key, at=NOW + minutes * MINUTE)

    first = await take(database)
    assert first.key == "long_ago"
    await database.write(partial(jobs.complete, job=first, now=NOW))
    assert await is_idle(database)
    assert await is_idle(database, at=NOW + MINUTE - SECOND / 1_000_000)
    assert [(await take(database, at=NOW + 2 * MINUTE)).key for _ in "ab"] == ["soon", "later"]


async def test_what_is_done_is_gone(database: Database) -> None:
    await ask(database, "a", ticket_id=str(UUID(int=1)), count=2)
    job = await take(database)

    assert (job.data, job.state) == ({"ticket_id": str(UUID(int=1)), "count": 2}, State.RUNNING)
    assert await database.write(partial(jobs.complete, job=job, now=NOW))
    assert await everything(database) == []


async def test_a_request_that_came_meanwhile_runs_again_and_not_at_the_same_time(database: Database) -> None:
    await ask(database, "a", count=1)
    first = await take(database)
    await ask(database, "a", count=2)
    assert await is_idle(database)
    await database.write(partial(jobs.complete, job=first, now=NOW))

    second = await take(database)

    assert (second.generation, second.attempts, second.data) == (2, 1, {"count": 2})
    assert second.id == first.id


@pytest.mark.parametrize(
    ("first", "second", "due"),
    [pytest.param(5, 1, 1, id="earlier"), pytest.param(1, 5, 1, id="later")],
)
async def test_of_two_requests_that_wait_the_earlier_time_counts(
    database: Database, first: int, second: int, due: int
) -> None:
    await ask(database, "a", at=NOW + first * MINUTE)
    await ask(database, "a", at=NOW + second * MINUTE)

    (job,) = await everything(database)
    assert (job.due_at, job.generation) == (NOW + due * MINUTE, 2)


async def test_a_job_that_runs_again_does_so_as_it_says_unless_someone_asked_meanwhile(
    database: Database,
) -> None:
    meanwhile = {"sooner": NOW + MINUTE, "later": NOW + 90 * MINUTE}
    for key in ("calm", *meanwhile):
        await ask(database, key, count=1)
        job = await take(database)
        if key in meanwhile:
            await ask(database, key, at=meanwhile[key], count=7)
        again = Again(NOW + 60 * MINUTE, {"count": 2})
        assert await database.write(partial(jobs.complete, job=job, now=NOW, again=again))

    found = {job.key: (job.state, job.due_at, job.data) for job in await everything(database)}

    assert found == {
        "calm": (State.WAITING, NOW + 60 * MINUTE, {"count": 2}),
        "sooner": (State.WAITING, NOW + MINUTE, {"count": 7}),
        "later": (State.WAITING, NOW + 90 * MINUTE, {"count": 7}),
    }


async def test_a_lease_that_ran_out_is_taken_again_and_its_first_holder_changes_nothing_more(
    database: Database,
) -> None:
    await ask(database, "a")
    slow = await take(database)
    assert await is_idle(database, at=NOW + LEASE - SECOND)
    quick = await take(database, at=NOW + LEASE)

    failed = await database.write(partial(jobs.fail, job=slow, error="Late", now=NOW + LEASE, chance=0))
    completed = await database.write(partial(jobs.complete, job=slow, now=NOW + LEASE, again=Again(NOW)))

    assert (failed, completed) == (False, False)
    (job,) = await everything(database, at=NOW + LEASE)
    assert (job.state, job.attempts, job.generation, job.error) == (State.RUNNING, 2, 1, None)
    assert await database.write(partial(jobs.complete, job=quick, now=NOW + LEASE))


async def test_a_failure_is_pushed_away_and_says_what_went_wrong(database: Database) -> None:
    await ask(database, "a")
    job = await take(database)
    await database.write(partial(jobs.fail, job=job, error="TimeoutError", now=NOW, chance=0))

    (failed,) = await everything(database)
    assert (failed.state, failed.error) == (State.WAITING, "TimeoutError")
    assert failed.due_at == NOW + jobs.wait(1, chance=0) > NOW
    assert await is_idle(database, at=failed.due_at - SECOND)
    assert (await take(database, at=failed.due_at)).attempts == 2


async def test_a_newer_request_does_not_wait_for_the_failure_of_an_older_one(database: Database) -> None:
    await ask(database, "a")
    job = await take(database)
    await ask(database, "a")
    await database.write(partial(jobs.fail, job=job, error="Trouble", now=NOW, chance=0))

    assert (await take(database)).attempts == 1


async def test_after_enough_failures_a_job_is_dead_until_it_is_replayed(database: Database) -> None:
    dead = await kill(database, "a")
    far = NOW + timedelta(days=365)

    assert (dead.state, dead.attempts, dead.error) == (State.DEAD, MOST_ATTEMPTS, "Trouble")
    assert await is_idle(database, at=far)
    assert (await database.read(partial(jobs.counts, now=far)))[State.DEAD] == 1

    replayed = await database.write(partial(jobs.replay, job_id=dead.id, now=far))

    assert (replayed.state, replayed.due_at, replayed.attempts, replayed.error) == (
        State.WAITING,
        far,
        0,
        None,
    )
    assert (await take(database, at=far)).attempts == 1


async def test_only_a_dead_job_is_replayed(database: Database) -> None:
    await ask(database, "a")
    (job,) = await everything(database)

    with pytest.raises(jobs.NotDeadError):
        await database.write(partial(jobs.replay, job_id=job.id, now=NOW))
    with pytest.raises(NotFoundError):
        await database.write(partial(jobs.replay, job_id=UUID(int=1), now=NOW))


async def test_asking_for_a_dead_job_brings_it_back(database: Database) -> None:
    await kill(database, "a")
    await ask(database, "a", at=NOW + MINUTE)

    (job,) = await everything(database)
    assert (job.state, job.due_at, job.error) == (State.WAITING, NOW + MINUTE, None)


async def test_a_job_that_takes_every_worker_down_with_it_is_dead_in_the_end(database: Database) -> None:
    await ask(database, "a")
    at = NOW
    for _ in range(MOST_ATTEMPTS):
        await take(database, at=at)
        at += LEASE

    assert await database.write(partial(jobs.claim, kinds=KINDS, now=at)) is None
    (job,) = await everything(database, at=at)
    assert (job.state, job.error) == (State.DEAD, "lease_ran_out")


async def test_kinds_that_only_newer_code_knows_are_left_alone(database: Database) -> None:
    await ask(database, "a", kind="unknown", at=NOW - MINUTE)
    await ask(database, "b")

    assert (await take(database)).key == "b"
    assert await is_idle(database)
    (unknown,) = [job for job in await everything(database) if job.kind == "unknown"]
    assert (unknown.state, unknown.attempts, unknown.generation) == (State.WAITING, 0, 1)


async def test_jobs_are_counted_and_listed_by_where_they_stand(database: Database) -> None:
    await kill(database, "dead")
    await ask(database, "running")
    await take(database)
    await ask(database, "crashed", at=NOW - LEASE)
    await take(database, at=NOW - LEASE)
    await ask(database, "later", at=NOW + MINUTE)

    counted = await database.read(partial(jobs.counts, now=NOW))
    listed = {
        state: sorted(
            job.key
            for job in await database.read(partial(jobs.page, state=state, after=None, limit=9, now=NOW))
        )
        for state in State
    }

    assert counted == {State.WAITING: 2, State.RUNNING: 1, State.DEAD: 1}
    assert listed == {
        State.WAITING: ["crashed", "later"],
        State.RUNNING: ["running"],
        State.DEAD: ["dead"],
    }


@pytest.mark.parametrize(
    "data",
    [
        {"email": "ana@example.org"},
        {"name": "Ana"},
        {"phone": "+351912345678"},
        {"text": "the lift is stuck"},
        {"Ana Maria": 1},
        {"list": ["a"]},
        {"more": {"a": 1}},
    ],
)
async def test_a_job_holds_nothing_that_may_name_a_person(database: Database, data: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        await database.write(partial(jobs.enqueue, kind="mail", key="a", due_at=NOW, now=NOW, data=data))
    with pytest.raises(ValueError, match="ids, codes and numbers"):
        await ask(database, "ana@example.org")
