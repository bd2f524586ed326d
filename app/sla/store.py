"""SQL for the clocks."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.db import dialect
from app.models.tickets import Clock


def add_clocks(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Insert clocks."""
    dialect.insert_rows(session, Clock, rows)


def of_ticket(session: Session, ticket_id: UUID) -> list[Clock]:
    """Return a ticket's clocks."""
    return list(
        session.scalars(select(Clock).where(Clock.ticket_id == ticket_id).order_by(Clock.name, Clock.ordinal))
    )


def change_clock(session: Session, clock_id: UUID, values: dict[str, Any]) -> None:
    """Write what a replay found different."""
    session.execute(update(Clock).where(Clock.id == clock_id).values(values))


def drop_clocks(session: Session, clock_ids: Sequence[UUID]) -> None:
    """Delete episodes that a replay no longer finds."""
    if clock_ids:
        session.execute(delete(Clock).where(Clock.id.in_(clock_ids)))
