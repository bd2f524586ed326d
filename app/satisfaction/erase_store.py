"""SQL for making scores forget whose they were; their values stay."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.models.satisfaction import Score

_FORGOTTEN = {"comment": None, "customer_id": None}


def erase_on(session: Session, ticket_ids: Sequence[UUID]) -> None:
    """Forget what came with the scores on these tickets."""
    session.execute(update(Score).where(Score.ticket_id.in_(ticket_ids)).values(_FORGOTTEN))


def erase_of(session: Session, customer_id: UUID, *, most: int) -> int:
    """Forget what came with up to `most` scores of a customer, and return how many."""
    mine = select(Score.id).where(Score.customer_id == customer_id).order_by(Score.id).limit(most)
    found = list(session.scalars(mine))
    session.execute(update(Score).where(Score.id.in_(found)).values(_FORGOTTEN))
    return len(found)
