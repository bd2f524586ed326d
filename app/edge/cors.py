"""CORS for the one route that web pages call: the exact origin, no wildcard, no credentials. Pure ASGI."""

from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.edge import problems
from app.edge.identity import OriginError
from app.services import Services

PATHS = frozenset({"/v1/feedback"})
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "authorization, content-type, idempotency-key",
    "Access-Control-Max-Age": "600",
}
_EXPOSED = (b"access-control-expose-headers", b"Idempotency-Replayed, Retry-After")


class Cors:
    """Echoes the origin where some site lists it; whether it is the key's own site, the route finds out."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an app."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer preflights, and mark answers that a listed page may read."""
        if scope["type"] != "http" or scope["path"] not in PATHS:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origins = headers.getlist("origin")
        origin = origins[0] if len(origins) == 1 else None
        services: Services = scope["app"].state.services
        allowed = origin is not None and services.configuration.current.allows_origin(origin)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            answer = (
                _allowed(origin) if allowed and origin else problems.response(OriginError(), Request(scope))
            )
            answer.headers["Vary"] = "Origin"
            await answer(scope, receive, send)
            return

        # Caches must know, whoever asks, that a page of another origin would have been answered otherwise.
        marks = [(b"vary", b"Origin")]
        if allowed and origin:
            marks += [(b"access-control-allow-origin", origin.encode("latin-1")), _EXPOSED]

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *marks]
            await send(message)

        await self.app(scope, receive, send_marked)


def _allowed(origin: str) -> Response:
    return Response(status_code=204, headers={**_PREFLIGHT, "Access-Control-Allow-Origin": origin})
