"""The OpenAPI document: what the routes say of themselves, their promises, and every refusal they may meet.

A refusal is documented where it can happen and nowhere else: some follow from what a route depends on, the
others a route promises (`promises.py`).
"""

import sys
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.edge.batches import MOST, NDJSON
from app.edge.identity import OriginError, PublicKeyError, Requires, ScopeMissingError, services_of
from app.edge.once import BadKeyError, ReusedKeyError, WeakKeyError
from app.edge.problems import MEDIA_TYPE
from app.edge.promises import HEADERS, IDEMPOTENCY_KEY, PLAIN, Body, Promise, promise_of
from app.edge.queries import KEY
from app.edge.reading import BadJsonError, CutUploadError, JsonBody, MediaTypeError, TooLargeError
from app.edge.routes import dependencies, routes
from app.errors import (
    AppError,
    BadRequestError,
    NotFoundError,
    OutcomeUnknownError,
    UnauthorisedError,
    UnavailableError,
    ValidationError,
)

ABOUT = """

Every error is `application/problem+json` (RFC 9457) with a stable `code`, and never repeats what was sent. A
method that a path does not have is answered by 405 and `Allow`, a path that is not here by 404; HEAD is GET.
Unknown fields and query parameters are refused, and so are JSON texts that two readers could understand
differently: duplicate keys, NaN, lone surrogates, NUL, integers beyond 2^53 - 1, more than 32 levels.
"""
_REF = "#/components/schemas/{model}"
_TEXT = {"type": "string"}
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457: what was wrong, in words of ours alone.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable: programs decide by it."},
        "detail": _TEXT,
        "request_id": {"type": "string", "description": "As in `X-Request-Id`; absent in a batch's items."},
        "errors": {
            "type": "array",
            "description": "One a field that is wrong; `pointer` is a JSON pointer, or `/query/` and a name.",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {"pointer": _TEXT, "code": _TEXT, "detail": _TEXT},
            },
        },
    },
}
_KEY_IN_QUERY = {
    "type": "apiKey",
    "in": "query",
    "name": KEY,
    "description": "A site's public key where no header can be set, as in a beacon; never logged.",
}
_REFUSAL_HEADERS = {401: ("WWW-Authenticate",), 503: ("Retry-After",)}


def install(app: FastAPI) -> None:
    """Let the app describe itself with our bodies and problems."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def _describe(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description + ABOUT,
        license_info={"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        routes=app.routes,
    )
    components = document.setdefault("components", {})
    components["headers"] = dict(HEADERS)
    components.setdefault("securitySchemes", {})["KeyInQuery"] = _KEY_IN_QUERY
    responses, schemas = components.setdefault("responses", {}), components.setdefault("schemas", {})
    models: set[type[BaseModel]] = set()
    tags: dict[str, str] = {}
    for path, route in routes(app):
        for method in route.methods or ():
            operation = document["paths"].get(path, {}).get(method.lower())
            if operation is not None:
                models.update(_complete(operation, path, route, responses))
                about = sys.modules[route.endpoint.__module__].__doc__ or ""
                tags |= {tag: tags.get(tag, about.split("\n\n")[0].strip()) for tag in operation["tags"]}
    _, definitions = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    for name, schema in definitions.get("$defs", {}).items():
        schemas.setdefault(name, schema)
    for name, examples in _examples(app).items():
        schemas[name]["examples"] = examples
    schemas["Problem"] = _PROBLEM
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["components"] = {kind: dict(sorted(parts.items())) for kind, parts in components.items()}
    document["tags"] = [{"name": name, "description": about} for name, about in sorted(tags.items())]
    return document


def _examples(app: FastAPI) -> dict[str, list[Any]]:
    """Return the examples of answers by model: the framework drops every null from them."""
    models = {
        route.response_model
        for _, route in routes(app)
        if isinstance(route.response_model, type) and issubclass(route.response_model, BaseModel)
    }
    _, definitions = models_json_schema([(model, "serialization") for model in models], ref_template=_REF)
    found = definitions.get("$defs", {}).items()
    return {name: schema["examples"] for name, schema in found if "examples" in schema}


def _complete(
    operation: dict[str, Any], path: str, route: APIRoute, responses: dict[str, Any]
) -> list[type[BaseModel]]:
    """Add names, bodies, headers, links and refusals to an operation; return the models its bodies need."""
    promise = promise_of(route)
    body = promise.body or _body(route)
    operation["operationId"] = route.name
    operation["summary"] = route.name.replace("_", " ").capitalize()
    operation["security"] = _security(route)
    for parameter in operation.get("parameters", []):
        parameter["schema"] = _never_null(parameter["schema"])
    if body is not None:
        operation["requestBody"] = {"required": True, "content": _content(body)}
    if promise.once:
        operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    operation["responses"].pop("422", None)
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            _promise(answer, promise, title=HTTPStatus(int(status)).phrase)
        else:
            _promise(answer, PLAIN, title=HTTPStatus(int(status)).phrase)
    by_status: dict[int, dict[str, type[AppError]]] = {}
    for kind in (*_refusals(operation, path, route), *promise.refusals):
        by_status.setdefault(kind.status, {})[kind.code] = kind
    for status, kinds in sorted(by_status.items()):
        name = f"{status}_{'_'.join(sorted(kinds))}"
        responses[name] = _refusal(status, kinds)
        operation["responses"].setdefault(str(status), {"$ref": f"#/components/responses/{name}"})
    return [body.model] if body is not None else []


def _never_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter as it can be sent: what is optional is absent, never null."""
    kept = {name: value for name, value in schema.items() if name not in {"anyOf", "title", "description"}}
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    return kept | choices[0] if len(choices) == 1 else kept | ({"anyOf": choices} if choices else {})


