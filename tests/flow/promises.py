"""Policies for tests of what time brings, and all that was said of the clocks."""

from collections import Counter
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from httpx import AsyncClient
from sqlalchemy import select

from app.models.events import Event
from app.models.sla import Clock
from app.services import Services
from app.watch.falling_due import anything_due, say_what_is_due
from tests.cast import create


class Said(NamedTuple):
    """One event about a ticket's clocks, without its subject."""

    type: str
    at: datetime
    received_at: datetime
    data: dict[str, Any]


def clock_of(name: str, seconds: int, **more: Any) -> dict[str, Any]:
    """Return the terms of a clock with one target for everybody."""
    return {"name": name, "targets": [{"target_seconds": seconds}], **more}


def policy_of(*clocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a policy as it is posted: the default, unless told."""
    return {"name": "Standard", "default": True, "clocks": list(clocks), **more}


async def promise(admin: AsyncClient, *clocks: dict[str, Any], **more: Any) -> str:
    """Add a policy, and return its id."""
    made = await create(admin, "policies", **policy_of(*clocks, **more))
    return str(made["id"])


async def promise_anew(admin: AsyncClient, policy_id: str, *clocks: dict[str, Any], **more: Any) -> None:
    """Replace a policy by its next version."""
    answer = await admin.put(f"/v1/policies/{policy_id}", json=policy_of(*clocks, **more))
    assert answer.status_code == 200, answer.text


async def watch(services: Services, *, most: int = 25) -> int:
    """Say what is due until nothing is, and return how many clocks were looked at."""
    looked = 0
    now = services.clock()
    while await services.read(partial(anything_due, now=now)):
        found = await services.write(partial(say_what_is_due, now=now, most=most))
        assert found, "something is due, and nobody says it"
        looked += found
    return looked


async def said_of(services: Services, ticket_id: str) -> list[Said]:
    """Return what was said of a ticket's clocks, by version; no notice twice."""
    query = select(Event).where(Event.subject_id == UUID(ticket_id), Event.type.startswith("sla."))
    found = await services.read(lambda session: list(session.scalars(query.order_by(Event.subject_version))))
    assert_once(found)
    return [Said(each.type, each.occurred_at, each.received_at, each.data) for each in found]


def assert_once(events: list[Event]) -> None:
    """Check that no notice was given twice."""
    names = ("clock", "ordinal", "due_at", "revision", "counted_seconds")
    notices = Counter(
        (each.subject_id, each.type, *(each.data.get(name) for name in names))
        for each in events
        if each.type != "sla.rejudged"
    )
    assert {key: times for key, times in notices.items() if times > 1} == {}


async def rows_of(services: Services, ticket_id: str) -> list[Clock]:
    """Return a ticket's clocks by name and age."""
    query = select(Clock).where(Clock.ticket_id == UUID(ticket_id)).order_by(Clock.name, Clock.ordinal)
    return await services.read(lambda session: list(session.scalars(query)))


async def clock_row(services: Services, ticket_id: str, name: str, ordinal: int = 1) -> Clock:
    """Return one clock of a ticket."""
    (found,) = [
        each for each in await rows_of(services, ticket_id) if (each.name, each.ordinal) == (name, ordinal)
    ]
    return found


def written(instant: datetime) -> str:
    """Return an instant as events have it."""
    return instant.isoformat().replace("+00:00", "Z")
