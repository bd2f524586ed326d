"""What each kind of job does, and the chores that time brings by itself.

A chore does a piece, and says when it runs again: at once while there is more, else after a while.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app import clock
from app.db import jobs
from app.db.database import Lane
from app.db.jobs import Again, Job
from app.errors import UnavailableError
from app.logs import get_logger
from app.policies.changes import REJUDGING
from app.services import Services
from app.watch import closing, rejudging, retention
from app.watch.closing_store import Place
from app.worker.jobs import Handler

RETENTION, CLOSING = "retention", "closing"
SPELL_SECONDS = 2.0
A_MOMENT = timedelta(seconds=1)
LOOKED_AT_ONCE, REJUDGED_AT_ONCE, REJUDGED_AT_ONCE_EMBEDDED = 500, 100, 25
EVERY = timedelta(minutes=15)
_log = get_logger("worker.chores")


def start(session: Session, *, now: datetime) -> None:
    """Ask for every chore; those that are under way or wait are only asked for once more."""
    for kind in sorted(HANDLERS):
        jobs.enqueue(session, kind, "all", due_at=now, now=now)


async def forget_old(services: Services, _job: Job) -> Again:
    """Forget the next piece of what was kept for a while only."""
    now = services.clock()
    kept = timedelta(days=services.settings.retention_days)
    forget = partial(retention.forget, stream_kept=kept, now=now, most=retention.PIECE)
    gone = await services.write(forget, lane=Lane.BULK)
    return Again(now if gone else now + EVERY)


async def close_resolved(services: Services, job: Job) -> Again | None:
    """Close the next quiet tickets; one that can't be is passed over, and tried again the next time round."""
    now, days = services.clock(), services.settings.close_after_days
    if not days:
        return None
    since = now - timedelta(days=days)
    found = await services.read(partial(closing.find_quiet, since=since, after=_place(job.data)))
    for _, ticket_id in found:
        try:
            close = partial(closing.close_quiet, ticket_id=ticket_id, since=since, now=now)
            await services.write(close, lane=Lane.WORKER)
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  (one bad ticket must not hold up the others)
            _log.warning("a ticket can't be closed", subject_id=str(ticket_id), error=type(error).__name__)
    return Again(now, _data(found[-1])) if len(found) == closing.PIECE else Again(now + EVERY)


async def rejudge(services: Services, job: Job) -> Again | None:
    """Judge running clocks by the terms of today, for a spell; see `app/watch/rejudging.py`."""
    until = clock.monotonic() + SPELL_SECONDS
    most = REJUDGED_AT_ONCE_EMBEDDED if services.settings.embedded else REJUDGED_AT_ONCE
    after = UUID(job.data["after"]) if "after" in job.data else None
    unsettled, is_last_pass = job.data.get("unsettled", 0), job.data.get("is_last_pass", 0)
    while True:
        found = await services.read(partial(rejudging.find_stale, after=after, most=LOOKED_AT_ONCE))
        after = found.last
        for start in range(0, len(found.stale), most):
            piece = found.stale[start : start + most]
            judge = partial(rejudging.rejudge, ticket_ids=piece, now=services.clock())
            unsettled += await services.write(judge, lane=Lane.BULK)
        now = services.clock()
        if after is None and unsettled:
            return Again(now + A_MOMENT)
        if after is None:
            return None if is_last_pass else Again(now + rejudging.ONCE_MORE, {"is_last_pass": 1})
        if clock.monotonic() >= until:
            return Again(now, {"after": str(after), "unsettled": unsettled, "is_last_pass": is_last_pass})


def _place(data: Mapping[str, Any]) -> Place | None:
    if not data:
        return None
    return clock.from_microseconds(data["resolved_at"]), UUID(data["ticket_id"])


def _data(place: Place) -> dict[str, int | str]:
    return {"resolved_at": clock.to_microseconds(place[0]), "ticket_id": str(place[1])}


HANDLERS: Mapping[str, Handler] = {RETENTION: forget_old, CLOSING: close_resolved, REJUDGING: rejudge}
