"""All tables, imported so that the metadata is whole; migrations and tests start here."""

from app.models import (
    access,
    customers,
    events,
    health,
    history,
    jobs,
    people,
    routing,
    satisfaction,
    sla,
    tickets,
)
from app.models.base import Base

MODULES = (access, customers, events, health, history, jobs, people, routing, satisfaction, sla, tickets)
METADATA = Base.metadata
