"""The door of an agent's actions; each may carry an Idempotency-Key, and answers 409 where the state table says no."""

from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from app.api.acting import perform
from app.desk import actions
from app.edge.identity import Now, ServicesDep, TicketWriter
from app.edge.reading import JsonBody
from app.models.tickets import Ticket
from app.people import store as people
from app.people.rules import Viewer
from app.tickets.schemas import Acting, AssignTo, Said, TicketDetail

router = APIRouter(prefix="/v1/tickets/{ticket_id}", tags=["desk"])
ActingBody = Annotated[Acting, Depends(JsonBody(Acting))]
SaidBody = Annotated[Said, Depends(JsonBody(Said))]
AssignBody = Annotated[AssignTo, Depends(JsonBody(AssignTo))]


@router.post("/claim", response_model=TicketDetail)
async def claim_ticket(
    request: Request, response: Response, ticket_id: UUID, body: ActingBody, writer: TicketWriter, now: Now,
    services: ServicesDep,
) -> TicketDetail:  # fmt: skip
    """Take a ticket that nobody has."""
    act = actions.claim
    return await perform(
        request, response, services, writer, ticket_id, named=body.agent_id, action=act, now=now
    )


@router.post("/assign", response_model=TicketDetail)
async def assign_ticket(
    request: Request, response: Response, ticket_id: UUID, body: AssignBody, writer: TicketWriter, now: Now,
    services: ServicesDep,
) -> TicketDetail:  # fmt: skip
    """Give a ticket to an agent."""
    named = writer.agent_id or body.agent_id
    act = partial(_assign, to=body.agent_id, by=writer.agent_id)
    return await perform(request, response, services, writer, ticket_id, named=named, action=act, now=now)


@router.post("/reply", response_model=TicketDetail)
async def reply_to_ticket(
    request: Request, response: Response, ticket_id: UUID, said: SaidBody, writer: TicketWriter, now: Now,
    services: ServicesDep,
) -> TicketDetail:  # fmt: skip
    """Answer the customer."""
    act = partial(actions.reply, text=said.text)
    return await perform(
        request, response, services, writer, ticket_id, named=said.agent_id, action=act, now=now
    )


@router.post("/note", response_model=TicketDetail)
async def note_on_ticket(
    request: Request, response: Response, ticket_id: UUID, said: SaidBody, writer: TicketWriter, now: Now,
    services: ServicesDep,
) -> TicketDetail:  # fmt: skip
    """Write what the customer never sees."""
    act = partial(actions.note, text=said.text)
    return await perform(
        request, response, services, writer, ticket_id, named=said.agent_id, action=act, now=now
    )


@router.post("/pend", response_model=TicketDetail)
async def pend_ticket(
    request: Request, response: Response, ticket_id: UUID, body: ActingBody, writer: TicketWriter, now: Now,
    services: ServicesDep,
) -> TicketDetail:  # fmt: skip
    """Wait for the customer."""
    act = actions.pend
    return await perform(
        request, response, services, writer, ticket_id, named=body.agent_id, action=act, now=now
    )


@router.post("/resolve", response_model=TicketDetail)
async def resolve_ticket(
    request: Request, response: Response, ticket_id: UUID, body: ActingBody, writer: TicketWriter, now: Now,
    services: ServicesDep,
) -> TicketDetail:  # fmt: skip
    """Call the matter settled."""
    act = actions.resolve
    return await perform(
        request, response, services, writer, ticket_id, named=body.agent_id, action=act, now=now
    )


@router.post("/reopen", response_model=TicketDetail)
async def reopen_ticket(
    request: Request, response: Response, ticket_id: UUID, body: ActingBody, writer: TicketWriter, now: Now,
    services: ServicesDep,
) -> TicketDetail:  # fmt: skip
    """Take it up again."""
    act = actions.reopen
    return await perform(
        request, response, services, writer, ticket_id, named=body.agent_id, action=act, now=now
    )


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
    """Bring the assignment into the shape of the other actions; the one who acts is the key's agent, if it has one."""
    del agent_id
    people.require_agent(session, to, pointer="/agent_id")
    return actions.assign(session, ticket_id, to=to, agent_id=by, seen_by=seen_by, now=now)
