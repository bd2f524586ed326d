"""The OpenAPI document: bodies our own reader takes, and problems as the answer to every error."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.edge.batches import NDJSON
from app.edge.problems import MEDIA_TYPE
from app.edge.reading import JsonBody

_REF = "#/components/schemas/{model}"
_ERRORS = {
    "400": "The request is malformed",
    "401": "A valid key is needed",
    "403": "This key may not do that",
    "404": "Not found",
    "409": "In conflict with the current state",
    "413": "The body is too large",
    "415": "This content type is not taken here",
    "422": "The content is not valid",
    "503": "Not available right now",
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {name: {"type": "string"} for name in ("pointer", "code", "detail")},
            },
        },
    },
}


class Takes(dict[str, Any]):
    """What a route adds to its description, with the model that its schemas refer to."""

    def __init__(self, extra: dict[str, Any], model: type[BaseModel]) -> None:
        """Keep the model beside the description, which must be plain JSON."""
        super().__init__(extra)
        self.model = model


def json_body(model: type[BaseModel], *media_types: str) -> Takes:
    """Return the description of a route that reads its JSON body itself."""
    schema = {"$ref": _REF.format(model=model.__name__)}
    content = {kind: {"schema": schema} for kind in media_types or ("application/json",)}
    return Takes({"requestBody": {"required": True, "content": content}}, model)


def ndjson_body(model: type[BaseModel]) -> Takes:
    """Return the description of a route that takes many of a model: an array, or one a line."""
    one = {"$ref": _REF.format(model=model.__name__)}
    array = {"type": "array", "maxItems": 10_000, "items": one}
    content = {"application/json": {"schema": array}, NDJSON: {"schema": one}}
    return Takes({"requestBody": {"required": True, "content": content}}, model)


def install(app: FastAPI) -> None:
    """Let the app describe itself with our bodies and problems."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


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


def _describe(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    models: set[type[BaseModel]] = set()
    for path, route in routes(app):
        for method in route.methods or ():
            operation = document["paths"].get(path, {}).get(method.lower())
            if operation is not None:
                models.update(_complete(operation, route))
    _, definitions = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    for name, schema in sorted(definitions.get("$defs", {}).items()):
        schemas.setdefault(name, schema)
    schemas["Problem"] = _PROBLEM
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document


def _complete(operation: dict[str, Any], route: APIRoute) -> list[type[BaseModel]]:
    """Add the body our reader takes, and the problems; return the models the body needs."""
    models = [route.openapi_extra.model] if isinstance(route.openapi_extra, Takes) else []
    for dependency in dependencies(route.dependant):
        if isinstance(dependency, JsonBody):
            models.append(dependency.model)
            operation["requestBody"] = json_body(dependency.model, *dependency.media_types)["requestBody"]
    has_body, is_open = "requestBody" in operation, "security" not in operation
    for status, title in _ERRORS.items():
        if (status in {"413", "415"} and not has_body) or (status in {"401", "403"} and is_open):
            continue
        content = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}
        operation["responses"][status] = {"description": title, "content": content}
    return models
