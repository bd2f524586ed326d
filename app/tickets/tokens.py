"""Tracking tokens: HMAC over ticket and token version. Pure.

Nothing is stored, and raising the version revokes.
"""

import base64
import hashlib
import hmac
from functools import lru_cache
from uuid import UUID

_MAC_BYTES = 16


def make(secret: bytes, ticket_id: UUID, version: int) -> str:
    """Return the token by which a customer sees this ticket."""
    body = ticket_id.bytes + version.to_bytes(2, "big")
    return base64.urlsafe_b64encode(body + _mac(secret, body)).decode().rstrip("=")


def read(secret: bytes, token: str) -> tuple[UUID, int] | None:
    """Return (ticket id, token version) of a token we made, or None."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        return None
    body, mac = raw[:18], raw[18:]
    # Base64 has several spellings of the same bytes; only ours is the token.
    if len(raw) != 18 + _MAC_BYTES or not hmac.compare_digest(mac, _mac(secret, body)):
        return None
    found = UUID(bytes=body[:16]), int.from_bytes(body[16:], "big")
    return found if hmac.compare_digest(make(secret, *found).encode(), token.encode()) else None


def _mac(secret: bytes, body: bytes) -> bytes:
    # `hmac.digest` lets go of the interpreter, and beside a busy writer waits long to have it back.
    mac = _keyed(secret).copy()
    mac.update(body)
    return mac.digest()[:_MAC_BYTES]


@lru_cache(maxsize=4)
def _keyed(secret: bytes) -> hmac.HMAC:
    return hmac.new(secret, b"heard tracking token v1\0", hashlib.sha256)
