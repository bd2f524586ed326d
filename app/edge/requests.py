"""One line, one id, one count for each request: method, route template, status, seconds; never path or query.

Pure ASGI, and the outermost of ours: an error that nobody foresaw ends here, logged without its words.
"""

import asyncio

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import clock
from app.edge import problems
from app.edge.telemetry import Telemetry
from app.errors import OutcomeUnknownError
from app.ids import new_request_id
from app.logs import get_logger

_log = get_logger("edge.requests")


class RequestLog:
    """Gives requests an id, which answers and problems carry, and notes what became of them."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        """Wrap an app."""
        self.app = app
        self._telemetry = telemetry

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
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, send_named)
        except asyncio.CancelledError:
            # We are stopping, and its time is up; what it was about to store may be stored.
            if not started:
                answer = problems.response(OutcomeUnknownError("the server is stopping"), Request(scope))
                await answer(scope, receive, send_named)
            raise
        except Exception as error:  # noqa: BLE001  (the last place that can still answer)
            answer = problems.unforeseen(error, Request(scope))
            if not started:
                await answer(scope, receive, send_named)
        finally:
            route = getattr(scope.get("route"), "path", None)
            seconds = clock.monotonic() - began
            self._telemetry.note_request(scope["method"], route, status, seconds)
            _log.info(
                "request",
                request_id=request_id,
                method=scope["method"],
                route=route,
                status=status,
                seconds=round(seconds, 6),
            )
