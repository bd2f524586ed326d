"""SQL for finding what is quiet."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, literal, select, tuple_
from sqlalchemy.orm import Session

from app.events.store import is_move
from app.models.events import Event
from app.models.tickets import Ticket

Place = tuple[datetime, UUID]


def find_quiet(session: Session, *, since: datetime, after: Place | None, most: int) -> list[Place]:
    """Return up to `most` live tickets after a place, resolved by then and without an event since."""
    # Spelt out, for a database does not see that a parameter fits the index of resolved tickets.
    resolved = Ticket.status == literal("resolved", literal_execute=True)
    stirred = exists().where(Event.subject_id == Ticket.id, Event.received_at > since, is_move())
    query = select(Ticket.resolved_at, Ticket.id).where(
        resolved, Ticket.resolved_at <= since, Ticket.origin == "live", ~stirred
    )
    if after is not None:
        place = (literal(after[0], Ticket.resolved_at.type), literal(after[1], Ticket.id.type))
        query = query.where(tuple_(Ticket.resolved_at, Ticket.id) > tuple_(*place))
    rows = session.execute(query.order_by(Ticket.resolved_at, Ticket.id).limit(most))
    return [(at, ticket_id) for at, ticket_id in rows if at is not None]
