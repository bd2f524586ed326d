"""Strong ETags: the version of what is edited, so that nobody overwrites what they have not seen."""

from fastapi import Request, Response

from app.errors import AppError


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
    """Return the versions named by `If-Match`; `*` is any.

    Raises:
        PreconditionRequiredError: there is none.
    """
    found = request.headers.get("if-match")
    if found is None:
        raise PreconditionRequiredError
    return frozenset(part.strip() for part in found.split(","))


def require(version: int, named: frozenset[str]) -> None:
    """Refuse an edit of another version than the current one.

    Raises:
        StaleError: the version moved on.
    """
    if "*" not in named and f'"{version}"' not in named:
        raise StaleError
