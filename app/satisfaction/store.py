"""SQL for instruments and scores."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db import dialect
from app.models.satisfaction import Instrument, Score


def instruments(session: Session) -> list[Instrument]:
    """Return every version of every instrument, by name and version."""
    return list(session.scalars(select(Instrument).order_by(Instrument.name, Instrument.version)))


def add_instrument(session: Session, new: Instrument) -> Instrument:
    """Add an instrument as the next version of its name; one writer at a time, or two would count alike."""
    dialect.advisory_lock(session, "instruments")
    latest = session.scalar(select(func.max(Instrument.version)).where(Instrument.name == new.name))
    new.version = (latest or 0) + 1
    session.add(new)
    session.flush()
    return new


def add_scores(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Insert scores."""
    dialect.insert_rows(session, Score, rows)


def received(session: Session, submission_ids: Iterable[UUID]) -> dict[UUID, datetime]:
    """Return when these standalone submissions were received."""
    query = select(Score.submission_id, func.min(Score.received_at)).where(
        Score.submission_id.in_(list(submission_ids))
    )
    return dict(session.execute(query.group_by(Score.submission_id)).all())
