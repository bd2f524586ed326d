"""How a door lets an agent act on a ticket: find out who, act once, show the ticket and its version."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Protocol
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.orm import Session

from app.edge import versions
from app.edge.identity import Identity
from app.edge.once import REPLAYED, carry_out, once_of
from app.intake.classify import Once
from app.models.tickets import Ticket
from app.people import store as people
from app.people.rules import Viewer
from app.services import Services
from app.tickets import show
from app.tickets import store as tickets
from app.tickets.schemas import TicketDetail


class Action(Protocol):
    """A desk action, with what was said already filled in."""

    def __call__(
        self, session: Session, ticket_id: UUID, *, agent_id: UUID, seen_by: Viewer, now: datetime
    ) -> Ticket:
        """Act on a ticket."""
        ...


async def perform(
    request: Request,
    response: Response,
    services: Services,
    writer: Identity,
    ticket_id: UUID,
    *,
    named: UUID | None,
    action: Action,
    now: datetime,
) -> TicketDetail:
    """Carry an action out once, and answer with the ticket as it is now."""
    fn = partial(
        _perform,
        ticket_id=ticket_id,
        key_agent_id=writer.agent_id,
        agent_id=writer.acting(named),
        action=action,
        once=once_of(request, writer.scope, now=now),
        now=now,
    )
    ticket, replayed = await services.write(fn)
    versions.show(response, ticket.version)
    if replayed:
        response.headers.update(REPLAYED)
    return ticket


def _perform(
    session: Session,
    *,
    ticket_id: UUID,
    key_agent_id: UUID | None,
    agent_id: UUID,
    action: Action,
    once: Once | None,
    now: datetime,
) -> tuple[TicketDetail, bool]:
    viewer = people.viewer(session, key_agent_id)
    people.require_agent(session, agent_id, pointer="/agent_id")
    act: Callable[[], Ticket] = partial(
        action, session, ticket_id, agent_id=agent_id, seen_by=viewer, now=now
    )
    look = partial(tickets.get, session, ticket_id, seen_by=viewer)
    ticket, replayed = carry_out(session, once, ticket_id, act, again=look, now=now)
    return show.ticket(session, ticket), replayed
