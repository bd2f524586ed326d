"""What every change of a calendar or policy leaves: its event, and the wish to judge anew what still runs."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.db import jobs
from app.events import store as events
from app.models.sla import Calendar, Policy

REJUDGING = "rejudging"
"""The job that judges what runs by what holds now; there is one, for everything."""


def record_change(
    session: Session, kind: str, changed: Calendar | Policy, *, by: UUID | None, now: datetime
) -> None:
    """Record a change, and ask for every running clock to be judged by what holds now."""
    data = {"version": changed.version}
    events.record_configuration(session, kind, changed.id, by=by, now=now, data=data)
    jobs.enqueue(session, REJUDGING, "all", due_at=now, now=now)
