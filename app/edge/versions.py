"""Strong ETags: the version of what is edited, so that nobody overwrites what they have not seen."""

import re

from fastapi import Request, Response

from app.errors import AppError, BadRequestError

TAGS = r'^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$'
_TAGS = re.compile(TAGS.removesuffix("$"))


class PreconditionRequiredError(AppError):
    """An edit that does not say which version it edits."""

    status, code, title = 428, "precondition_required", "Say which version you edit, with If-Match"


class StaleError(AppError):
    """Someone edited it meanwhile."""

    status, code, title = 412, "stale", "It has changed since you read it"


def show(response: Response, version: int) -> None:
    """Put a version into the answer's `ETag`."""
    response.headers["ETag"] = f'"{version}"'


def wanted(request: Request) -> frozenset[str]:
    """Return the versions named by `If-Match`, which may be a list on several lines; `*` is any.

    Raises:
        PreconditionRequiredError: there is none.
        BadRequestError: it names no versions at all.
    """
    found = request.headers.getlist("if-match")
    if not found:
        raise PreconditionRequiredError
    named = ", ".join(found)
    if not _TAGS.fullmatch(named):
        raise BadRequestError('If-Match is a version such as "3", several of them, or *')
    return frozenset(part.strip() for part in named.split(","))


def wanted_if_any(request: Request) -> frozenset[str]:
    """Return the versions named by `If-Match`; any, where there is none.

    Raises:
        BadRequestError: it names no versions at all.
    """
    return wanted(request) if "if-match" in request.headers else frozenset({"*"})


def require(version: int, named: frozenset[str]) -> None:
    """Refuse an edit of another version than the current one.

    Raises:
        StaleError: the version moved on.
    """
    if "*" not in named and f'"{version}"' not in named:
        raise StaleError
