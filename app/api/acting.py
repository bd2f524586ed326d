"""How a door lets an agent act on a ticket: find out who, act once, show the ticket and its version."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Protocol
from uuid import UUID

from fastapi import Depends, Request, Response
from sqlalchemy.orm import Session

from app.edge import versions
from app.edge.identity import Identity, Now, ServicesDep, TicketWriter
from app.edge.once import REPLAYED, carry_out, once_of
from app.errors import invalid
from app.intake.classify import Once, bounded
from app.models.tickets import Ticket
from app.people import store as people
from app.people.rules import Viewer
from app.services import Services
from app.tickets import show
from app.tickets import store as tickets
from app.tickets.schemas import Acting, TicketDetail


class Reported(Protocol):
    """An action that software may report afterwards."""

    def __call__(
        self,
        session: Session,
        ticket_id: UUID,
        *,
        agent_id: UUID,
        seen_by: Viewer,
        now: datetime,
        occurred_at: datetime | None,
    ) -> Ticket:
        """Act on a ticket, now or at an instant somebody says."""
        ...


class Action(Protocol):
    """A desk action, with what was said already filled in."""

    def __call__(
        self, session: Session, ticket_id: UUID, *, agent_id: UUID, seen_by: Viewer, now: datetime
    ) -> Ticket:
        """Act on a ticket."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """One request of someone who may act on tickets, with its answer to come."""

    request: Request
    response: Response
    writer: Identity
    now: datetime
    services: Services

    async def report(self, action: Reported, ticket_id: UUID, said: Acting) -> TicketDetail:
        """Carry an action out that may have happened before now.

        Raises:
            ValidationError: an agent's own key says when, or it is too long ago or ahead of us.
        """
        if said.occurred_at is not None and self.writer.agent_id is not None:
            raise invalid("/occurred_at", "not_an_agents", "a key bound to an agent can't say when it acted")
        occurred_at = bounded(said.occurred_at, self.now)
        return await self.perform(partial(action, occurred_at=occurred_at), ticket_id, named=said.agent_id)

    async def perform(self, action: Action, ticket_id: UUID, *, named: UUID | None) -> TicketDetail:
        """Carry an action out once, and answer with the ticket as it is now."""
        fn = partial(
            _perform,
            ticket_id=ticket_id,
            key_agent_id=self.writer.agent_id,
            agent_id=self.writer.acting(named),
            action=action,
            once=once_of(self.request, self.writer.scope, now=self.now),
            now=self.now,
        )
        ticket, replayed = await self.services.write(fn)
        versions.show(self.response, ticket.version)
        self.response.headers.update(REPLAYED if replayed else {})
        return ticket


async def desk_of(
    request: Request, response: Response, writer: TicketWriter, now: Now, services: ServicesDep
) -> Desk:
    """Return the desk, as a dependency."""
    return Desk(request, response, writer, now, services)


AtDesk = Annotated[Desk, Depends(desk_of)]


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
    return show.ticket(session, ticket, now=now), replayed
