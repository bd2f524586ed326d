"""Who calls: a secret key with scopes, or a site's public key. Closed by default.

A route declares what it needs by a `Requires` in its signature; one that declares nothing fails a test.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from app.access.rules import KeyFacts, SiteFacts
from app.edge import queries
from app.errors import BadRequestError, ForbiddenError, UnauthorisedError, invalid
from app.ids import PUBLIC_PREFIX, digest, looks_like_key, same
from app.services import Services


class ScopeMissingError(ForbiddenError):
    """The key lacks the scope."""

    code, title = "scope_missing", "This key lacks the scope"


class PublicKeyError(ForbiddenError):
    """A public key where only secret ones go."""

    code, title = "public_key", "A public key only sends feedback"


class OriginError(ForbiddenError):
    """The page's origin is not on the site's list."""

    code, title = "origin_not_allowed", "This origin may not use the site's key"


class OtherAgentError(ForbiddenError):
    """An agent's key that names another agent."""

    code, title = "not_that_agent", "This key acts for its own agent only"


@dataclass(frozen=True, slots=True)
class Identity:
    """A known caller: either `key` or `site` is set."""

    key: KeyFacts | None
    site: SiteFacts | None

    @property
    def agent_id(self) -> UUID | None:
        """The agent the key is bound to."""
        return self.key.agent_id if self.key else None

    @property
    def scope(self) -> str:
        """The credential's part of an idempotency scope."""
        return f"key:{self.key.id}" if self.key else f"site:{self.site.id if self.site else ''}"

    def acting(self, named: UUID | None) -> UUID:
        """Return the agent who acts: the key's own, or the one named.

        Raises:
            OtherAgentError: the key is bound to another agent than the one named.
            ValidationError: neither says.
        """
        if self.agent_id is None:
            if named is None:
                raise invalid("/agent_id", "required", "this key is bound to no agent: say who acts")
            return named
        if named not in {None, self.agent_id}:
            raise OtherAgentError
        return self.agent_id


def get_services(request: Request) -> Services:
    """Return what this process works with."""
    services: Services = request.app.state.services
    return services


async def services_of(request: Request) -> Services:
    """Return the services, as a dependency that costs no thread."""
    return get_services(request)


async def now_of(request: Request) -> datetime:
    """Return the instant of this request: the one clock read of a door."""
    return get_services(request).clock()


class Requires(SecurityBase):
    """A dependency that lets through keys with this scope; `public` lets site keys through as well."""

    def __init__(self, scope: str, *, public: bool = False) -> None:
        """Take the scope a secret key needs."""
        self.scope = scope
        self.public = public
        self.model = HTTPBearer(
            description="A secret key (`heard_sk_…`), or on the feedback route a site's public key."
        )
        self.scheme_name = "Key"

    async def __call__(self, request: Request) -> Identity:
        """Return the caller, or refuse."""
        identity = self._identify(request)
        queries.check(request, key=self.public)
        return identity

    def _identify(self, request: Request) -> Identity:
        services = get_services(request)
        presented = _presented(request, in_query=self.public)
        if presented.startswith(PUBLIC_PREFIX):
            return self._site(request, services, presented)
        hashed = digest(presented)
        key = services.configuration.current.keys.get(hashed) if looks_like_key(presented) else None
        now = services.clock()
        if key is None or not same(key.hash, hashed) or not key.live(now):
            raise UnauthorisedError
        services.configuration.used[key.id] = now
        if self.scope not in key.scopes:
            raise ScopeMissingError(f"needs {self.scope}")
        return Identity(key, None)

    def _site(self, request: Request, services: Services, presented: str) -> Identity:
        site = services.configuration.current.sites.get(presented)
        if site is None:
            raise UnauthorisedError
        if not self.public:
            raise PublicKeyError
        origins = request.headers.getlist("origin")
        if len(origins) > 1 or not site.allows(next(iter(origins), None)):
            raise OriginError
        return Identity(None, site)


def _presented(request: Request, *, in_query: bool) -> str:
    shown = request.headers.getlist("authorization")
    if len(shown) > 1:
        raise BadRequestError("two keys: show one")
    scheme, _, credentials = "".join(shown).partition(" ")
    if scheme.lower() == "bearer" and credentials:
        return credentials.strip()
    from_query = request.query_params.get("key") if in_query else None
    if not from_query:
        raise UnauthorisedError
    return from_query


ServicesDep = Annotated[Services, Depends(services_of)]
Now = Annotated[datetime, Depends(now_of)]
Speaker = Annotated[Identity, Depends(Requires("feedback:write", public=True))]
TicketReader = Annotated[Identity, Depends(Requires("tickets:read"))]
TicketWriter = Annotated[Identity, Depends(Requires("tickets:write"))]
Historian = Annotated[Identity, Depends(Requires("history:write"))]
Analyst = Annotated[Identity, Depends(Requires("metrics:read"))]
Admin = Annotated[Identity, Depends(Requires("admin"))]
