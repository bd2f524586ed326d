"""Give a ticket to an agent, or back to the queue, with the reason."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.ids import new_id
from app.models.routing import Assignment
from app.models.tickets import Ticket
from app.sla import clocks
from app.tickets import store as tickets
from app.tickets.change import move
from app.tickets.rules import Move


def assign(
    session: Session,
    ticket: Ticket,
    agent_id: UUID,
    *,
    by: UUID | None,
    how: str,
    reason: dict[str, Any],
    now: datetime,
    slot_taken: bool = False,
) -> None:
    """Make the agent the ticket's assignee and store who decided so and why; the ticket must be locked.

    Raises:
        MoveRefusedError: the ticket is resolved or closed.
    """
    data = {"agent_id": str(agent_id), "how": how}
    at = move(
        session, ticket, Move.ASSIGN, by=by, now=now, to_agent=agent_id, data=data, slot_taken=slot_taken
    )
    _keep(session, ticket, agent_id, how=how, reason=reason, at=at)
    clocks.follow_if_it_matters(session, ticket, Move.ASSIGN, now=now)


def give_back(
    session: Session, ticket: Ticket, *, by: UUID | None, how: str, reason: dict[str, Any], now: datetime
) -> None:
    """Put the ticket back into the queue; it must be locked.

    Raises:
        MoveRefusedError: nobody has it, or it is resolved or closed.
    """
    at = move(session, ticket, Move.UNASSIGN, by=by, now=now, data={"how": how})
    _keep(session, ticket, None, how=how, reason=reason, at=at)
    clocks.follow_if_it_matters(session, ticket, Move.UNASSIGN, now=now)


def _keep(
    session: Session, ticket: Ticket, agent_id: UUID | None, *, how: str, reason: dict[str, Any], at: datetime
) -> None:
    decided = Assignment(
        id=new_id(at), ticket_id=ticket.id, agent_id=agent_id, by=how, reason=reason, decided_at=at
    )
    tickets.add_assignment(session, decided)
