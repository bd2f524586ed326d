"""Every error as RFC 9457 `application/problem+json`: a stable code, no submitted value, no trace."""

import json
import re
import traceback
from collections.abc import Collection, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app.edge.routes import methods_at
from app.errors import AppError, Flaw, ValidationError
from app.logs import get_logger

MEDIA_TYPE = "application/problem+json"
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}
_FRAMES = 30
_log = get_logger("edge.problems")


def install(app: FastAPI) -> None:
    """Answer every refusal of the app or the framework with a problem; for all else see `unforeseen`."""
    app.add_exception_handler(AppError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _framework)


def body(error: AppError, request_id: str | None = None) -> dict[str, Any]:
    """Return the problem of a refusal."""
    return _problem(
        error.status, error.code, error.title, error.detail, flaws=error.flaws, request_id=request_id
    )


def response(error: AppError, request: Request) -> Response:
    """Return the answer for a refusal."""
    return _answer(body(error, request_id(request)), error.headers)


def request_id(request: Request) -> str | None:
    """Return the id of this request, as logged."""
    found: str | None = request.scope.get("heard.request_id")
    return found


def _problem(
    status: int,
    code: str,
    title: str,
    detail: str = "",
    *,
    flaws: Sequence[Flaw] = (),
    request_id: str | None,
) -> dict[str, Any]:
    problem: dict[str, Any] = {"type": f"/problems/{code}", "title": title, "status": status, "code": code}
    if detail:
        problem["detail"] = detail
    if flaws:
        problem["errors"] = [{"pointer": it.pointer, "code": it.code, "detail": it.detail} for it in flaws]
    return problem | ({"request_id": request_id} if request_id else {})


def _answer(problem: dict[str, Any], headers: dict[str, str]) -> Response:
    content = json.dumps(problem, ensure_ascii=False).encode()
    return Response(content, problem["status"], {**headers, "Cache-Control": "no-store"}, MEDIA_TYPE)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)  # noqa: S101  (registered for this class)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("refused for our own reasons", code=error.code, request_id=request_id(request))
    return response(error, request)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (registered for this class)
    return response(ValidationError(flaws=flaws_of(list(error.errors()))), request)


async def _framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for this class)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:  # the framework names one route's methods only
        return not_allowed(request, methods_at(request.app, request.url.path))
    return _plain(request, error.status_code, dict(error.headers or {}))


def not_allowed(request: Request, methods: Collection[str]) -> Response:
    """Return the answer for a method that a path does not have, with those that it has."""
    return _plain(request, HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": ", ".join(sorted(methods))})


def _plain(request: Request, status: int, headers: dict[str, str]) -> Response:
    code, title = _CODES.get(status, "bad_request"), HTTPStatus(status).phrase
    return _answer(_problem(status, code, title, request_id=request_id(request)), headers)


def unforeseen(error: Exception, request: Request) -> Response:
    """Log where an error came from, and answer that it is ours.

    What it says is kept to itself: a database's message may repeat what was sent.
    """
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    where = "\n".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
    _log.error("unforeseen", request_id=request_id(request), error=type(error).__name__, exception=where)
    return response(AppError(), request)


# Messages of these kinds are made of our own schema alone; any other could repeat what was sent.
_OWN_WORDS = {
    "missing", "extra_forbidden", "literal_error", "value_error", "string_pattern_mismatch", "finite_number",
    "string_too_long", "string_too_short", "too_long", "too_short", "timezone_aware",
    "greater_than_equal", "less_than_equal", "greater_than", "less_than",
    "string_type", "int_type", "float_type", "bool_type", "list_type", "dict_type", "tuple_type",
    "model_type", "model_attributes_type", "int_from_float", "int_parsing", "float_parsing", "bool_parsing",
    "unknown_zone", "not_an_origin", "not_a_phone_number", "says_nothing", "not_its_kind", "no_scale",
    "out_of_bounds", "not_after_from", "overlapping", "unknown_country", "unknown_subdivision", "not_a_date",
    "not_an_instant", "twice", "either_or", "unreachable", "built_in", "reserved", "incomplete",
    "stops_at_start",
}  # fmt: skip
_RENAMED = {"missing": "required", "extra_forbidden": "unknown_field", "timezone_aware": "zone_required"}
OUR_NAME = re.compile(r"[a-z][a-z_]{0,39}")


def flaws_of(errors: list[Any]) -> tuple[Flaw, ...]:
    """Return pydantic's findings as flaws, without the values they were found in."""
    return tuple(_flaw(error) for error in errors)


def _flaw(error: dict[str, Any]) -> Flaw:
    kind = str(error["type"])
    detail = str(error["msg"]).removeprefix("Value error, ") if kind in _OWN_WORDS else "not valid"
    return Flaw(_pointer(error["loc"]), _RENAMED.get(kind, kind), detail)


def _pointer(location: tuple[int | str, ...]) -> str:
    """Return a JSON pointer; a name the sender made up is shown only where it reads like one of ours."""
    parts = location[1:] if location[:1] == ("body",) else location
    return "".join(f"/{part}" for part in parts if isinstance(part, int) or OUR_NAME.fullmatch(part))
