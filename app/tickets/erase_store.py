"""SQL for finding what names a person on tickets, and for taking messages away."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.models.tickets import Message, Ticket


def lock_of_customer(session: Session, customer_id: UUID, *, most: int) -> list[Ticket]:
    """Return up to `most` tickets of a customer, locked in one order for everybody."""
    mine = select(Ticket).where(Ticket.customer_id == customer_id).order_by(Ticket.id).limit(most)
    return list(session.scalars(mine.with_for_update(), execution_options={"populate_existing": True}))


def claims(session: Session, *, after: UUID | None, most: int) -> list[tuple[UUID, dict[str, Any]]]:
    """Return what the senders of the next tickets claimed to be, by ticket."""
    query = select(Ticket.id, Ticket.claimed).where(Ticket.claimed.is_not(None))
    if after is not None:
        query = query.where(Ticket.id > after)
    rows = session.execute(query.order_by(Ticket.id).limit(most))
    return [(ticket_id, claimed or {}) for ticket_id, claimed in rows]


def lock_some(session: Session, ticket_ids: Sequence[UUID]) -> list[Ticket]:
    """Return those of these tickets that are still there, locked in one order for everybody."""
    query = select(Ticket).where(Ticket.id.in_(ticket_ids)).order_by(Ticket.id).with_for_update()
    return list(session.scalars(query, execution_options={"populate_existing": True}))


def drop_messages(session: Session, ticket_id: UUID) -> None:
    """Delete what was said on a ticket after its first words."""
    session.execute(delete(Message).where(Message.ticket_id == ticket_id))
