"""Agents, teams and presence on the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Strategy = Literal["pull", "least_loaded"]
PresenceStatus = Literal["online", "away", "offline"]
ShortName = Annotated[str, Field(min_length=1, max_length=200)]
Email = Annotated[str, Field(max_length=200, pattern=r"^[^@\s]+@[^@\s]+$")]
Capacity = Annotated[int, Field(ge=0, le=1000, description="Open tickets the worker gives at most.")]
Languages = Annotated[list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]], Field(max_length=50)]
Skills = Annotated[
    dict[Annotated[str, Field(max_length=40)], Annotated[int, Field(ge=1, le=5)]], Field(max_length=100)
]
TeamNames = Annotated[list[ShortName], Field(max_length=100, description="Names or ids of teams.")]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        message = "no such time zone"
        raise ValueError(message)
    return name


Zone = Annotated[str, Field(max_length=40), AfterValidator(_known_zone)]


class Ref(BaseModel):
    """An id with the name people know it by."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str


class AgentIn(BaseModel):
    """A new agent; without teams, a member of the default team."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "Ana Silva", "email": "ana@example.org", "capacity": 5}]},
    )

    name: ShortName
    email: Email | None = None
    capacity: Capacity = 5
    languages: Languages = []
    zone: Zone = "UTC"
    skills: Skills = {}
    teams: TeamNames = []


class AgentOut(BaseModel):
    """An agent, whether there and how busy."""

    id: UUID
    name: str
    email: str | None
    capacity: int
    languages: list[str]
    zone: str
    skills: dict[str, int]
    teams: list[Ref]
    presence: PresenceStatus
    open: int
    created_at: datetime


class AgentPatch(BaseModel):
    """A merge patch of an agent: absent fields stay; null clears the address, all else needs a value."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"capacity": 8}]})

    name: ShortName = ""
    email: Email | None = None
    capacity: Capacity = 0
    languages: Languages = []
    zone: Zone = "UTC"
    skills: Skills = {}
    teams: TeamNames = []


class PresenceIn(BaseModel):
    """Whether the agent takes work."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"status": "online"}]})

    status: PresenceStatus


class TeamIn(BaseModel):
    """A new team."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "Billing"}]})

    name: ShortName
    strategy: Strategy = "least_loaded"


class TeamOut(BaseModel):
    """A team."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    strategy: Strategy
    is_default: bool
    created_at: datetime
