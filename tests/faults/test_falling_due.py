"""A worker killed again and again while clocks fall due: each warning and breach is said once, exactly."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import Random

import pytest

from app import clock
from app.settings import Settings
from tests import databases
from tests.faults.form import FULL, SEED, Figures, at_length
from tests.faults.notices import Promised, all_said, judge, promise
from tests.faults.running import Heard, running, working
from tests.faults.waiting import until

KINDS = [kind for kind in ("sqlite", "pg16") if kind in databases.KINDS]
KILL_AFTER = (0.05, 0.8)


@dataclass(frozen=True, slots=True)
class Form:
    """How many clocks fall due (two a ticket), how long after they were posted, in which time; and kills."""

    clocks: int
    after: timedelta
    over: timedelta
    kills: int


FORM = (
    Form(10_000, timedelta(seconds=15), timedelta(seconds=45), 20)
    if FULL
    else Form(1_500, timedelta(seconds=4), timedelta(seconds=5), 4)
)


@asynccontextmanager
async def at_work(settings: Settings, server: Heard) -> AsyncIterator[Heard]:
    """Give the process in which the worker is: the server itself, or one of its own on PostgreSQL."""
    if settings.embedded:
        yield server
    else:
        async with working(settings) as worker:
            yield worker


async def posted(server: Heard) -> Promised:
    first = clock.now() + FORM.after
    caller = server.caller()
    try:
        return await promise(caller, FORM.clocks // 2, first=first, over=FORM.over)
    finally:
        caller.close()


async def kill_often(worker: Heard, promised: Promised, *, times: int) -> None:
    """Kill it and start it again, from the moment on when the first clock falls due."""
    random = Random(SEED)
    await until(lambda: clock.now() > promised.until - FORM.over, seconds=60)
    for _ in range(times):
        await asyncio.sleep(random.uniform(*KILL_AFTER))
        await worker.kill()
        await worker.start()


@pytest.mark.parametrize("kind", KINDS, indirect=True)
async def test_a_killed_worker_says_everything_once_and_misses_nothing(
    empty_settings: Settings, figures: Figures
) -> None:
    embedded = empty_settings.embedded
    async with running(empty_settings, worker=embedded) as server, at_work(empty_settings, server) as worker:
        promised = await posted(server)
        await kill_often(worker, promised, times=FORM.kills)
        await all_said(empty_settings, promised, seconds=120)

    verdict = await judge(empty_settings, promised)
    figures(verdict, faults=FORM.kills)
    assert verdict.clean, verdict


@at_length
@pytest.mark.parametrize("kind", KINDS[:1], indirect=True)
async def test_a_worker_that_keeps_what_it_said_apart_is_seen_to_say_it_twice(
    empty_settings: Settings,
) -> None:
    async with running(empty_settings, without="keep_what_was_said_apart") as server:
        promised = await posted(server)
        await kill_often(server, promised, times=FORM.kills // 2)
        await all_said(empty_settings, promised, seconds=300)

    verdict = await judge(empty_settings, promised)
    assert verdict.doubled
    assert not verdict.lost
