"""SQL for trying a policy on the tickets of the past, a piece at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any
from uuid import UUID

from sqlalchemy import Row, literal, select, tuple_
from sqlalchemy.orm import Session

from app.models.tickets import Ticket
from app.policies.terms import Facts
from app.sla import store
from app.sla.clocks import facts_of

MOST_TICKETS, MOST_EVENTS = 100, 1000
Place = tuple[datetime, UUID]
_TICKET = [
    getattr(Ticket, name)
    for name in (
        "id", "reference", "occurred_at", "version", "kind", "channel", "priority", "language", "segment",
        "topic", "product", "site_id", "source_id",
    )
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tickets a policy is tried on: those opened in [since, until), of these origins, that it takes."""

    since: datetime
    until: datetime
    origins: Sequence[str]
    takes: Callable[[Facts], bool]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some tickets with their events and clocks by ticket; `last` is where the next piece goes on."""

    tickets: Sequence[Row[Any]]
    events: Mapping[UUID, Sequence[Any]]
    clocks: Mapping[UUID, Sequence[Any]]
    last: Place | None


def piece(session: Session, wanted: Wanted, *, after: Place | None) -> Piece:
    """Return the next tickets, the newest first: not many, and fewer where much happened to them."""
    query = select(*_TICKET).where(
        Ticket.occurred_at >= wanted.since,
        Ticket.occurred_at < wanted.until,
        Ticket.origin.in_(wanted.origins),
        Ticket.quarantined_at.is_(None),
    )
    if after is not None:
        place = (literal(after[0], Ticket.occurred_at.type), literal(after[1], Ticket.id.type))
        query = query.where(tuple_(Ticket.occurred_at, Ticket.id) < tuple_(*place))
    order = (Ticket.occurred_at.desc(), Ticket.id.desc())
    found = _light(session.execute(query.order_by(*order).limit(MOST_TICKETS)).all())
    fitting = [each for each in found if wanted.takes(facts_of(each))]
    ids = [each.id for each in fitting]
    last = (found[-1].occurred_at, found[-1].id) if found else None
    return Piece(fitting, store.all_events(session, ids), store.all_clocks(session, ids), last)


def _light(found: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    """Return the first of some tickets, whose versions say that not too much happened to them, or one."""
    sums = accumulate(each.version for each in found)
    return found[: max(sum(happened <= MOST_EVENTS for happened in sums), 1)]
