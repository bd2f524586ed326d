"""Several workers at one queue: nothing runs twice at the same time, nothing is forgotten."""

import asyncio
from collections import Counter
from functools import partial
from itertools import count

from app.db import jobs
from app.db.jobs import Job
from app.services import Services
from tests.conftest import TestClock

KINDS = {"mail"}


async def ask(services: Services, key: str) -> None:
    now = services.clock()
    await services.write(partial(jobs.enqueue, kind="mail", key=key, due_at=now, now=now))


async def claim(services: Services) -> Job | None:
    return await services.write(partial(jobs.claim, kinds=KINDS, now=services.clock()))


async def left(services: Services) -> list[Job]:
    return await services.read(partial(jobs.page, state=None, after=None, limit=100, now=services.clock()))


async def test_many_workers_take_each_job_once(services: Services) -> None:
    for number in range(12):
        await ask(services, f"job{number}")

    taken = await asyncio.gather(*(claim(services) for _ in range(12)))
    while more := await claim(services):
        taken.append(more)

    assert Counter(job.key for job in taken if job) == Counter({f"job{n}": 1 for n in range(12)})


async def test_no_request_is_lost_behind_one_that_is_just_being_done(services: Services) -> None:
    """Requests, claims and completions of one job all at once; a claim follows the last request."""
    steps = count()
    last_asked = last_claimed = busy = 0

    async def asking() -> None:
        nonlocal last_asked
        for _ in range(10):
            last_asked = next(steps)
            await ask(services, "same")

    async def working() -> None:
        nonlocal last_claimed, busy
        for _ in range(30):
            job = await claim(services)
            if job is None:
                continue
            last_claimed = next(steps)
            busy += 1
            assert busy == 1
            await asyncio.sleep(0)
            busy -= 1
            assert await services.write(partial(jobs.complete, job=job, now=services.clock()))

    await asyncio.gather(*(asking() for _ in range(3)), *(working() for _ in range(3)))
    await working()

    assert await left(services) == []
    assert last_claimed > last_asked


async def test_a_lease_that_ran_out_goes_to_one_other_worker(services: Services, clock: TestClock) -> None:
    await ask(services, "a")
    first = await claim(services)
    assert first is not None
    clock.advance(seconds=jobs.LEASE.total_seconds())

    taken = [job for job in await asyncio.gather(*(claim(services) for _ in range(6))) if job]
    finished = await asyncio.gather(
        *(services.write(partial(jobs.complete, job=job, now=clock())) for job in (first, *taken))
    )

    assert [job.attempts for job in taken] == [2]
    assert finished == [False, True]
    assert await left(services) == []
