"""One line and one id for each request: method, route template, status, seconds; never a path or a query.

Pure ASGI, and the outermost of ours: an error that nobody foresaw ends here, logged without its words.
"""

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import clock
from app.edge import problems
from app.ids import new_request_id
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
        began, status, started = clock.monotonic(), 500, False
        request_id = scope["heard.request_id"] = new_request_id()

        async def send_named(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_named)
        except Exception as error:  # noqa: BLE001  (the last place that can still answer)
            answer = problems.unforeseen(error, Request(scope))
            if not started:
                await answer(scope, receive, send_named)
        finally:
            _log.info(
                "request",
                request_id=request_id,
                method=scope["method"],
                route=getattr(scope.get("route"), "path", None),
                status=status,
                seconds=round(clock.monotonic() - began, 6),
            )
