"""What a customer does with a ticket, by its token: looks, adds words, gives scores."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.events import store as events
from app.events.store import Happening
from app.ids import new_id, new_reference
from app.models.tickets import Message, Ticket
from app.people.rules import EVERYTHING
from app.satisfaction import scale
from app.satisfaction import store as satisfaction
from app.satisfaction.scale import Scored
from app.sla import clocks
from app.tickets import store as tickets
from app.tickets.change import move
from app.tickets.rules import OPENED, SCORED, Move, Status, queue_at, searchable, takes

TOKEN_LIVES = timedelta(days=90)


def look(session: Session, ticket_id: UUID, token_version: int, *, now: datetime) -> Ticket:
    """Return the ticket a token stands for.

    Raises:
        NotFoundError: the token was revoked, or its ticket was closed 90 days ago.
    """
    return _admit(tickets.get(session, ticket_id, seen_by=EVERYTHING), token_version, now=now)


def say(
    session: Session,
    ticket_id: UUID,
    token_version: int,
    *,
    text: str | None,
    scored: Sequence[Scored],
    message_id: UUID,
    now: datetime,
) -> Ticket:
    """Add what the customer says, and return the token's own ticket, wherever the words went.

    On a pending or resolved ticket words reopen it, on a closed one they open another.
    """
    ticket = _admit(tickets.lock(session, ticket_id, seen_by=EVERYTHING), token_version, now=now)
    if scored:
        _score(session, ticket, scored, submission_id=message_id, now=now)
    if text is not None:
        _hear(session, ticket, text, message_id=message_id, now=now)
    return ticket


def _hear(session: Session, ticket: Ticket, text: str, *, message_id: UUID, now: datetime) -> None:
    while ticket.status == Status.CLOSED or not takes(ticket.version, Move.CUSTOMER):
        follow_up = tickets.lock_follow_up(session, ticket.id)
        if follow_up is None:
            _follow_up(session, ticket, text, now=now)
            return
        ticket = follow_up
    at = move(session, ticket, Move.CUSTOMER, by=None, now=now, data={"message_id": str(message_id)})
    message = Message(
        id=message_id, ticket_id=ticket.id, author="customer", agent_id=None, public=True, text=text
    )
    message.occurred_at, message.received_at = at, now
    tickets.add_message(session, message)
    clocks.follow(session, ticket, now=now)


def _admit(ticket: Ticket, token_version: int, *, now: datetime) -> Ticket:
    ended = ticket.closed_at is not None and ticket.closed_at + TOKEN_LIVES <= now
    if ticket.token_version != token_version or ended:
        raise NotFoundError
    return ticket


def _score(
    session: Session, ticket: Ticket, scored: Sequence[Scored], *, submission_id: UUID, now: datetime
) -> None:
    """Hang scores on the ticket; they are its resolver's, if it was resolved by now."""
    owner = tickets.owners(session, [ticket.id])[ticket.id]
    shared: dict[str, Any] = owner.dimensions | {
        "agent_id": owner.resolver_id, "customer_id": owner.customer_id, "ticket_id": ticket.id,
        "submission_id": submission_id, "standalone": True, "quarantined_at": None,
        "given_at": now, "received_at": now,
    }  # fmt: skip
    satisfaction.add_scores(session, scale.rows(scored, shared))
    data = {"ticket_id": str(ticket.id), "scores": len(scored)}
    events.record(session, [Happening("submission", submission_id, 1, SCORED, now, now, None, data)])


def _follow_up(session: Session, closed: Ticket, text: str, *, now: datetime) -> None:
    """Open a ticket that goes on where a closed one ended."""
    kept = (
        "kind", "channel", "source_id", "subject", "language", "topic", "product", "priority", "team_id",
        "customer_id", "site_id", "claimed", "segment",
    )  # fmt: skip
    opened = Ticket(
        **{name: getattr(closed, name) for name in kept},
        id=new_id(now),
        reference=new_reference(),
        origin="live",
        text=text,
        search_text=searchable(closed.subject, text),
        status=Status.NEW,
        follow_up_of=closed.id,
        occurred_at=now,
        received_at=now,
        queue_at=queue_at(now, closed.priority),
        token_version=1,
        version=1,
    )
    tickets.add(session, opened)
    data = {
        "kind": opened.kind, "channel": opened.channel, "scores": 0, "priority": opened.priority,
        "follow_up_of": str(closed.id),
    }  # fmt: skip
    events.record(session, [Happening("ticket", opened.id, 1, OPENED, now, now, None, data)])
    clocks.follow(session, opened, now=now)
