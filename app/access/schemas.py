"""Keys, sites and sources on the wire."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.access.rules import read_origin
from app.people.schemas import Languages, Zone

Scope = Literal[
    "feedback:write", "calls:write", "tickets:read", "tickets:write", "history:write", "metrics:read", "admin"
]
SourceKind = Literal["api", "import", "call_centre", "form"]
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Bounds of an expiry: an instant near the ends of the calendar has no counterpart in UTC."""
ShortName = Annotated[str, Field(min_length=1, max_length=200)]


def _as_origin(text: str) -> str:
    origin = read_origin(text)
    if origin is None:
        raise PydanticCustomError("not_an_origin", "an origin is a scheme, a host and perhaps a port")
    return origin


def _within_bounds(at: datetime) -> datetime:
    if not EARLIEST <= at <= LATEST:
        raise PydanticCustomError("out_of_bounds", "between the years 2000 and 2200")
    return at


Theme = Annotated[
    dict[Annotated[str, Field(max_length=40)], Annotated[str, Field(max_length=200)]], Field(max_length=20)
]
Origin = Annotated[
    str, Field(max_length=300, json_schema_extra={"format": "web-origin"}), AfterValidator(_as_origin)
]


class SiteIn(BaseModel):
    """A new site; only pages of these origins may speak with its public key."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "shop", "origins": ["https://shop.example.org"]}]},
    )

    name: ShortName
    origins: Annotated[list[Origin], Field(max_length=100)] = []
    allow_servers: Annotated[
        bool, Field(description="Accept requests without an Origin, as servers send them.")
    ] = False
    languages: Languages = ["en"]
    theme: Theme = {}


class SiteOut(BaseModel):
    """A site and its public key."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    public_key: str
    origins: list[str]
    allow_servers: bool
    languages: list[str]
    theme: dict[str, Any]
    created_at: datetime


class SourceIn(BaseModel):
    """A new source; `zone` reads its local times."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "crm", "kind": "api"}]}
    )

    name: ShortName
    kind: SourceKind = "api"
    zone: Zone = "UTC"


class SourceOut(BaseModel):
    """A source."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    kind: SourceKind
    zone: str
    created_at: datetime


class KeyIn(BaseModel):
    """A new secret key: for an agent, for certain sources, or for neither."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "crm", "scopes": ["feedback:write"], "sources": ["crm"]}]},
    )

    name: ShortName
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=20)]
    agent_id: UUID | None = None
    sources: Annotated[list[ShortName], Field(max_length=100, description="Names of sources.")] | None = None
    expires_at: Annotated[AwareDatetime, AfterValidator(_within_bounds)] | None = None


class KeyOut(BaseModel):
    """A key as it can be shown: never the secret."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    prefix: str
    scopes: list[str]
    agent_id: UUID | None
    sources: list[str] | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime


class NewKeyOut(KeyOut):
    """A key just made; `key` is shown this once."""

    key: str
