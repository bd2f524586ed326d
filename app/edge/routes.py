"""The routes of an app, each with its whole path: what they depend on, and which methods a path has."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts


def routes(app: FastAPI) -> Iterator[tuple[str, APIRoute]]:
    """Yield every route of the app with its whole path."""
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, APIRoute) and context.path:
            yield context.path, context.original_route


def dependencies(dependant: Dependant) -> Iterator[Any]:
    """Yield everything a route depends on."""
    for each in dependant.dependencies:
        yield each.call
        yield from dependencies(each)


def methods_at(app: FastAPI, path: str) -> set[str]:
    """Return the methods a path has; one that is spelled out is itself alone, whatever else would fit it."""
    by_template: dict[str, set[str]] = {}
    for template, route in routes(app):
        if _fits(path, template):
            by_template.setdefault(template, set()).update(route.methods or ())
    found = by_template.get(path) or set[str]().union(*by_template.values())
    return found | ({"HEAD"} if "GET" in found else set())


def _fits(path: str, template: str) -> bool:
    parts, wanted = path.split("/"), template.split("/")
    return len(parts) == len(wanted) and all(
        want == part or (want.startswith("{") and part) for part, want in zip(parts, wanted, strict=True)
    )
