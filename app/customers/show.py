"""Render customers, with all we know them by."""

from sqlalchemy.orm import Session

from app.customers import store
from app.customers.schemas import CustomerKnown
from app.models.customers import Customer


def customer(session: Session, row: Customer) -> CustomerKnown:
    """Render one customer."""
    known = [{"kind": kind, "value": value} for kind, value in store.identities_of(session, row.id)]
    return CustomerKnown.model_validate(
        {"id": row.id, "name": row.name, "identities": known, "created_at": row.created_at}
    )
