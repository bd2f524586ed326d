"""Set up agents and teams."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.events import store as events
from app.ids import new_id
from app.models.people import Agent, Team
from app.people import store
from app.people.schemas import AgentIn, AgentOut, AgentPatch, Ref, TeamIn, TeamOut


def create_agent(session: Session, *, new: AgentIn, by: UUID | None, now: datetime) -> AgentOut:
    """Add an agent; one who is in no team joins the default team."""
    team_ids = _teams(session, new.teams)
    fields = new.model_dump(exclude={"teams"})
    agent = store.add_agent(session, Agent(**fields, id=new_id(now), created_at=now), team_ids=team_ids)
    events.record_configuration(session, "agent.created", agent.id, by=by, now=now)
    return read_agent(session, agent_id=agent.id)


def change_agent(
    session: Session, *, agent_id: UUID, patch: AgentPatch, by: UUID | None, now: datetime
) -> AgentOut:
    """Change what was given of an agent; one who is left in no team joins the default team."""
    agent = store.agent(session, agent_id)
    store.change_agent(session, agent, patch.model_dump(exclude_unset=True, exclude={"teams"}))
    if "teams" in patch.model_fields_set:
        store.set_teams(session, agent_id, _teams(session, patch.teams))
    events.record_configuration(session, "agent.changed", agent_id, by=by, now=now)
    return read_agent(session, agent_id=agent_id)


def list_agents(session: Session) -> list[AgentOut]:
    """Return every agent with teams, presence and load."""
    rows = store.agents(session)
    teams = store.teams_of(session, [agent.id for agent, _, _ in rows])
    return [_render(agent, teams[agent.id], status, load) for agent, status, load in rows]


def read_agent(session: Session, *, agent_id: UUID) -> AgentOut:
    """Return one agent.

    Raises:
        NotFoundError: there is no such agent.
    """
    found = store.agents(session, only=agent_id)
    if not found:
        raise NotFoundError
    agent, status, load = found[0]
    return _render(agent, store.teams_of(session, [agent_id])[agent_id], status, load)


def set_presence(session: Session, *, agent_id: UUID, status: str, now: datetime) -> AgentOut:
    """Say whether an agent takes work."""
    store.set_presence(session, agent_id, status, now=now)
    return read_agent(session, agent_id=agent_id)


def create_team(session: Session, *, new: TeamIn, by: UUID | None, now: datetime) -> TeamOut:
    """Add a team."""
    team = Team(id=new_id(now), name=new.name, strategy=new.strategy, is_default=False, created_at=now)
    added = store.add_team(session, team)
    events.record_configuration(session, "team.created", added.id, by=by, now=now)
    return TeamOut.model_validate(added)


def list_teams(session: Session) -> list[TeamOut]:
    """Return every team."""
    return [TeamOut.model_validate(each) for each in store.teams(session)]


def _teams(session: Session, named: Sequence[str]) -> set[UUID]:
    found = store.find_teams(session, named, pointer="/teams")
    return set(found) or {store.default_team_id(session)}


def _render(agent: Agent, teams: list[Team], status: str, load: int) -> AgentOut:
    plain = ("id", "name", "email", "capacity", "languages", "zone", "skills", "created_at")
    return AgentOut.model_validate(
        {name: getattr(agent, name) for name in plain}
        | {"teams": [Ref(id=team.id, name=team.name) for team in teams], "presence": status, "open": load}
    )
