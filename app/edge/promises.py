"""What a route promises beyond its signature: bodies it reads itself, headers, refusals, where to go next.

A route says it as its `openapi_extra`; `openapi.py` writes it down, and adds what follows from its signature.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from app.edge import versions
from app.errors import AppError

REQUEST_ID = {
    "description": "The id of this request, as logged and as in a problem's `request_id`.",
    "required": True,
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": 64},
}
HEADERS: Mapping[str, dict[str, Any]] = {
    "X-Request-Id": REQUEST_ID,
    "ETag": {
        "description": "The version, in quotes; say it in `If-Match` to edit.",
        "required": True,
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    },
    "Idempotency-Replayed": {
        "description": "There when this Idempotency-Key was carried out before: nothing was done again.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Link": {
        "description": 'The next page as `rel="next"`, while there is one.',
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait before trying again.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "WWW-Authenticate": {
        "description": "How to show a key.",
        "required": True,
        "schema": {"type": "string"},
    },
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": (
        "Makes a retry safe: the same key carries the same request out once. Remembered for 72 hours; under a"
        " public key for 24, and there it must be a random UUIDv4."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
}
PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`handling=strict` stores all or nothing; without it each item is stored for itself.",
    "schema": {"type": "string"},
    "example": "handling=strict",
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag of the version you edit, several of them, or `*` for any.",
    "schema": {"type": "string", "maxLength": 1000, "pattern": versions.TAGS},
    "example": '"3"',
}
IF_MATCH_MAYBE = {
    **IF_MATCH,
    "required": False,
    "description": "The ETag of the version you replace, several of them, or `*` for any, as without it.",
}


@dataclass(frozen=True, slots=True)
class Body:
    """A body: one of a model in some content types, or many of it as an array or one a line."""

    model: type[BaseModel]
    media_types: tuple[str, ...] = ("application/json",)
    many: bool = False


class Promise(dict[str, Any]):
    """A route's promise; to FastAPI it is no more than the query parameters the route reads itself."""

    def __init__(
        self,
        *refusals: type[AppError],
        body: Body | None = None,
        parameters: Sequence[dict[str, Any]] = (),
        once: bool = False,
        headers: Sequence[str] = (),
        links: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Take the refusals that only this route has.

        `once` says that it takes an Idempotency-Key; `headers` names those of its good answer; `links` say
        which operation takes which parts of it.
        """
        super().__init__({"parameters": list(parameters)} if parameters else {})
        self.refusals = refusals
        self.body = body
        self.once = once
        self.headers = headers
        self.links = links or {}


PLAIN = Promise()


def promise_of(route: Any) -> Promise:
    """Return what a route promises."""
    found = route.openapi_extra
    return found if isinstance(found, Promise) else PLAIN
