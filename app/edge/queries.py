"""Query strings that say one thing only: parameters the route has, single ones once, no NUL.

A filter with a typing error, let through in silence, answers a question nobody asked.
"""

from collections.abc import Iterator, Mapping
from typing import Any, get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.edge.problems import OUR_NAME
from app.edge.promises import promise_of
from app.errors import BadRequestError, Flaw, ValidationError

KEY = "key"
_known: dict[Any, dict[str, bool] | None] = {}


def check(request: Request, *, key: bool) -> None:
    """Refuse what the route does not ask for; `key` says that a key may stand there.

    Raises:
        BadRequestError: there is a NUL character.
        ValidationError: a parameter is unknown, or stands twice and is no list.
    """
    raw: bytes = request.scope["query_string"]
    if not raw:
        return
    if b"%00" in raw:
        raise BadRequestError("a NUL character")
    known = _parameters(request.scope["route"])
    if known is None:
        return
    taken = {**known, KEY: False} if key else known
    flaws = list(_flaws(request, taken))
    if flaws:
        raise ValidationError(flaws=flaws)


def _flaws(request: Request, taken: Mapping[str, bool]) -> Iterator[Flaw]:
    given = request.query_params
    for name in dict.fromkeys(given):
        # A name the caller made up is shown only where it reads like one of ours.
        pointer = f"/query/{name}" if OUR_NAME.fullmatch(name) else "/query"
        if name not in taken:
            said = f"this route takes {', '.join(taken)}" if taken else "this route takes none"
            yield Flaw(pointer, "unknown_parameter", said)
        elif not taken[name] and len(given.getlist(name)) > 1:
            yield Flaw(pointer, "repeated", "stands once")


def _parameters(route: APIRoute) -> dict[str, bool] | None:
    """Return the query parameters of a route and which are lists; None where the route reads them itself."""
    if route.endpoint not in _known:
        _known[route.endpoint] = _look(route)
    return _known[route.endpoint]


def _look(route: APIRoute) -> dict[str, bool] | None:
    if any(each["in"] == "query" for each in promise_of(route).get("parameters", ())):
        return None
    return dict(_asked_for(route.dependant))


def _asked_for(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    for field in dependant.query_params:
        yield field.alias, get_origin(field.field_info.annotation) is list
    for each in dependant.dependencies:
        yield from _asked_for(each)
