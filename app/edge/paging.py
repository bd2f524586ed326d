"""Pages by keyset: an opaque, signed cursor over (received_at, id) that fits one set of filters only."""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from uuid import UUID

from fastapi import Request, Response

from app import clock
from app.errors import BadRequestError

Place = tuple[datetime, UUID]
_MAC_BYTES = 16


class BadCursorError(BadRequestError):
    """A cursor we did not make, or made for other filters."""

    code, title = "bad_cursor", "This cursor does not fit"


def make_cursor(secret: bytes, place: Place, filters: object) -> str:
    """Return the cursor that goes on after a place."""
    body = clock.to_microseconds(place[0]).to_bytes(8, "big", signed=True) + place[1].bytes
    return _spell(body + _mac(secret, body, filters))


def read_cursor(secret: bytes, cursor: str, filters: object) -> Place:
    """Return the place a cursor means.

    Raises:
        BadCursorError: it was tampered with, or belongs to other filters.
    """
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        raise BadCursorError from None
    body, mac = raw[:24], raw[24:]
    # Base64 has several spellings of the same bytes; only ours is the cursor.
    if _spell(raw) != cursor or not hmac.compare_digest(mac, _mac(secret, body, filters)):
        raise BadCursorError
    at = clock.from_microseconds(int.from_bytes(body[:8], "big", signed=True))
    return at, UUID(bytes=body[8:])


def link_next(request: Request, response: Response, cursor: str | None) -> None:
    """Name the next page in a `Link` header."""
    if cursor:
        url = request.url.include_query_params(cursor=cursor)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'


def _spell(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _mac(secret: bytes, body: bytes, filters: object) -> bytes:
    described = json.dumps(filters, sort_keys=True, default=str).encode()
    return hmac.digest(secret, b"heard cursor v1\0" + body + b"\0" + described, hashlib.sha256)[:_MAC_BYTES]
