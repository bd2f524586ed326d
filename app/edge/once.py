"""Idempotency keys as they come in a request, and actions carried out once.

After draft-ietf-httpapi-idempotency-key-header-07.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TypeVar
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session

from app.db.dialect import ChangedMeanwhileError
from app.errors import AppError, BadRequestError
from app.events import store as events
from app.intake.classify import Once

T = TypeVar("T")
REPLAYED = {"Idempotency-Replayed": "true"}
_LONGEST = 255
_KEPT_SECRET, _KEPT_PUBLIC = timedelta(hours=72), timedelta(hours=24)


class WeakKeyError(BadRequestError):
    """A key that another visitor of the site might use too."""

    code, title = "idempotency_key_weak", "Under a public key the idempotency key must be a random UUIDv4"


class BadKeyError(BadRequestError):
    """A key that is no key."""

    code, title = "idempotency_key_invalid", "The idempotency key is not valid"


class ReusedKeyError(AppError):
    """The key was used for another request."""

    status, code, title = 422, "idempotency_key_reused", "This idempotency key was used for another request"


def key_of(request: Request) -> str | None:
    """Return the Idempotency-Key, bare or quoted.

    Raises:
        BadKeyError: it is empty, too long, not visible ASCII, or there are several.
    """
    found = request.headers.getlist("idempotency-key")
    if not found:
        return None
    text = found[0].strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    visible = text.isascii() and text.isprintable() and " " not in text
    if len(found) > 1 or not text or len(text) > _LONGEST or not visible:
        raise BadKeyError
    return text


def once_for(
    request: Request,
    caller: str,
    key: str | None,
    raw: bytes,
    *,
    now: datetime,
    item: int | None = None,
    public: bool = False,
) -> Once | None:
    """Return the record by which this request, or one item of its batch, is carried out once.

    `caller` names the credential; `public` says that others share it. The route is kept as a hash: its path
    may hold a customer's token.

    The key is known by (credential, route), the request by its method, route, query and raw body.

    Raises:
        WeakKeyError: under a public key, which a site's visitors share, only a random UUIDv4 is a secret.
    """
    if key is None:
        return None
    if public and not _is_random_uuid(key):
        raise WeakKeyError
    route = f"{request.method} {request.scope['path']}"
    parts = "\0".join((route, _query(request))).encode() + b"\0" + raw
    derived = key if item is None else f"{key}\0{item}"
    kept = _KEPT_PUBLIC if public else _KEPT_SECRET
    return Once(
        scope=f"{caller} {_hash_of(route)}",
        key_hash=hashlib.sha256(derived.encode()).hexdigest(),
        fingerprint=hashlib.sha256(parts).hexdigest(),
        expires_at=now + kept,
    )


def once_of(request: Request, caller: str, *, now: datetime) -> Once | None:
    """Return the record of an action whose body was read already; see `once_for`."""
    return once_for(request, caller, key_of(request), request.state.raw_body, now=now)


def carry_out(
    session: Session,
    once: Once | None,
    subject_id: UUID,
    act: Callable[[], T],
    *,
    again: Callable[[], T],
    now: datetime,
) -> tuple[T, bool]:
    """Act unless this key already did; then look `again` at what became of it. Tells whether it was a replay.

    The record stands in the transaction of the act: a refused act leaves none.

    Raises:
        ReusedKeyError: the key was used for another request.
        ChangedMeanwhileError: what the key stood for is gone; repeat.
    """
    if once is None:
        return act(), False
    row = {
        "scope": once.scope, "key_hash": once.key_hash, "fingerprint": once.fingerprint, "status": 200,
        "subject_id": subject_id, "expires_at": once.expires_at,
    }  # fmt: skip
    if events.claim_keys(session, [row], now=now):
        return act(), False
    key = (once.scope, once.key_hash)
    known = events.known_keys(session, [key])
    if key not in known:  # it had expired, and was forgotten between our two statements
        raise ChangedMeanwhileError
    if known[key].fingerprint != once.fingerprint:
        raise ReusedKeyError
    return again(), True


@lru_cache(maxsize=256)
def _hash_of(route: str) -> str:
    return hashlib.sha256(route.encode()).hexdigest()[:32]


def _query(request: Request) -> str:
    """Return the query without a key given in it: however its key is shown, a request is the same."""
    if not request.scope["query_string"]:
        return ""
    pairs = [(name, value) for name, value in request.query_params.multi_items() if name != "key"]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _is_random_uuid(text: str) -> bool:
    try:
        found = UUID(text)
    except ValueError:
        return False
    return found.version == 4 and str(found) == text.lower()  # noqa: PLR2004  (the random kind of UUID)
