"""Scopes, origins, and what the snapshot keeps of keys, sites and sources. Pure."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

SCOPES = (
    "feedback:write",
    "calls:write",
    "tickets:read",
    "tickets:write",
    "history:write",
    "metrics:read",
    "admin",
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A secret key: `sources` None may write any source."""

    id: UUID
    hash: str
    scopes: frozenset[str]
    agent_id: UUID | None
    sources: frozenset[UUID] | None
    expires_at: datetime | None

    def live(self, now: datetime) -> bool:
        """Whether the key has not expired."""
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """A web site with a public key."""

    id: UUID
    name: str
    public_key: str
    origins: frozenset[str]
    allow_servers: bool

    def allows(self, origin: str | None) -> bool:
        """Whether a request from that `Origin` may be stored; none at all only where servers may speak."""
        return self.allow_servers if origin is None else origin in self.origins


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """A system that sends."""

    id: UUID
    name: str
    kind: str
    zone: str


def read_origin(text: str) -> str | None:
    """Return an origin as browsers send it (scheme and host in lower case, no default port), or None."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    bare = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or not bare:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown = "" if port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{port}"
    return f"{parts.scheme}://{host}{shown}"
