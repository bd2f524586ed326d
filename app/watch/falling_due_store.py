"""SQL for finding what falls due."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.models.sla import Clock
from app.models.tickets import Ticket


def anything_due(session: Session, *, now: datetime) -> bool:
    """Whether any clock has to be looked at."""
    return session.scalar(select(Clock.id).where(Clock.next_at < now).limit(1)) is not None


def take_due(session: Session, *, now: datetime, most: int) -> list[UUID]:
    """Return whose clocks are longest due, each ticket locked, and once for each of up to `most` clocks.

    Tickets that somebody has in hand are passed over. The clocks themselves are not locked: whoever changes
    one has its ticket, and two workers that each held a clock of the other's ticket would wait for ever.
    """
    due = select(Clock.ticket_id).join(Ticket, Ticket.id == Clock.ticket_id).where(Clock.next_at < now)
    taken = due.order_by(Clock.next_at).limit(most).with_for_update(of=Ticket, skip_locked=True)
    return list(session.scalars(taken))


def push_away(session: Session, ticket_ids: Collection[UUID], *, until: datetime) -> None:
    """Do not look at the clocks of these tickets before then."""
    if ticket_ids:
        theirs = (Clock.ticket_id.in_(ticket_ids), Clock.next_at < until)
        session.execute(update(Clock).where(*theirs).values(next_at=until))
