"""Agents and tickets for tests of flows, made by the stages themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.rules import KeyFacts
from app.configuration import store as configuration
from app.configuration.snapshot import Snapshot
from app.intake.classify import Sender, classify
from app.intake.commit import commit
from app.intake.schemas import Submission
from app.models.people import Agent, AgentLoad
from app.models.tickets import Ticket
from app.people import admin
from app.people.schemas import AgentIn
from app.services import Services

KEY = KeyFacts(UUID(int=0), "", frozenset({"feedback:write"}), None, None, None)


def hire(session: Session, name: str, *, capacity: int, status: str, now: datetime, team: str = "") -> UUID:
    """Add an agent of a team, else of the default team."""
    new = AgentIn(name=name, capacity=capacity, teams=[team] if team else [])
    made = admin.create_agent(session, new=new, by=None, now=now)
    admin.set_presence(session, agent_id=made.id, status=status, now=now)
    return made.id


def open_ticket(
    session: Session,
    snapshot: Snapshot,
    *,
    now: datetime,
    priority: str = "normal",
    at: datetime | None = None,
) -> UUID:
    """Take a complaint in."""
    said = Submission.model_validate(
        {"kind": "complaint", "text": "The lift is stuck.", "priority": priority, "occurred_at": at}
    )
    classified = classify(said, sender=Sender(KEY, None), snapshot=snapshot, once=None, now=now)
    (outcome,) = commit(session, [classified])
    return outcome.id


@dataclass(frozen=True)
class Floor:
    """Where the crew works: hires agents and opens tickets, each in a transaction of its own."""

    services: Services
    clock: Callable[[], datetime]

    async def hire(self, name: str, capacity: int, status: str = "online", team: str = "") -> UUID:
        """Add an agent."""
        new = partial(hire, name=name, capacity=capacity, status=status, now=self.clock(), team=team)
        return await self.services.write(new)

    async def open(self, priority: str = "normal") -> UUID:
        """Take a complaint in."""
        snapshot = await self.services.read(configuration.load)
        return await self.services.write(
            partial(open_ticket, snapshot=snapshot, now=self.clock(), priority=priority)
        )

    async def loads(self) -> dict[str, int]:
        """Return how many tickets each agent has open, of those who have any."""
        query = select(Agent.name, AgentLoad.open).join(AgentLoad, AgentLoad.agent_id == Agent.id)
        found = await self.services.read(lambda session: session.execute(query).all())
        return {name: load for name, load in found if load}

    async def assignees(self) -> dict[UUID, UUID | None]:
        """Return who has each ticket."""
        query = select(Ticket.id, Ticket.assignee_id)
        return dict(await self.services.read(lambda session: session.execute(query).all()))
