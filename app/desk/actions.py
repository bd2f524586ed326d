"""What an agent does with a ticket: each action walks the same stages, ticket, then clocks.

Every action locks the ticket as its agent may see it, so a foreign id is not found; makes its move in the
state table, which leaves the event; and lets the clocks follow. `occurred_at` is the word of software that
reports afterwards what an agent did; without it, what we witness happens now.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.errors import ConflictError, invalid
from app.ids import new_id
from app.models.tickets import Message, Ticket
from app.people import store as people
from app.people.rules import Viewer
from app.routing import assign as routing
from app.sla import clocks
from app.tickets import store as tickets
from app.tickets.change import move
from app.tickets.rules import Move, Status, searchable


class TakenError(ConflictError):
    """Someone else has the ticket."""

    code, title = "taken", "Another agent has this ticket"


def claim(session: Session, ticket_id: UUID, *, agent_id: UUID, seen_by: Viewer, now: datetime) -> Ticket:
    """Take a ticket nobody has; taking one's own again changes nothing.

    Raises:
        TakenError: another agent has it.
    """
    ticket = tickets.lock(session, ticket_id, seen_by=seen_by)
    if ticket.assignee_id is not None and ticket.assignee_id != agent_id:
        raise TakenError(f"assigned to {ticket.assignee_id}")
    if ticket.assignee_id is None:
        routing.assign(session, ticket, agent_id, by=agent_id, how="claimed", reason={}, now=now)
    return ticket


def assign(
    session: Session, ticket_id: UUID, *, to: UUID, agent_id: UUID | None, seen_by: Viewer, now: datetime
) -> Ticket:
    """Give a ticket to an agent by a person's decision, which may exceed the agent's capacity.

    Raises:
        ValidationError: that agent may not see the ticket.
    """
    ticket = tickets.lock(session, ticket_id, seen_by=seen_by)
    if not people.viewer(session, to).sees(ticket.team_id):
        raise invalid("/agent_id", "not_in_team", "that agent is not in the ticket's team")
    if ticket.assignee_id != to:
        reason = {"by": str(agent_id) if agent_id else None}
        routing.assign(session, ticket, to, by=agent_id, how="assigned", reason=reason, now=now)
    return ticket


def give_back(session: Session, ticket_id: UUID, *, agent_id: UUID, seen_by: Viewer, now: datetime) -> Ticket:
    """Put a ticket back into the queue."""
    ticket = tickets.lock(session, ticket_id, seen_by=seen_by)
    routing.give_back(session, ticket, by=agent_id, how="given_back", reason={}, now=now)
    return ticket


def reply(
    session: Session,
    ticket_id: UUID,
    *,
    text: str,
    agent_id: UUID,
    seen_by: Viewer,
    now: datetime,
    occurred_at: datetime | None = None,
) -> Ticket:
    """Answer the customer in public; stops the clocks that wait for it."""
    ticket = _take(session, ticket_id, agent_id=agent_id, seen_by=seen_by, now=now)
    _say(session, ticket, Move.REPLY, text, agent_id=agent_id, public=True, now=now, occurred_at=occurred_at)
    clocks.follow(session, ticket, now=now)
    return ticket


def note(
    session: Session,
    ticket_id: UUID,
    *,
    text: str,
    agent_id: UUID,
    seen_by: Viewer,
    now: datetime,
    occurred_at: datetime | None = None,
) -> Ticket:
    """Write something the customer never sees."""
    ticket = tickets.lock(session, ticket_id, seen_by=seen_by)
    _say(session, ticket, Move.NOTE, text, agent_id=agent_id, public=False, now=now, occurred_at=occurred_at)
    clocks.follow_if_it_matters(session, ticket, Move.NOTE, now=now)
    return ticket


def pend(
    session: Session,
    ticket_id: UUID,
    *,
    agent_id: UUID,
    seen_by: Viewer,
    now: datetime,
    occurred_at: datetime | None = None,
) -> Ticket:
    """Wait for the customer."""
    ticket = _take(session, ticket_id, agent_id=agent_id, seen_by=seen_by, now=now)
    move(session, ticket, Move.PEND, by=agent_id, now=now, occurred_at=occurred_at)
    clocks.follow(session, ticket, now=now)
    return ticket


def resolve(
    session: Session,
    ticket_id: UUID,
    *,
    agent_id: UUID,
    seen_by: Viewer,
    now: datetime,
    occurred_at: datetime | None = None,
) -> Ticket:
    """Call the matter settled; who has the ticket now is its resolver, whatever happens to it later."""
    ticket = tickets.lock(session, ticket_id, seen_by=seen_by)
    resolver_id = ticket.assignee_id or agent_id
    data = {"resolver_id": str(resolver_id)}
    move(session, ticket, Move.RESOLVE, by=agent_id, now=now, occurred_at=occurred_at, data=data)
    ticket.resolver_id = resolver_id
    clocks.follow(session, ticket, now=now)
    return ticket


def reopen(
    session: Session,
    ticket_id: UUID,
    *,
    agent_id: UUID,
    seen_by: Viewer,
    now: datetime,
    occurred_at: datetime | None = None,
) -> Ticket:
    """Take a settled or waiting matter up again."""
    ticket = tickets.lock(session, ticket_id, seen_by=seen_by)
    move(session, ticket, Move.REOPEN, by=agent_id, now=now, occurred_at=occurred_at)
    clocks.follow(session, ticket, now=now)
    return ticket


def change(
    session: Session, ticket: Ticket, fields: dict[str, str | None], *, agent_id: UUID | None, now: datetime
) -> Ticket:
    """Change what a locked ticket is about; a change of nothing leaves nothing."""
    changed = {name: value for name, value in fields.items() if getattr(ticket, name) != value}
    if changed:
        for name, value in changed.items():
            setattr(ticket, name, value)
        ticket.search_text = searchable(ticket.subject, ticket.text)
        data: dict[str, Any] = {"fields": sorted(changed)}
        if "priority" in changed:
            data["priority"] = changed["priority"]
        move(session, ticket, Move.CHANGE, by=agent_id, now=now, data=data)
        if "priority" in changed:
            clocks.follow(session, ticket, now=now)
    return ticket


def _take(session: Session, ticket_id: UUID, *, agent_id: UUID, seen_by: Viewer, now: datetime) -> Ticket:
    """Lock a ticket; acting on one that nobody has takes it, since `open` and `pending` need an agent."""
    ticket = tickets.lock(session, ticket_id, seen_by=seen_by)
    if ticket.assignee_id is None and ticket.status == Status.NEW:
        routing.assign(session, ticket, agent_id, by=agent_id, how="acted", reason={}, now=now)
    return ticket


def _say(
    session: Session,
    ticket: Ticket,
    step: Move,
    text: str,
    *,
    agent_id: UUID,
    public: bool,
    now: datetime,
    occurred_at: datetime | None,
) -> None:
    message_id = new_id(now)
    data = {"message_id": str(message_id)}
    at = move(session, ticket, step, by=agent_id, now=now, occurred_at=occurred_at, data=data)
    said = Message(
        id=message_id, ticket_id=ticket.id, author="agent", agent_id=agent_id, public=public, text=text
    )
    said.occurred_at, said.received_at = at, now
    tickets.add_message(session, said)
