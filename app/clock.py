"""The only place that reads the system clock, where elsewhere time is an argument; instants as numbers."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

Clock = Callable[[], datetime]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def now() -> datetime:
    """Return the current instant, aware and in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds on a clock that never steps back; only differences mean anything."""
    return time.monotonic()


@lru_cache(maxsize=1024)  # one instant stands in many columns
def to_microseconds(instant: datetime) -> int:
    """Return the whole microseconds from 1970 to an aware instant, exactly."""
    return (instant - _EPOCH) // _MICROSECOND


def written(instant: datetime) -> str:
    """Return an instant in UTC as it stands on the wire."""
    return instant.isoformat().replace("+00:00", "Z")


def from_microseconds(microseconds: int) -> datetime:
    """Return the instant, in UTC, that so many microseconds since 1970 mean."""
    return _EPOCH + microseconds * _MICROSECOND