def _security(route: APIRoute) -> list[dict[str, Any]]:
    needed = next((each for each in dependencies(route.dependant) if isinstance(each, Requires)), None)
    if needed is None:
        return []
    return [{needed.scheme_name: []}] + ([{"KeyInQuery": []}] if needed.public else [])


def _body(route: APIRoute) -> Body | None:
    read = next((each for each in dependencies(route.dependant) if isinstance(each, JsonBody)), None)
    return Body(read.model, read.media_types) if read is not None else None


def _content(body: Body) -> dict[str, Any]:
    one = {"$ref": _REF.format(model=body.model.__name__)}
    if not body.many:
        return {kind: {"schema": one} for kind in body.media_types}
    return {
        "application/json": {"schema": {"type": "array", "maxItems": MOST, "items": one}},
        NDJSON: {"schema": one},
    }


def _promise(answer: dict[str, Any], promise: Promise, *, title: str) -> None:
    """Add headers and links to a good answer."""
    if answer["description"] == "Successful Response":
        answer["description"] = title
    names = ("X-Request-Id", *promise.headers, *(("Idempotency-Replayed",) if promise.once else ()))
    answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    if promise.links:
        answer["links"] = {
            operation: {
                "operationId": operation,
                "parameters": {name: f"$response.body#{pointer}" for name, pointer in parameters.items()},
            }
            for operation, parameters in promise.links.items()
        }


def _refusals(operation: dict[str, Any], path: str, route: APIRoute) -> Iterator[type[AppError]]:
    """Yield the refusals that follow from what a route depends on."""
    used, once = list(dependencies(route.dependant)), promise_of(route).once
    for needed in used:
        if isinstance(needed, Requires):
            yield from (BadRequestError, UnauthorisedError, ScopeMissingError, ValidationError)
            yield from (
                (OriginError, *([WeakKeyError] if once else [])) if needed.public else (PublicKeyError,)
            )
    if "requestBody" in operation:
        yield from (BadJsonError, CutUploadError, TooLargeError, MediaTypeError, ValidationError)
    if once:
        yield from (BadKeyError, ReusedKeyError)
    if "{" in path:
        yield NotFoundError
    if services_of in used:
        yield from (UnavailableError, *(() if "GET" in (route.methods or ()) else (OutcomeUnknownError,)))


def _refusal(status: int, kinds: dict[str, type[AppError]]) -> dict[str, Any]:
    listed = [f"`{code}`: {kind.title}." for code, kind in sorted(kinds.items())]
    code, kind = min(kinds.items())
    names = ("X-Request-Id", *_REFUSAL_HEADERS.get(status, ()))
    schema = {
        "allOf": [{"$ref": _REF.format(model="Problem")}],
        "properties": {"status": {"const": status}, "code": {"enum": sorted(kinds)}},
    }
    example = {"type": f"/problems/{code}", "title": kind.title, "status": status, "code": code}
    return {
        "description": "\n".join(listed),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {MEDIA_TYPE: {"schema": schema, "example": example | {"request_id": "9f2c41d07ab84e55"}}},
    }
