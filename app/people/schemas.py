"""Agents, teams and presence on the wire."""

from datetime import datetime
from functools import cache
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError


def _whole(value: object) -> object:
    """JSON has one kind of number: 5.0 is the integer 5, and some languages write it so."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
Strategy = Literal["pull", "least_loaded"]
PresenceStatus = Literal["online", "away", "offline"]
ShortName = Annotated[str, Field(min_length=1, max_length=200)]
Email = Annotated[str, Field(max_length=200, pattern=r"^[^@\s]+@[^@\s]+$")]
Capacity = Annotated[int, Field(ge=0, le=1000, description="Open tickets the worker gives at most."), WHOLE]
Languages = Annotated[
    list[Annotated[str, Field(max_length=3, pattern=r"^[a-z]{2,3}$")]], Field(max_length=50)
]
Skills = Annotated[
    dict[Annotated[str, Field(max_length=40)], Annotated[int, Field(ge=1, le=5), WHOLE]],
    Field(max_length=100),
]
TeamNames = Annotated[list[ShortName], Field(max_length=100, description="Names or ids of teams.")]


@cache
def _zones() -> frozenset[str]:
    """Return the names of all zones; reading them from disk takes a while."""
    return frozenset(available_timezones())


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise PydanticCustomError("unknown_zone", "not an IANA time zone")
    return name


Zone = Annotated[
    str,
    Field(max_length=40, description="An IANA time zone.", json_schema_extra={"format": "iana-zone"}),
    AfterValidator(_known_zone),
]


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

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-00000000000b",
                    "name": "Ana Silva",
                    "email": "ana@example.org",
                    "capacity": 5,
                    "languages": ["en", "pt"],
                    "zone": "Europe/Lisbon",
                    "skills": {"billing": 4},
                    "teams": [{"id": "0198c0de-0000-7000-8000-00000000000a", "name": "Billing"}],
                    "presence": "online",
                    "open": 2,
                    "created_at": "2026-11-01T08:00:00Z",
                }
            ]
        }
    )

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
