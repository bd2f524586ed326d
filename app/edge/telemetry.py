"""What one application counts: requests, and what the intake did with submissions.

Plain numbers, kept by the event loop alone, so that counting costs a request next to nothing; only when
`/metrics` is asked does `app/edge/exposition.py` make Prometheus' text of them. Labels are routes, methods
and codes of ours: an id or a word of a caller's never becomes one.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial

from app.errors import AppError
from app.intake.commit import CONFLICT, CREATED, MISSING, REUSED, SEEN, Outcome

UNMATCHED = "unmatched"
OTHER = "other"
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ROWS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_WORDS = {
    CREATED: "stored",
    SEEN: "duplicate",
    MISSING: "no_ticket",
    CONFLICT: "conflict",
    REUSED: "reused",
}


class Distribution:
    """How many values fell at or below each bound, and what they add up to."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """Take the bounds, ascending."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Telemetry:
    """The counts of one application."""

    def __init__(self) -> None:
        """Start from nothing."""
        self.requests: dict[tuple[str, str, int], int] = defaultdict(int)
        self.seconds: dict[tuple[str, str], Distribution] = defaultdict(partial(Distribution, _SECONDS))
        self.malformed: Counter[str] = Counter()
        self.submissions: Counter[str] = Counter()
        self.flush_rows = Distribution(_ROWS)
        self.flush_seconds = Distribution(_SECONDS)

    def note_request(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        named = method if method in _METHODS else OTHER
        where = route or UNMATCHED
        self.requests[named, where, status] += 1
        self.seconds[named, where].add(seconds)

    def note_malformed(self, error: AppError) -> None:
        """Count what was no request at all, and refused below the application."""
        self.malformed[error.code] += 1

    def note_flush(self, outcomes: Sequence[object], seconds: float) -> None:
        """Count a flush of the intake, and what became of each submission in it."""
        self.flush_rows.add(len(outcomes))
        self.flush_seconds.add(seconds)
        self.submissions.update(map(_word, outcomes))


def _word(outcome: object) -> str:
    if not isinstance(outcome, Outcome):
        return "failed"
    return "replayed" if outcome.replayed else _WORDS[outcome.status]
