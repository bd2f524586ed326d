"""CORS for the one route that web pages call: the exact origin, no wildcard, no credentials. Pure ASGI."""

from fastapi import Request, Response
from starlette.datastructures import Headers, MutableHeaders
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
        if not origins and scope["method"] == "POST":
            await self.app(scope, receive, _varying(send))
            return
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

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                marked = MutableHeaders(scope=message)
                marked.add_vary_header("Origin")
                if allowed and origin:
                    marked["Access-Control-Allow-Origin"] = origin
                    marked["Access-Control-Expose-Headers"] = "Idempotency-Replayed, Retry-After"
            await send(message)

        await self.app(scope, receive, send_marked)


def _varying(send: Send) -> Send:
    """Let caches know that a page would have been answered otherwise: most callers are no pages."""

    async def send_varying(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"vary", b"Origin")]
        await send(message)

    return send_varying


def _allowed(origin: str) -> Response:
    return Response(status_code=204, headers={**_PREFLIGHT, "Access-Control-Allow-Origin": origin})
