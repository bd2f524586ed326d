"""CORS for the one route that web pages call: the exact origin, no wildcard, no credentials. Pure ASGI."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.services import Services

PATHS = frozenset({"/v1/feedback"})
_PREFLIGHT = [
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-allow-headers", b"authorization, content-type, idempotency-key"),
    (b"access-control-max-age", b"600"),
    (b"vary", b"Origin"),
]


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
        origin = headers.get("origin")
        services: Services = scope["app"].state.services
        allowed = origin is not None and services.configuration.current.allows_origin(origin)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _preflight(send, origin if allowed else None)
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


async def _preflight(send: Send, origin: str | None) -> None:
    allow = [(b"access-control-allow-origin", origin.encode("latin-1"))] if origin else []
    await send(
        {"type": "http.response.start", "status": 204 if origin else 403, "headers": [*_PREFLIGHT, *allow]}
    )
    await send({"type": "http.response.body", "body": b""})
