"""SQL for the queue and the agents who could take from it."""

from collections import defaultdict
from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.people import Agent, AgentLoad, Presence, Team, TeamMember
from app.models.tickets import Ticket
from app.routing.rules import Candidate


def free_agents(session: Session, *, strategy: str) -> dict[UUID, list[Candidate]]:
    """Return the online agents with a free slot, by each team that assigns by this strategy."""
    query = (
        select(TeamMember.team_id, Agent.id, AgentLoad.open, Agent.capacity)
        .join(Agent, Agent.id == TeamMember.agent_id)
        .join(Team, Team.id == TeamMember.team_id)
        .join(Presence, Presence.agent_id == Agent.id)
        .join(AgentLoad, AgentLoad.agent_id == Agent.id)
        .where(Team.strategy == strategy, Presence.status == "online", AgentLoad.open < Agent.capacity)
    )
    found: dict[UUID, list[Candidate]] = defaultdict(list)
    for team_id, agent_id, load, capacity in session.execute(query):
        found[team_id].append(Candidate(agent_id, load, capacity))
    return dict(found)


def next_in_queue(session: Session, team_ids: Collection[UUID], *, most: int) -> list[Ticket]:
    """Return the first waiting tickets of these teams, locked; those another worker has in hand are skipped."""
    query = select(Ticket).where(Ticket.queue_at.is_not(None), Ticket.team_id.in_(team_ids))
    locked = query.order_by(Ticket.queue_at, Ticket.id).limit(most).with_for_update(skip_locked=True)
    return list(session.scalars(locked, execution_options={"populate_existing": True}))
