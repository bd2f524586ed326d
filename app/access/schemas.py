"""Keys, sites and sources on the wire."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from app.access.rules import read_origin

Scope = Literal[
    "feedback:write", "calls:write", "tickets:read", "tickets:write", "history:write", "metrics:read", "admin"
]
SourceKind = Literal["api", "import", "call_centre", "form"]
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Bounds of an expiry: an instant near the ends of the calendar has no counterpart in UTC."""
ShortName = Annotated[str, Field(min_length=1, max_length=200)]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        message = "not an IANA time zone"
        raise ValueError(message)
    return name


def _as_origin(text: str) -> str:
    origin = read_origin(text)
    if origin is None:
        message = "an origin is a scheme, a host and perhaps a port"
        raise ValueError(message)
    return origin


Zone = Annotated[str, Field(max_length=40), AfterValidator(_known_zone)]
Origin = Annotated[str, Field(max_length=300), AfterValidator(_as_origin)]


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
    languages: Annotated[list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]], Field(max_length=50)] = ["en"]
    theme: Annotated[dict[str, Annotated[str, Field(max_length=200)]], Field(max_length=20)] = {}


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
    expires_at: Annotated[AwareDatetime, Field(ge=EARLIEST, le=LATEST)] | None = None


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
