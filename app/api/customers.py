"""The door of those who answer for people's data: find a customer, look, erase."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from app.customers import show
from app.customers import store as customers
from app.customers.rules import identities
from app.customers.schemas import CustomerKnown, CustomersKnown, Email, Phone, Ref
from app.db.database import Lane
from app.desk import erasing
from app.edge.identity import Admin, Now, ServicesDep
from app.edge.promises import Promise
from app.errors import invalid
from app.services import Services

router = APIRouter(prefix="/v1", tags=["customers"])
THAT_CUSTOMER = {"customer_id": "/data/0/id"}


@router.get(
    "/customers",
    openapi_extra=Promise(links={"read_customer": THAT_CUSTOMER, "erase_customer": THAT_CUSTOMER}),
)
async def find_customers(
    _caller: Admin,
    services: ServicesDep,
    ref: Annotated[Ref | None, Query()] = None,
    email: Annotated[Email | None, Query()] = None,
    phone: Annotated[Phone | None, Query()] = None,
) -> CustomersKnown:
    """Find the customers we know by a reference, an address or a number; one of them has to be said."""
    named = identities(ref, email, phone)
    if not named:
        raise invalid("/query", "says_nothing", "say a ref, an email or a phone")
    return await services.read(partial(_find, named=named))


@router.get("/customers/{customer_id}")
async def read_customer(customer_id: UUID, _caller: Admin, services: ServicesDep) -> CustomerKnown:
    """Read all we know a customer by."""
    return await services.read(partial(_read, customer_id=customer_id))


@router.delete("/customers/{customer_id}", status_code=204)
async def erase_customer(customer_id: UUID, caller: Admin, now: Now, services: ServicesDep) -> Response:
    """Erase a person and every word of theirs; the anonymous tickets and their figures stay."""
    await _erase_claims(services, customer_id, by=caller.agent_id, now=now)
    erase = partial(erasing.erase_piece, customer_id=customer_id, by=caller.agent_id, now=now)
    while not await services.write(erase, lane=Lane.BULK):
        pass
    return Response(status_code=204)


@router.post("/tickets/{ticket_id}/erase", status_code=204)
async def erase_ticket(ticket_id: UUID, caller: Admin, now: Now, services: ServicesDep) -> Response:
    """Erase every word on a ticket, such as one of somebody whom no customer's record names."""
    await services.write(partial(erasing.erase_ticket, ticket_id=ticket_id, by=caller.agent_id, now=now))
    return Response(status_code=204)


async def _erase_claims(services: Services, customer_id: UUID, *, by: UUID | None, now: datetime) -> None:
    """Erase what others claimed in this person's name, as long as we know their names."""
    known = (await services.read(partial(_read, customer_id=customer_id))).identities
    named = [(each.kind, each.value) for each in known]
    found = erasing.Claims((), None)
    while True:
        found = await services.read(partial(erasing.find_claims, known=named, after=found.after))
        if found.ticket_ids:
            forget = partial(erasing.erase_claims, ticket_ids=found.ticket_ids, by=by, now=now)
            await services.write(forget, lane=Lane.BULK)
        if found.after is None:
            return


def _find(session: Session, *, named: Sequence[tuple[str, str]]) -> CustomersKnown:
    return CustomersKnown(data=[show.customer(session, each) for each in customers.find(session, named)])


def _read(session: Session, *, customer_id: UUID) -> CustomerKnown:
    return show.customer(session, customers.get(session, customer_id))
