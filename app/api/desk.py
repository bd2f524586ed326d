"""The door of an agent's actions.

Each may carry an Idempotency-Key, and answers 409 where the state table says no.
"""

from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy.orm import Session

from app.api.acting import AtDesk
from app.desk import actions
from app.desk.actions import TakenError
from app.edge.identity import OtherAgentError
from app.edge.promises import Promise
from app.edge.reading import JsonBody
from app.models.tickets import Ticket
from app.people import store as people
from app.people.rules import Viewer
from app.tickets.change import FullError, MoveRefusedError
from app.tickets.schemas import Acting, AssignTo, Claiming, Said, TicketDetail

router = APIRouter(prefix="/v1/tickets/{ticket_id}", tags=["desk"])
ClaimBody = Annotated[Claiming, Depends(JsonBody(Claiming))]
ActingBody = Annotated[Acting, Depends(JsonBody(Acting))]
SaidBody = Annotated[Said, Depends(JsonBody(Said))]
AssignBody = Annotated[AssignTo, Depends(JsonBody(AssignTo))]
ACTION = Promise(MoveRefusedError, FullError, OtherAgentError, once=True, headers=["ETag"])
CLAIM = Promise(TakenError, MoveRefusedError, OtherAgentError, once=True, headers=["ETag"])


@router.post("/claim", openapi_extra=CLAIM)
async def claim_ticket(ticket_id: UUID, desk: AtDesk, body: ClaimBody) -> TicketDetail:
    """Take a ticket that nobody has."""
    return await desk.perform(actions.claim, ticket_id, named=body.agent_id)


@router.post("/assign", openapi_extra=ACTION)
async def assign_ticket(ticket_id: UUID, desk: AtDesk, body: AssignBody) -> TicketDetail:
    """Give a ticket to an agent."""
    by = desk.writer.agent_id
    action = partial(_assign, to=body.agent_id, by=by)
    return await desk.perform(action, ticket_id, named=by or body.agent_id)


@router.post("/reply", openapi_extra=ACTION)
async def reply_to_ticket(ticket_id: UUID, desk: AtDesk, said: SaidBody) -> TicketDetail:
    """Answer the customer."""
    return await desk.report(partial(actions.reply, text=said.text), ticket_id, said)


@router.post("/note", openapi_extra=ACTION)
async def note_on_ticket(ticket_id: UUID, desk: AtDesk, said: SaidBody) -> TicketDetail:
    """Write what the customer never sees."""
    return await desk.report(partial(actions.note, text=said.text), ticket_id, said)


@router.post("/pend", openapi_extra=ACTION)
async def pend_ticket(ticket_id: UUID, desk: AtDesk, body: ActingBody) -> TicketDetail:
    """Wait for the customer."""
    return await desk.report(actions.pend, ticket_id, body)


@router.post("/resolve", openapi_extra=ACTION)
async def resolve_ticket(ticket_id: UUID, desk: AtDesk, body: ActingBody) -> TicketDetail:
    """Call the matter settled."""
    return await desk.report(actions.resolve, ticket_id, body)


@router.post("/reopen", openapi_extra=ACTION)
async def reopen_ticket(ticket_id: UUID, desk: AtDesk, body: ActingBody) -> TicketDetail:
    """Take it up again."""
    return await desk.report(actions.reopen, ticket_id, body)


def _assign(
    session: Session,
    ticket_id: UUID,
    *,
    to: UUID,
    by: UUID | None,
    agent_id: UUID,
    seen_by: Viewer,
    now: datetime,
) -> Ticket:
    """Bring the assignment into the shape of the other actions; who acts is the key's agent, if any."""
    del agent_id
    people.require_agent(session, to, pointer="/agent_id")
    return actions.assign(session, ticket_id, to=to, agent_id=by, seen_by=seen_by, now=now)
