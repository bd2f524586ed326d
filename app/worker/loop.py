"""The worker: loops that let time pass.

A step asks by reading whether there is anything to do, and writes only then: an idle worker leaves the writer
alone, and can ask often enough to assign within milliseconds. A step is short: one that takes longer than
`STALLED_SECONDS` looks dead from outside.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from app.access import store as access
from app.db.database import Lane
from app.logs import get_logger
from app.services import Services
from app.watch import assigning, falling_due, heartbeat_store, publishing
from app.worker import chores
from app.worker.jobs import work

IDLE_SECONDS = 0.05
TROUBLE_SECONDS = 1.0
JOBS_SECONDS = 0.25
CHORES_SECONDS = 3600.0
USES_SECONDS = 30.0
BEAT_SECONDS = 3.0
WATCHED_AT_ONCE, WATCHED_AT_ONCE_EMBEDDED = 200, 25
LAST_STEP_SECONDS = 10.0
_log = get_logger("worker.loop")
Step = Callable[[Services], Awaitable[bool]]
"""Does a little, and tells whether there is more to do at once."""


@asynccontextmanager
async def working(services: Services) -> AsyncIterator[None]:
    """Run the worker inside this process for as long as the context lasts; steps in hand are finished."""
    steps: list[tuple[str, Step, float]] = [("uses", note_uses, USES_SECONDS)]
    if services.settings.worker:
        steps += [("assign", assign, IDLE_SECONDS), ("watch", watch_clocks, IDLE_SECONDS)]
        steps += [("publish", publish_events, IDLE_SECONDS)]
        steps += [("chores", ask_for_chores, CHORES_SECONDS), ("jobs", do_jobs, JOBS_SECONDS)]
        if not services.settings.embedded:  # with the embedded database there is nobody else to tell
            steps += [("beat", beat, BEAT_SECONDS)]
    tasks = [
        asyncio.create_task(repeat(services, name, step, idle_seconds=idle), name=f"heard-worker-{name}")
        for name, step, idle in steps
    ]
    try:
        yield
    finally:
        services.pulse.stopping.set()
        _, hanging = await asyncio.wait(tasks, timeout=LAST_STEP_SECONDS)
        for task in hanging:
            _log.warning("a step was given up", where=task.get_name())
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


async def assign(services: Services) -> bool:
    """Assign waiting tickets once, and tell whether there may be more."""
    if not await services.read(assigning.someone_can_take):
        return False
    assigned = await services.write(partial(assigning.assign_waiting, now=services.clock()), lane=Lane.WORKER)
    return assigned == assigning.MOST


async def watch_clocks(services: Services) -> bool:
    """Say what fell due, and tell whether there may be more."""
    if not await services.read(partial(falling_due.anything_due, now=services.clock())):
        return False
    most = WATCHED_AT_ONCE_EMBEDDED if services.settings.embedded else WATCHED_AT_ONCE
    say = partial(falling_due.say_what_is_due, now=services.clock(), most=most)
    return await services.write(say, lane=Lane.WORKER) == most


async def publish_events(services: Services) -> bool:
    """Publish what gathered since the last time, and tell whether there may be more.

    One at a time they would cost the writer as much as the submissions that caused them.
    """
    if not await services.read(publishing.anything_to_publish):
        return False
    return await services.write(publishing.publish, lane=Lane.WORKER) == publishing.MOST


async def ask_for_chores(services: Services) -> bool:
    """Ask for every chore, at the start and now and then: one that died of long trouble lives again."""
    await services.write(partial(chores.start, now=services.clock()), lane=Lane.WORKER)
    return False


async def do_jobs(services: Services) -> bool:
    """Do a job that is due, and tell whether there was one."""
    return await work(services, chores.HANDLERS)


async def note_uses(services: Services) -> bool:
    """Write down when keys were last used; the next time is soon enough for more."""
    seen, services.configuration.used = services.configuration.used, {}
    if not seen:
        return False
    try:
        await services.write(partial(access.note_use, seen=seen), lane=Lane.WORKER)
    except Exception:
        services.configuration.used = seen | services.configuration.used
        raise
    return False


async def beat(services: Services) -> bool:
    """Tell the other processes that this worker does its work; one whose steps hang keeps silent."""
    if services.pulse.beating:
        sign = partial(heartbeat_store.beat, process=services.pulse.process, now=services.clock())
        await services.write(sign, lane=Lane.WORKER)
    return False


async def repeat(services: Services, name: str, step: Step, *, idle_seconds: float) -> None:
    """Step until the end; rest unless there is more to do, and after trouble try again."""
    pulse = services.pulse
    pulse.begin(name)
    while not pulse.stopping.is_set():
        try:
            more = await step(services)
        except Exception as error:  # noqa: BLE001  (the worker outlives whatever a step meets)
            _log.warning("a step failed", where=name, error=type(error).__name__)
            pulse.note_failure(name)
            await pulse.rest(TROUBLE_SECONDS)
            continue
        rest = 0.0 if more else idle_seconds
        pulse.note_success(name, now=services.clock(), rests_seconds=rest)
        if rest:
            await pulse.rest(rest)
