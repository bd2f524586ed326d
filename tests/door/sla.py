"""What tests of calendars and policies share."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.db.jobs import JOBS
from app.models.events import Event
from app.policies.changes import REJUDGING
from app.services import Services

LUNCH = [{"from": "09:00", "to": "12:30"}, {"from": "13:30", "to": "18:00"}]
WEEK = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), LUNCH)
OFFICE: dict[str, Any] = {"name": "Lisbon office", "zone": "Europe/Lisbon", "week": WEEK}
CLOSED_ALL_YEAR = [
    {"date": (date(2000, 1, 1) + timedelta(days=place)).isoformat()[5:], "name": "x"} for place in range(366)
]
"""Every date there is."""


async def changes(services: Services, subject_id: str) -> list[tuple[str, dict[str, Any]]]:
    """Return what was recorded of a calendar or policy: type and data."""
    query = select(Event.type, Event.data).where(Event.subject_id == UUID(subject_id)).order_by(Event.id)
    return await services.read(lambda session: [(row[0], row[1]) for row in session.execute(query)])


async def rejudging(services: Services) -> int:
    """Return how often it was asked to judge anew what runs."""
    query = select(JOBS.c.generation).where(JOBS.c.kind == REJUDGING)
    return await services.read(lambda session: session.scalar(query) or 0)
