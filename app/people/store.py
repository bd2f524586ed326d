"""SQL for agents, teams, presence and load."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db import dialect
from app.errors import ConflictError, NotFoundError, invalid
from app.ids import new_id
from app.models.people import Agent, AgentLoad, Presence, Team, TeamMember
from app.people.rules import Viewer


class NameTakenError(ConflictError):
    """Another one has this name or address."""

    code, title = "name_taken", "That name is taken"


def agent(session: Session, agent_id: UUID) -> Agent:
    """Return an agent, or raise `NotFoundError`."""
    found = session.get(Agent, agent_id)
    if found is None:
        raise NotFoundError
    return found


def require_agent(session: Session, agent_id: UUID, *, pointer: str) -> None:
    """Refuse, at `pointer`, an agent that does not exist."""
    if session.get(Agent, agent_id) is None:
        raise invalid(pointer, "unknown_agent", "no such agent")


def agents(session: Session, *, only: UUID | None = None) -> list[tuple[Agent, str, int]]:
    """Return every agent, or one alone, with presence and number of open tickets, by name."""
    query = (
        select(Agent, Presence.status, AgentLoad.open)
        .join(Presence, Presence.agent_id == Agent.id)
        .join(AgentLoad, AgentLoad.agent_id == Agent.id)
    )
    if only is not None:
        query = query.where(Agent.id == only)
    return [
        (each, status, load) for each, status, load in session.execute(query.order_by(Agent.name, Agent.id))
    ]


def add_agent(session: Session, new: Agent, *, team_ids: Collection[UUID]) -> Agent:
    """Add an agent: offline, with nothing to do, in these teams."""
    session.add(new)
    _flush_named(session)
    session.execute(insert(Presence), {"agent_id": new.id, "status": "offline", "seen_at": new.created_at})
    session.execute(insert(AgentLoad), {"agent_id": new.id, "open": 0})
    set_teams(session, new.id, team_ids)
    return new


def change_agent(session: Session, changed: Agent, fields: dict[str, Any]) -> None:
    """Write these columns of an agent."""
    for name, value in fields.items():
        setattr(changed, name, value)
    _flush_named(session)


def _flush_named(session: Session) -> None:
    """Write an agent whose name or address may be another's.

    Raises:
        NameTakenError: it is.
    """
    try:
        session.flush()
    except IntegrityError as error:
        raise NameTakenError from error


def set_teams(session: Session, agent_id: UUID, team_ids: Collection[UUID]) -> None:
    """Make the agent a member of exactly these teams."""
    session.execute(delete(TeamMember).where(TeamMember.agent_id == agent_id))
    if team_ids:
        session.execute(
            insert(TeamMember), [{"team_id": each, "agent_id": agent_id} for each in sorted(team_ids)]
        )


def teams(session: Session) -> list[Team]:
    """Return every team, by name."""
    return list(session.scalars(select(Team).order_by(Team.name)))


def add_team(session: Session, new: Team) -> Team:
    """Add a team."""
    row = {column.key: getattr(new, column.key) for column in Team.__table__.columns}
    if not dialect.insert_new(session, Team, [row], key=("name",)):
        raise NameTakenError
    return session.get_one(Team, new.id)


def default_team_id(session: Session) -> UUID:
    """Return the team that catches what no other takes."""
    return session.scalars(select(Team.id).where(Team.is_default)).one()


def find_teams(session: Session, named: Sequence[str], *, pointer: str) -> list[UUID]:
    """Return the teams with these names or ids; an unknown one is a flaw at `pointer`."""
    by_name = {key: each.id for each in teams(session) for key in (each.name, str(each.id))}
    for place, name in enumerate(named):
        if name not in by_name:
            raise invalid(f"{pointer}/{place}", "unknown_team", "no such team")
    return [by_name[name] for name in named]


def teams_of(session: Session, agent_ids: Iterable[UUID]) -> dict[UUID, list[Team]]:
    """Return each agent's teams, by name."""
    wanted = list(agent_ids)
    query = select(TeamMember.agent_id, Team).join(Team, Team.id == TeamMember.team_id)
    found: dict[UUID, list[Team]] = {each: [] for each in wanted}
    for agent_id, team in session.execute(query.where(TeamMember.agent_id.in_(wanted)).order_by(Team.name)):
        found[agent_id].append(team)
    return found


