"""Identifiers: time-ordered UUIDs, references to be read over the phone, keys that carry a checksum."""

import hashlib
import hmac
import os
import secrets
import zlib
from datetime import datetime
from threading import Lock
from uuid import UUID

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_HEARD_AS = str.maketrans({"O": "0", "I": "1", "L": "1"})
_REFERENCE_SYMBOLS = 10
SECRET_PREFIX = "heard_sk_"  # noqa: S105  (a prefix, not a secret)
PUBLIC_PREFIX = "heard_pk_"


class _Randomness:
    """Random bytes of the operating system, fetched by the page.

    A fetch lets go of the interpreter, and beside a busy writer thread it takes milliseconds to get it back:
    too much for the ten small numbers that one submission needs.
    """

    _PAGE = 4096

    def __init__(self) -> None:
        self._lock = Lock()
        self._page = b""
        self._used = 0

    def take(self, count: int) -> bytes:
        """Return bytes that nobody got before."""
        with self._lock:
            if self._used + count > len(self._page):
                self._page, self._used = os.urandom(self._PAGE), 0
            self._used += count
            return self._page[self._used - count : self._used]


_random = _Randomness()


def new_id(now: datetime) -> UUID:
    """Return a UUIDv7 of that instant: sorted by time, unguessable within a millisecond."""
    milliseconds = int(now.timestamp() * 1000)
    chance = int.from_bytes(_random.take(10), "big")
    value = (milliseconds << 80) | (0x7 << 76) | ((chance >> 68) << 64) | (0b10 << 62)
    return UUID(int=value | (chance & ((1 << 62) - 1)))


def new_request_id() -> str:
    """Return an id by which a request is found in the logs."""
    return _random.take(8).hex()


def new_reference() -> str:
    """Return a reference such as `H-7F3K9-Q2MX4`: nine random symbols and a check symbol, no credential."""
    symbols = [byte & 31 for byte in _random.take(_REFERENCE_SYMBOLS - 1)]
    text = "".join([CROCKFORD[symbol] for symbol in [*symbols, _check(symbols)]])
    return f"H-{text[:5]}-{text[5:]}"


def read_reference(said: str) -> str | None:
    """Return the reference as we write it, or None when it can't be one.

    Takes what a person hears and types: any case, O for 0, I and L for 1, with or without dashes and the H.
    """
    text = said.upper().replace("-", "").replace(" ", "")
    if len(text) == _REFERENCE_SYMBOLS + 1 and text[0] == "H":
        text = text[1:]
    text = text.translate(_HEARD_AS)
    if len(text) != _REFERENCE_SYMBOLS or any(symbol not in CROCKFORD for symbol in text):
        return None
    symbols = [CROCKFORD.index(symbol) for symbol in text]
    if _check(symbols[:-1]) != symbols[-1]:
        return None
    return f"H-{text[:5]}-{text[5:]}"


def _check(symbols: list[int]) -> int:
    """Return the check symbol over GF(32): every single wrong symbol and every swap of two is caught."""
    check = 0
    for symbol in symbols:
        check = (check ^ symbol) << 1
        if check & 0b100000:
            check ^= 0b100101  # x^5 + x^2 + 1, primitive
    return check


def new_key(prefix: str) -> str:
    """Return a new key: the prefix, 30 random base-62 characters, and a six-character CRC of all before."""
    body = prefix + "".join(secrets.choice(_BASE62) for _ in range(30))
    return body + _crc(body)


def looks_like_key(text: str) -> bool:
    """Tell a mistyped key from an unknown one, without asking the database."""
    return text.startswith((SECRET_PREFIX, PUBLIC_PREFIX)) and text.isascii() and _crc(text[:-6]) == text[-6:]


def _crc(text: str) -> str:
    value, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        value, digit = divmod(value, 62)
        digits = _BASE62[digit] + digits
    return digits


def digest(text: str) -> str:
    """Return the SHA-256 of a secret in hex, which is all of it that we keep."""
    return hashlib.sha256(text.encode()).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())
