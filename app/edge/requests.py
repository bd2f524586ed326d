"""One line and one id for each request: method, route template, status, seconds; never a path or a query. Pure ASGI."""

from secrets import token_hex

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import clock
from app.logs import get_logger

_log = get_logger("edge.requests")


class RequestLog:
    """Gives requests an id, which answers and problems carry, and logs what became of them."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an app."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = clock.monotonic(), 500
        request_id = scope["heard.request_id"] = token_hex(8)

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_named)
        finally:
            _log.info(
                "request",
                request_id=request_id,
                method=scope["method"],
                route=getattr(scope.get("route"), "path", None),
                status=status,
                seconds=round(clock.monotonic() - began, 6),
            )
