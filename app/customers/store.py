"""SQL for customers and their identities."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, tuple_
from sqlalchemy.orm import Session

from app.customers.rules import KINDS
from app.db import dialect
from app.errors import NotFoundError
from app.models.customers import Customer, CustomerIdentity


@dataclass(frozen=True, slots=True)
class Claimant:
    """Someone who speaks: their identities, and the id they get when nobody has these yet."""

    identities: tuple[tuple[str, str], ...]
    fresh_id: UUID
    name: str | None
    now: datetime
    import_id: UUID | None = None


def settle(session: Session, claimants: Sequence[Claimant]) -> list[UUID | None]:
    """Return each claimant's customer, creating those nobody knew; None for one without identities.

    Identities are claimed kind by kind in order of weight and sorted, so that two writers meet in one order.
    The heaviest identity someone already has decides; lighter ones that belong to another stay there.
    """
    owners: list[UUID | None] = [None] * len(claimants)
    for kind in KINDS:
        _settle_kind(session, kind, claimants, owners)
    created = {
        each.fresh_id: {
            "id": each.fresh_id,
            "name": each.name,
            "import_id": each.import_id,
            "created_at": each.now,
        }
        for each, owner in zip(claimants, owners, strict=True)
        if owner == each.fresh_id
    }
    dialect.insert_rows(session, Customer, list(created.values()))
    return owners


def _settle_kind(
    session: Session, kind: str, claimants: Sequence[Claimant], owners: list[UUID | None]
) -> None:
    wanted: dict[str, dict[str, Any]] = {}
    speakers: list[tuple[int, str]] = []
    for place, claimant in enumerate(claimants):
        for value in (value for its_kind, value in claimant.identities if its_kind == kind):
            speakers.append((place, value))
            wanted.setdefault(
                value,
                {
                    "kind": kind, "value": value, "customer_id": owners[place] or claimant.fresh_id,
                    "import_id": claimant.import_id, "created_at": claimant.now,
                },
            )  # fmt: skip
    if not wanted:
        return
    rows = [wanted[value] for value in sorted(wanted)]
    won = {value for (_, value) in dialect.insert_new(session, CustomerIdentity, rows, key=("kind", "value"))}
    known = {value: wanted[value]["customer_id"] for value in won} | _known(
        session, kind, wanted.keys() - won
    )
    if known.keys() != wanted.keys():  # someone was erased between our two statements
        raise dialect.ChangedMeanwhileError
    for place, value in speakers:
        owners[place] = owners[place] or known[value]


def _known(session: Session, kind: str, values: set[str]) -> dict[str, UUID]:
    if not values:
        return {}
    query = select(CustomerIdentity.value, CustomerIdentity.customer_id)
    found = session.execute(query.where(CustomerIdentity.kind == kind, CustomerIdentity.value.in_(values)))
    return dict(found.all())


def names(session: Session, customer_ids: set[UUID]) -> dict[UUID, str | None]:
    """Return the customers' names."""
    found = session.execute(select(Customer.id, Customer.name).where(Customer.id.in_(customer_ids)))
    return dict(found.all())


def identities_of(session: Session, customer_id: UUID) -> list[tuple[str, str]]:
    """Return a customer's identities, as (kind, value)."""
    query = select(CustomerIdentity.kind, CustomerIdentity.value).where(
        CustomerIdentity.customer_id == customer_id
    )
    return list(session.execute(query.order_by(CustomerIdentity.kind, CustomerIdentity.value)))


def get(session: Session, customer_id: UUID, *, lock: bool = False) -> Customer:
    """Return a customer; locked, nothing new can refer to them until the transaction ends.

    Raises:
        NotFoundError: there is no such customer.
    """
    found = session.get(Customer, customer_id, with_for_update=lock or None)
    if found is None:
        raise NotFoundError
    return found


def find(session: Session, identities: Sequence[tuple[str, str]]) -> list[Customer]:
    """Return the customers who have any of these identities, longest known first."""
    mine = select(CustomerIdentity.customer_id).where(
        tuple_(CustomerIdentity.kind, CustomerIdentity.value).in_(identities)
    )
    query = select(Customer).where(Customer.id.in_(mine))
    return list(session.scalars(query.order_by(Customer.created_at, Customer.id)))


def remove(session: Session, customer_id: UUID) -> None:
    """Forget a customer and all we knew them by."""
    session.execute(delete(CustomerIdentity).where(CustomerIdentity.customer_id == customer_id))
    session.execute(delete(Customer).where(Customer.id == customer_id))
