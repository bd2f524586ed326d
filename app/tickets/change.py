"""Change a ticket: one move of the state table, with event, place in the queue and the agent's load."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.errors import ConflictError, invalid
from app.events import store as events
from app.events.store import Happening
from app.models.tickets import Ticket
from app.people import store as people
from app.tickets.rules import STATE_CHANGES, TURNS, Move, Status, after, queue_at, takes


class FullError(ConflictError):
    """Too much happened to it."""

    code, title = "ticket_full", "This ticket's history is too long: resolve it, and go on in another"


class MoveRefusedError(ConflictError):
    """The state table says no."""

    code, title = "move_refused", "The ticket's status does not allow that"


def move(
    session: Session,
    ticket: Ticket,
    step: Move,
    *,
    by: UUID | None,
    now: datetime,
    occurred_at: datetime | None = None,
    to_agent: UUID | None = None,
    data: dict[str, Any] | None = None,
    slot_taken: bool = False,
) -> datetime:
    """Make one move and leave its event; returns the instant it is recorded at.

    The ticket's row must be locked. `to_agent` goes with `ASSIGN`; `slot_taken` says that the agent's load
    already counts it. What we witness never precedes what we witnessed before: the instant is the later of
    `now` and that; only somebody's word that it was earlier, `occurred_at`, goes back.

    Raises:
        MoveRefusedError: the ticket's status does not allow it.
        FullError: its history is too long to go on.
        ValidationError: somebody's word has it happen before the ticket was opened, or before what changed
            where it stands since.
    """
    if occurred_at is not None:
        _refuse_overtaken(session, ticket, step, occurred_at)
    if not takes(ticket.version, step):
        raise FullError
    assignee_id = {Move.ASSIGN: to_agent, Move.UNASSIGN: None}.get(step, ticket.assignee_id)
    status = after(Status(ticket.status), step, has_agent=assignee_id is not None)
    if status is None:
        message = f"a ticket that is {ticket.status} can't be {step.value.split('.')[1].replace('_', ' ')}"
        raise MoveRefusedError(message)
    held_by = holder(ticket)
    ticket.assignee_id = assignee_id
    witnessed_at = max(now, events.last_witnessed_at(session, ticket.id) or now)
    at = occurred_at or witnessed_at
    _enter(ticket, status, at)
    people.shift_load(session, released=held_by, taken=None if slot_taken else holder(ticket))
    leave_event(session, ticket, step.value, by=by, at=at, received_at=witnessed_at, data=data)
    return at


def _refuse_overtaken(session: Session, ticket: Ticket, step: Move, occurred_at: datetime) -> None:
    if occurred_at < ticket.occurred_at:
        raise invalid("/occurred_at", "before_opened", "the ticket was not there yet")
    since = events.last_of(session, ticket.id, STATE_CHANGES) if step in TURNS else None
    if since is not None and occurred_at < since:
        raise invalid("/occurred_at", "overtaken", "where the ticket stands has changed since")


def leave_event(
    session: Session,
    ticket: Ticket,
    kind: str,
    *,
    by: UUID | None,
    at: datetime,
    received_at: datetime | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Raise the ticket's version and record the event that has it, received when it happened unless told."""
    ticket.version += 1
    session.flush()
    told = {"status": ticket.status, **(data or {})}
    happening = Happening("ticket", ticket.id, ticket.version, kind, at, received_at or at, by, told)
    events.record(session, [happening])


def holder(ticket: Ticket) -> UUID | None:
    """Return whose load the ticket counts in: the agent who has it open. History weighs on nobody."""
    live = ticket.origin == "live" and ticket.status == Status.OPEN
    return ticket.assignee_id if live else None


def _enter(ticket: Ticket, status: Status, at: datetime) -> None:
    if status is Status.RESOLVED and ticket.status != Status.RESOLVED:
        ticket.resolved_at = at
    elif status is Status.CLOSED and ticket.status != Status.CLOSED:
        ticket.closed_at = at
    elif status in {Status.OPEN, Status.NEW} and ticket.status == Status.RESOLVED:
        ticket.resolved_at, ticket.resolver_id = None, None
    waits = status is Status.NEW and ticket.origin == "live" and ticket.quarantined_at is None
    place = queue_at(ticket.received_at, ticket.priority, due_at=ticket.next_due_at)
    ticket.queue_at = place if waits else None
    ticket.status = status
