"""SQL for the queue and the agents who could take from it."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.people import Agent, AgentLoad, Presence, Team, TeamMember
from app.models.tickets import Ticket
from app.routing.rules import Candidate


def someone_can_take(session: Session, *, strategy: str) -> bool:
    """Whether a ticket waits that an agent could take; changes and locks nothing."""
    waits = select(Ticket.id).where(Ticket.team_id == TeamMember.team_id, Ticket.queue_at.is_not(None))
    found = _free(select(TeamMember.team_id), strategy).where(waits.exists()).limit(1)
    return session.scalar(found) is not None


def lock_free_agents(session: Session, *, strategy: str) -> dict[UUID, list[Candidate]]:
    """Return the online agents with a free slot, by each team that assigns by this strategy.

    Their loads are locked in one order for everybody, so what we read here stays true until we are done, and
    two workers wait for each other instead of both counting on the same slot.
    """
    query = _free(select(TeamMember.team_id, Agent.id, AgentLoad.open, Agent.capacity), strategy)
    found: dict[UUID, list[Candidate]] = defaultdict(list)
    for team_id, agent_id, load, capacity in session.execute(
        query.order_by(AgentLoad.agent_id).with_for_update(of=AgentLoad)
    ):
        found[team_id].append(Candidate(agent_id, load, capacity))
    return dict(found)


def next_in_queue(session: Session, team_ids: Collection[UUID], *, most: int) -> list[Ticket]:
    """Return the first waiting tickets of these teams, locked; those in somebody's hand are skipped."""
    query = select(Ticket).where(Ticket.queue_at.is_not(None), Ticket.team_id.in_(team_ids))
    locked = query.order_by(Ticket.queue_at, Ticket.id).limit(most).with_for_update(skip_locked=True)
    return list(session.scalars(locked, execution_options={"populate_existing": True}))


def _free(query: Any, strategy: str) -> Any:
    return (
        query.select_from(TeamMember)
        .join(Agent, Agent.id == TeamMember.agent_id)
        .join(Team, Team.id == TeamMember.team_id)
        .join(Presence, Presence.agent_id == Agent.id)
        .join(AgentLoad, AgentLoad.agent_id == Agent.id)
        .where(Team.strategy == strategy, Presence.status == "online", AgentLoad.open < Agent.capacity)
    )
