"""Make a ticket forget who spoke and what was said; all that figures are read from stays."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.events import store as events
from app.models.tickets import Ticket
from app.tickets import erase_store as store
from app.tickets.change import leave_event
from app.tickets.rules import ERASED


def erase(session: Session, ticket: Ticket, *, by: UUID | None, now: datetime) -> None:
    """Empty a locked ticket of words and names, and end the customer's link.

    Agents' replies and notes go as well, for they may quote. The source's id of it stays in `external_ids`
    alone: sent again, the same submission is known, and does not bring the person back.
    """
    ticket.subject = ticket.text = ticket.search_text = ""
    ticket.claimed = ticket.attributes = ticket.page_url = ticket.external_id = ticket.customer_id = None
    ticket.token_version += 1
    ticket.erased_at = now
    store.drop_messages(session, ticket.id)
    _leave(session, ticket, "all", by=by, now=now)


def erase_claim(session: Session, ticket: Ticket, *, by: UUID | None, now: datetime) -> None:
    """Make a locked ticket forget who its sender claimed to be."""
    ticket.claimed = None
    _leave(session, ticket, "claim", by=by, now=now)


def _leave(session: Session, ticket: Ticket, part: str, *, by: UUID | None, now: datetime) -> None:
    at = max(now, events.last_witnessed_at(session, ticket.id) or now)
    leave_event(session, ticket, ERASED, by=by, at=at, data={"part": part})