def viewer(session: Session, agent_id: UUID | None) -> Viewer:
    """Return what this agent may see: its teams' tickets and the default team's; no agent sees all."""
    if agent_id is None:
        return Viewer(None)
    own = session.scalars(select(TeamMember.team_id).where(TeamMember.agent_id == agent_id))
    return Viewer(frozenset([*own, default_team_id(session)]))


def names(session: Session, agent_ids: Iterable[UUID | None], team_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the names of agents and teams, for showing."""
    wanted_agents, wanted_teams = {each for each in agent_ids if each}, set(team_ids)
    found = dict(session.execute(select(Agent.id, Agent.name).where(Agent.id.in_(wanted_agents))).all())
    found.update(session.execute(select(Team.id, Team.name).where(Team.id.in_(wanted_teams))).all())
    return found


def set_presence(session: Session, agent_id: UUID, status: str, *, now: datetime) -> None:
    """Say whether an agent takes work."""
    changed = update(Presence).where(Presence.agent_id == agent_id).values(status=status, seen_at=now)
    if session.scalar(changed.returning(Presence.agent_id)) is None:
        raise NotFoundError


def take_slot(session: Session, agent_id: UUID, *, within: int) -> bool:
    """Take a slot of the agent unless as many as `within` are taken; tells whether it was taken."""
    free = update(AgentLoad).where(AgentLoad.agent_id == agent_id, AgentLoad.open < within)
    return session.scalar(free.values(open=AgentLoad.open + 1).returning(AgentLoad.open)) is not None


def shift_load(session: Session, *, released: UUID | None, taken: UUID | None) -> None:
    """Move one open ticket from one agent's load to another's; a person may decide to exceed the capacity."""
    if released == taken:
        return
    steps = sorted((each, step) for each, step in ((released, -1), (taken, 1)) if each is not None)
    for agent_id, step in steps:
        session.execute(
            update(AgentLoad).where(AgentLoad.agent_id == agent_id).values(open=AgentLoad.open + step)
        )


def add_missing(
    session: Session, agent_names: set[str], team_names: set[str], *, import_id: UUID, now: datetime
) -> bool:
    """Create unknown agents and teams of an import, offline and by name; tells whether anything was new."""
    new_teams = [
        {
            "id": new_id(now),
            "name": name,
            "strategy": "pull",
            "is_default": False,
            "import_id": import_id,
            "created_at": now,
        }
        for name in sorted(team_names)
    ]
    added = dialect.insert_new(session, Team, new_teams, key=("name",))
    new_agents: list[dict[str, Any]] = [
        {
            "id": new_id(now), "name": name, "email": None, "capacity": 0, "languages": [], "zone": "UTC",
            "skills": {}, "import_id": import_id, "created_at": now,
        }
        for name in sorted(agent_names)
    ]  # fmt: skip
    came = dialect.insert_new(session, Agent, new_agents, key=("name",))
    ids = session.scalars(select(Agent.id).where(Agent.name.in_([name for (name,) in came]))).all()
    if ids:
        session.execute(
            insert(Presence), [{"agent_id": each, "status": "offline", "seen_at": now} for each in ids]
        )
        session.execute(insert(AgentLoad), [{"agent_id": each, "open": 0} for each in ids])
    return bool(added or came)


def ids_by_name(
    session: Session, agent_names: set[str], team_names: set[str]
) -> tuple[dict[str, UUID], dict[str, UUID]]:
    """Return the ids of agents and of teams by their names."""
    found_agents = session.execute(select(Agent.name, Agent.id).where(Agent.name.in_(agent_names)))
    found_teams = session.execute(select(Team.name, Team.id).where(Team.name.in_(team_names)))
    return dict(found_agents.all()), dict(found_teams.all())
