"""Erase a person: what we know them by and every word; the anonymous ticket and its figures stay.

It goes piece by piece, so that nobody waits behind a person of many words. Stopped half-way it can go on: as
long as the customer is there, there is something left.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.customers import store as customers
from app.customers.rules import ERASED, identities
from app.events import store as events
from app.events.store import Happening
from app.people.rules import EVERYTHING
from app.satisfaction import erase_store as satisfaction
from app.tickets import erase_store
from app.tickets import store as tickets
from app.tickets.erase import erase, erase_claim

PIECE, SCORES, CLAIMS = 50, 500, 1000


@dataclass(frozen=True, slots=True)
class Claims:
    """The tickets of a page whose sender claimed to be someone, and where the next page begins, if any."""

    ticket_ids: Sequence[UUID]
    after: UUID | None


def find_claims(session: Session, known: Collection[tuple[str, str]], *, after: UUID | None) -> Claims:
    """Find the tickets, a page at a time, whose unverified claim names one of these identities."""
    page = erase_store.claims(session, after=after, most=CLAIMS)
    wanted = set(known)
    hits = [
        ticket_id
        for ticket_id, claim in page
        if wanted.intersection(identities(claim.get("ref"), claim.get("email"), claim.get("phone")))
    ]
    return Claims(hits, page[-1][0] if len(page) == CLAIMS else None)


def erase_claims(session: Session, ticket_ids: Sequence[UUID], *, by: UUID | None, now: datetime) -> None:
    """Make these tickets forget who their sender claimed to be."""
    for ticket in erase_store.lock_some(session, ticket_ids):
        erase_claim(session, ticket, by=by, now=now)


def erase_ticket(session: Session, ticket_id: UUID, *, by: UUID | None, now: datetime) -> None:
    """Erase every word on one ticket: whoever wrote through a public form is no customer we know.

    Raises:
        NotFoundError: there is no such ticket.
    """
    erase(session, tickets.lock(session, ticket_id, seen_by=EVERYTHING), by=by, now=now)
    satisfaction.erase_on(session, [ticket_id])


def erase_piece(session: Session, customer_id: UUID, *, by: UUID | None, now: datetime) -> bool:
    """Erase the next piece of a person, and tell whether that was the last: nobody knows them any more.

    Raises:
        NotFoundError: there is no such customer.
    """
    mine = erase_store.lock_of_customer(session, customer_id, most=PIECE)
    for ticket in mine:
        erase(session, ticket, by=by, now=now)
    satisfaction.erase_on(session, [ticket.id for ticket in mine])
    scores = satisfaction.erase_of(session, customer_id, most=SCORES)
    if len(mine) == PIECE or scores == SCORES:
        return False
    customers.get(session, customer_id, lock=True)
    # Whatever came in before that lock is theirs too; after it, nothing more can.
    if erase_store.lock_of_customer(session, customer_id, most=1) or satisfaction.erase_of(
        session, customer_id, most=SCORES
    ):
        return False
    customers.remove(session, customer_id)
    events.record(session, [Happening("customer", customer_id, 1, ERASED, now, now, by)])
    return True
