"""SQL for single tickets and their messages. Lists are in `page_store.py`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import dialect
from app.errors import NotFoundError
from app.models.routing import Assignment
from app.models.tickets import Message, Ticket
from app.people.rules import Viewer


@dataclass(frozen=True, slots=True)
class Filed:
    """The columns of a ticket that never change, from which its receipt is rendered again."""

    id: UUID
    kind: str
    reference: str
    received_at: datetime
    promised_at: datetime | None


@dataclass(frozen=True, slots=True)
class Owner:
    """What a later score takes from the ticket it hangs on: who resolved it, whose it is, its dimensions."""

    resolver_id: UUID | None
    customer_id: UUID | None
    dimensions: dict[str, Any]


_DIMENSIONS = (
    "channel",
    "source_id",
    "site_id",
    "team_id",
    "topic",
    "product",
    "language",
    "origin",
    "import_id",
)


def add_tickets(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Insert tickets."""
    dialect.insert_rows(session, Ticket, rows)


def add(session: Session, ticket: Ticket) -> None:
    """Insert one ticket."""
    session.add(ticket)
    session.flush()


def filed(session: Session, ticket_ids: Iterable[UUID]) -> dict[UUID, Filed]:
    """Return what receipts of these tickets need."""
    columns = (Ticket.id, Ticket.kind, Ticket.reference, Ticket.received_at, Ticket.promised_at)
    query = select(*columns).where(Ticket.id.in_(list(ticket_ids)))
    return {row.id: Filed(*row) for row in session.execute(query)}


def owners(session: Session, ticket_ids: Iterable[UUID]) -> dict[UUID, Owner]:
    """Return what scores on these tickets take from them."""
    wanted = list(ticket_ids)
    if not wanted:
        return {}
    columns = [getattr(Ticket, name) for name in _DIMENSIONS]
    query = select(Ticket.id, Ticket.resolver_id, Ticket.customer_id, *columns).where(Ticket.id.in_(wanted))
    return {
        row[0]: Owner(row[1], row[2], dict(zip(_DIMENSIONS, row[3:], strict=True)))
        for row in session.execute(query)
    }


def lock(session: Session, ticket_id: UUID, *, seen_by: Viewer) -> Ticket:
    """Return a ticket with its row locked; one the viewer may not see does not exist.

    Raises:
        NotFoundError: there is no such ticket, or not for this viewer.
    """
    return _visible(session.get(Ticket, ticket_id, with_for_update=True, populate_existing=True), seen_by)


def get(session: Session, ticket_id: UUID, *, seen_by: Viewer) -> Ticket:
    """Return a ticket to read; see `lock`."""
    return _visible(session.get(Ticket, ticket_id), seen_by)


def find_follow_up(session: Session, closed_id: UUID) -> Ticket | None:
    """Return the ticket that goes on where a closed one ended, if there is one."""
    return session.scalar(select(Ticket).where(Ticket.follow_up_of == closed_id))


def lock_follow_up(session: Session, closed_id: UUID) -> Ticket | None:
    """Return the ticket that goes on where a closed one ended, locked, if there is one."""
    return session.scalar(select(Ticket).where(Ticket.follow_up_of == closed_id).with_for_update())


def _visible(ticket: Ticket | None, viewer: Viewer) -> Ticket:
    if ticket is None or not viewer.sees(ticket.team_id):
        raise NotFoundError
    return ticket


def add_message(session: Session, message: Message) -> Message:
    """Add a message."""
    session.add(message)
    session.flush()
    return message


def messages(session: Session, ticket_id: UUID, *, public_only: bool = False) -> list[Message]:
    """Return a ticket's messages, by time; those of one instant stand in any order."""
    query = select(Message).where(Message.ticket_id == ticket_id)
    if public_only:
        query = query.where(Message.public)
    return list(session.scalars(query.order_by(Message.occurred_at, Message.id)))


def add_assignment(session: Session, assignment: Assignment) -> None:
    """Store who decided that an agent has the ticket, and why."""
    session.add(assignment)
    session.flush()


def assignments(session: Session, ticket_id: UUID) -> list[Assignment]:
    """Return the decisions about who has a ticket, in order."""
    query = select(Assignment).where(Assignment.ticket_id == ticket_id)
    return list(session.scalars(query.order_by(Assignment.decided_at, Assignment.id)))
