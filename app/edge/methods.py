"""What a path does with methods that no route declares. Pure ASGI.

HEAD is GET without the body: load balancers and link checkers ask so. A path that is spelled out is itself
alone: `GET /v1/tickets/import` does not ask for a ticket of that name.
"""

from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.edge import problems
from app.edge.routes import methods_at, routes


class Methods:
    """Answers HEAD as GET would, and any method that a spelled-out path lacks with 405."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an app."""
        self.app = app
        self._spelled_out: dict[str, set[str]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        methods = self._methods(scope["app"]).get(scope["path"])
        if methods is not None and scope["method"] not in methods:
            answer = problems.not_allowed(Request(scope), methods)
            await answer(scope, receive, send)
        elif scope["method"] == "HEAD":
            await self._head(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _methods(self, app: FastAPI) -> dict[str, set[str]]:
        """Return the methods of each path without parameters, found at the first request."""
        if not self._spelled_out:
            self._spelled_out = {path: methods_at(app, path) for path, _ in routes(app) if "{" not in path}
        return self._spelled_out

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        # A copy: the server looks into its own, and must go on to see a HEAD.
        asked = {**scope, "method": "GET"}
        try:
            await self.app(asked, receive, send_head)
        finally:
            scope["route"] = asked.get("route")
