"""The only place that reads the system clock; everywhere else the time is an argument."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """Return the current instant, aware and in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds on a clock that never steps back; only differences mean anything."""
    return time.monotonic()
