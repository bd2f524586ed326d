"""Those who answer: agents, their teams, their presence and their load."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Code, Key, Name


class Agent(Base):
    """A person who answers."""

    __tablename__ = "agents"
    __table_args__ = (
        CheckConstraint("capacity >= 0", "capacity"),
        Index("uq_agents_name", "name", unique=True),
        Index("uq_agents_email", "email", unique=True, postgresql_where=text("email IS NOT NULL")),
    )

    id: Mapped[Key]
    name: Mapped[Name]
    email: Mapped[Name | None]
    capacity: Mapped[int]
    languages: Mapped[list[str]]
    zone: Mapped[Code]
    skills: Mapped[dict[str, Any]]
    import_id: Mapped[UUID | None]
    created_at: Mapped[datetime]


class Presence(Base):
    """Whether an agent is there; narrow and often written, so apart from the agent."""

    __tablename__ = "presence"
    __table_args__ = (CheckConstraint("status IN ('online', 'away', 'offline')", "status"),)

    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    status: Mapped[Code]
    seen_at: Mapped[datetime]


class AgentLoad(Base):
    """How many open tickets an agent has; taken by a conditional update, so never over the capacity."""

    __tablename__ = "agent_load"
    __table_args__ = (CheckConstraint("open >= 0", "open"),)

    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    open: Mapped[int]


class Team(Base):
    """A group of agents with one queue."""

    __tablename__ = "teams"
    __table_args__ = (
        Index("uq_teams_name", "name", unique=True),
        CheckConstraint("strategy IN ('pull', 'least_loaded')", "strategy"),
    )

    id: Mapped[Key]
    name: Mapped[Name]
    strategy: Mapped[Code]
    is_default: Mapped[bool]
    import_id: Mapped[UUID | None]
    created_at: Mapped[datetime]


class TeamMember(Base):
    """An agent in a team."""

    __tablename__ = "team_members"

    team_id: Mapped[UUID] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(
        ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True, index=True
    )
