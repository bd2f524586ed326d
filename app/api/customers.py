"""The door of those who answer for people's data: find a customer, look, erase."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
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
from app.ids import new_id
from app.services import Services

router = APIRouter(prefix="/v1", tags=["customers"])
IN_FLIGHT = timedelta(minutes=1)
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
    named = await services.read(partial(_names, customer_id=customer_id))
    forget_claims = partial(_erase_claims, services, named, by=caller.agent_id, now=now)
    await forget_claims(after=None)
    erase = partial(erasing.erase_piece, customer_id=customer_id, by=caller.agent_id, now=now)
    while not await services.write(erase, lane=Lane.BULK):
        pass
    await forget_claims(after=new_id(now - IN_FLIGHT))  # what came in meanwhile
    return Response(status_code=204)


@router.post("/tickets/{ticket_id}/erase", status_code=204)
async def erase_ticket(ticket_id: UUID, caller: Admin, now: Now, services: ServicesDep) -> Response:
    """Erase every word on a ticket, such as one of somebody whom no customer's record names.

    Their other tickets, follow-ups too, are erased one by one.
    """
    await services.write(partial(erasing.erase_ticket, ticket_id=ticket_id, by=caller.agent_id, now=now))
    return Response(status_code=204)


async def _erase_claims(
    services: Services,
    named: Collection[tuple[str, str]],
    *,
    after: UUID | None,
    by: UUID | None,
    now: datetime,
) -> None:
    """Erase what others claimed under these names, on tickets whose ids come after that one."""
    found = erasing.Claims((), after)
    while True:
        found = await services.read(partial(erasing.find_claims, known=named, after=found.after))
        for start in range(0, len(found.ticket_ids), erasing.PIECE):
            piece = found.ticket_ids[start : start + erasing.PIECE]
            forget = partial(erasing.erase_claims, ticket_ids=piece, by=by, now=now)
            await services.write(forget, lane=Lane.BULK)
        if found.after is None:
            return


def _names(session: Session, *, customer_id: UUID) -> list[tuple[str, str]]:
    return [(each.kind, each.value) for each in _read(session, customer_id=customer_id).identities]


def _find(session: Session, *, named: Sequence[tuple[str, str]]) -> CustomersKnown:
    return CustomersKnown(data=[show.customer(session, each) for each in customers.find(session, named)])


def _read(session: Session, *, customer_id: UUID) -> CustomerKnown:
    return show.customer(session, customers.get(session, customer_id))
