"""The door to a ticket's clocks, with their working."""

import asyncio
from functools import partial
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy.orm import Session

from app.edge.identity import Now, ServicesDep, TicketReader
from app.people import store as people
from app.sla import ledger
from app.sla.ledger import Kept
from app.sla.ledger_schemas import Ledger

router = APIRouter(prefix="/v1/tickets", tags=["tickets"])


@router.get("/{ticket_id}/clocks")
async def read_clocks(ticket_id: UUID, reader: TicketReader, now: Now, services: ServicesDep) -> Ledger:
    """Read a ticket's clocks with their working: what counted when, and what did not and why."""
    kept = await services.read(partial(_kept, ticket_id=ticket_id, agent_id=reader.agent_id))
    return await asyncio.to_thread(ledger.render, kept, as_of=now)


def _kept(session: Session, *, ticket_id: UUID, agent_id: UUID | None) -> Kept:
    return ledger.read(session, ticket_id=ticket_id, seen_by=people.viewer(session, agent_id))
