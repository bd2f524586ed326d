"""The worker: loops that let time pass.

A step asks by reading whether there is anything to do, and writes only then: an idle worker leaves the writer
alone, and can ask often enough to assign within milliseconds.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

from app.access import store as access
from app.db.database import Lane
from app.logs import get_logger
from app.services import Services
from app.watch.assigning import assign_waiting, someone_can_take
from app.watch.publishing import anything_to_publish, publish

IDLE_SECONDS = 0.05
TROUBLE_SECONDS = 1.0
USES_SECONDS = 30.0
_log = get_logger("worker.loop")
Step = Callable[[Services], Awaitable[int]]


@asynccontextmanager
async def working(services: Services) -> AsyncIterator[None]:
    """Run the worker inside this process for as long as the context lasts."""
    steps: list[tuple[str, Step, float]] = [("uses", note_uses, USES_SECONDS)]
    if services.settings.worker:
        steps += [("assign", assign, IDLE_SECONDS), ("publish", publish_events, IDLE_SECONDS)]
    tasks = [
        asyncio.create_task(repeat(services, name, step, idle_seconds=idle), name=f"heard-worker-{name}")
        for name, step, idle in steps
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


async def assign(services: Services) -> int:
    """Assign waiting tickets once, and return how many were."""
    if not await services.read(someone_can_take):
        return 0
    return await services.write(partial(assign_waiting, now=services.clock()), lane=Lane.WORKER)


async def publish_events(services: Services) -> int:
    """Publish events once, and return how many were."""
    if not await services.read(anything_to_publish):
        return 0
    return await services.write(publish, lane=Lane.WORKER)


async def note_uses(services: Services) -> int:
    """Write down when keys were last used, and answer 0: the next time is soon enough."""
    seen, services.configuration.used = services.configuration.used, {}
    if not seen:
        return 0
    try:
        await services.write(partial(access.note_use, seen=seen), lane=Lane.WORKER)
    except Exception:
        services.configuration.used = seen | services.configuration.used
        raise
    return 0


async def repeat(services: Services, name: str, step: Step, *, idle_seconds: float) -> None:
    """Step until there is nothing to do, then rest; trouble is logged and tried again."""
    while True:
        try:
            found = await step(services)
        except Exception as error:  # noqa: BLE001  (the worker outlives whatever a step meets)
            _log.warning("a step failed", where=name, error=type(error).__name__)
            await asyncio.sleep(TROUBLE_SECONDS)
            continue
        if not found:
            await asyncio.sleep(idle_seconds)
