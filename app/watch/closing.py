"""Time passes over what is settled: a resolved ticket that stayed quiet long enough is closed.

History keeps the state its source gave it. Each ticket is closed in a transaction of its own, under its lock:
a customer's word that comes at the same time reopens it first, or finds it closed and opens a follow-up.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.events import store as events
from app.people.rules import EVERYTHING
from app.sla import clocks
from app.tickets import store as tickets
from app.tickets.change import move
from app.tickets.rules import Move, Status
from app.watch import closing_store as store
from app.watch.closing_store import Place

PIECE = 25


def find_quiet(session: Session, *, since: datetime, after: Place | None) -> list[Place]:
    """Return the next resolved tickets on which nothing happened since, longest resolved first."""
    return store.find_quiet(session, since=since, after=after, most=PIECE)


def close_quiet(session: Session, ticket_id: UUID, *, since: datetime, now: datetime) -> bool:
    """Close a ticket if it is still resolved and quiet, and tell whether it was."""
    ticket = tickets.lock(session, ticket_id, seen_by=EVERYTHING)
    last = events.last_witnessed_at(session, ticket_id)
    if ticket.status != Status.RESOLVED or (last is not None and last > since):
        return False
    move(session, ticket, Move.CLOSE, by=None, now=now)
    clocks.follow(session, ticket, now=now)
    return True
