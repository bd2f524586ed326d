"""Do the jobs that are due: claim one, let its handler act, put it away or push it away."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from app.db import jobs
from app.db.database import Lane
from app.db.jobs import Again, Job
from app.logs import get_logger
from app.services import Services

Handler = Callable[[Services, Job], Awaitable[Again | None]]
"""What a kind of job does, in transactions of its own; it may be called again for what it did already.

It returns when to run again, or None when that was all.
"""

PATIENCE_SECONDS = 8.0
_CHANCES = 1024
_log = get_logger("worker.jobs")


async def work(services: Services, handlers: Mapping[str, Handler]) -> bool:
    """Do the job that is longest due, and tell whether there was one, done or failed."""
    if not await services.read(partial(jobs.anything_due, kinds=handlers, now=services.clock())):
        return False
    claiming = partial(jobs.claim, kinds=handlers, now=services.clock())
    job = await services.write(claiming, lane=Lane.WORKER)
    if job is None:
        return False
    try:
        # Long before another worker may have it, and before the loop looks dead from outside.
        async with asyncio.timeout(PATIENCE_SECONDS):
            again = await handlers[job.kind](services, job)
    except Exception as error:  # noqa: BLE001  (the queue outlives whatever a job meets)
        await _push_away(services, job, error)
    else:
        done = partial(jobs.complete, job=job, now=services.clock(), again=again)
        await services.write(done, lane=Lane.WORKER)
    return True


async def _push_away(services: Services, job: Job, error: Exception) -> None:
    name = type(error).__name__
    _log.warning("a job failed", code=job.kind, attempt=job.attempts, error=name)
    chance = secrets.randbelow(_CHANCES) / _CHANCES
    failing = partial(jobs.fail, job=job, error=name, now=services.clock(), chance=chance)
    await services.write(failing, lane=Lane.WORKER)
