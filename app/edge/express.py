"""A way past the framework's routing for the one busy route, declared like every other. Pure ASGI.

Matching, exit stacks and the solving of dependencies cost as much as everything else a door does. Here its
dependencies, each of which asks for nothing but the request, are called one by one. What the route declares
stays the truth: the OpenAPI and the check that doors are closed read it there, and so does this.
"""

from collections.abc import Awaitable, Callable, Iterator

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import AppError

_Ask = Callable[[Request], Awaitable[object]]


class Express:
    """Answers one route by itself, and leaves everything else to the app."""

    def __init__(self, app: ASGIApp, router: APIRouter, endpoint: Callable[..., Awaitable[Response]]) -> None:
        """Wrap an app; the endpoint answers one method, at a path without parameters."""
        self.app = app
        self._endpoint = endpoint
        routes = (each for each in router.routes if isinstance(each, APIRoute))
        self._route = next(each for each in routes if each.endpoint is endpoint)
        (self._method,) = self._route.methods or {""}
        self._asked = dict(_asked_by(self._route))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope.get("path") != self._route.path or scope.get("method") != self._method:
            await self.app(scope, receive, send)
            return
        scope["route"] = self._route
        request = Request(scope, receive)
        try:
            found = {name: await ask(request) for name, ask in self._asked.items()}
            response = await self._endpoint(request=request, **found)
        except AppError as error:
            response = await scope["app"].exception_handlers[AppError](request, error)
        await response(scope, receive, send)


def _asked_by(route: APIRoute) -> Iterator[tuple[str, _Ask]]:
    """Yield the route's dependencies by name; nothing else may be asked for, since nobody would answer.

    Raises:
        TypeError: the route asks for more than the request.
    """
    asked = route.dependant
    if _asks_for_more(asked):
        raise TypeError("an express route asks for nothing but the request")
    for each in asked.dependencies:
        if (
            each.name is None
            or each.call is None
            or each.dependencies
            or each.request_param_name != "request"
            or _asks_for_more(each)
        ):
            raise TypeError("what an express route depends on asks for nothing but the request")
        yield each.name, each.call


def _asks_for_more(asked: Dependant) -> bool:
    return any(
        (asked.path_params, asked.query_params, asked.header_params, asked.cookie_params, asked.body_params)
    )
