"""How the figures are made: buckets of time, nearest ranks, shares, and what scores add up to. Pure.

Instants are aware and buckets half-open, [start, end). Durations are whole microseconds and scores whole
thousandths until the very last division, so the order of summing changes nothing. Unknown is None, never 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from math import sqrt
from typing import Any
from zoneinfo import ZoneInfo

from app.errors import invalid

PERCENTILES = (50, 90, 95, 99)
LATE_PERCENTILES = (50, 90)
SOON = timedelta(hours=1)
MICROSECONDS = 1_000_000
THOUSANDTHS = 1_000
MAX_BUCKETS = 1_000
MAX_LISTED_STEPS = 101
_NORMAL_97_5 = 1.959963984540054

Bucket = tuple[datetime, datetime]
Distribution = Mapping[int, int]
"""How often each value was given; values in thousandths."""


class Interval(StrEnum):
    """How long a bucket is, in local time; weeks start on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Durations:
    """What was found of one row of response times, in microseconds; `ranked` goes with `PERCENTILES`."""

    n: int
    n_open: int
    n_inconsistent: int
    n_unknown: int
    ranked: tuple[int | None, ...]
    total: int
    longest: int | None
    within: tuple[int, ...]


class Verdict(StrEnum):
    """What became of a promise; each episode has exactly one."""

    MET = "met"
    LATE = "late"
    OVERDUE = "overdue"
    DUE_SOON = "due_soon"
    PAUSED = "paused"
    RUNNING = "running"
    UNJUDGED = "unjudged"
    INCONSISTENT = "inconsistent"


@dataclass(frozen=True, slots=True)
class Lateness:
    """How many episodes have each verdict, and how late the late ones came, in microseconds.

    `ranked` goes with `LATE_PERCENTILES`.
    """

    counts: Mapping[Verdict, int]
    ranked: tuple[int | None, ...]
    longest: int | None


NO_LATENESS = Lateness({}, (None,) * len(LATE_PERCENTILES), None)
"""What an empty row holds."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The ends and the step of an instrument, in its own units."""

    low: int
    high: int
    step: float


@dataclass(frozen=True, slots=True)
class Promotion:
    """Who would recommend us: counts, and the net score in percent (-100 to 100)."""

    promoters: int
    passives: int
    detractors: int
    nps: float


def buckets(start: datetime, end: datetime, *, zone: ZoneInfo, interval: Interval) -> tuple[Bucket, ...]:
    """Cut [start, end) at local midnights; the first and the last bucket may be shorter.

    Raises:
        ValidationError: there would be more than `MAX_BUCKETS`.
    """
    edges = [start]
    day = start.astimezone(zone).date()
    while interval is not Interval.NONE:
        day = _following(day, interval)
        edge = first_instant(day, zone)
        if edge >= end:
            break
        if edge > edges[-1]:  # a zone that skipped a whole day has the same edge twice
            edges.append(edge)
        if len(edges) > MAX_BUCKETS:
            raise invalid("/query/interval", "too_many_buckets", f"at most {MAX_BUCKETS} buckets")
    return tuple(pairwise((*edges, end)))


def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """Return when a local day begins, in UTC.

    Where clocks jump over midnight, `fold=0` gives the instant of the jump, which is when that day begins.
    """
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _following(day: date, interval: Interval) -> date:
    """Return the first day after this one on which a bucket begins."""
    if interval is Interval.MONTH:
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    if interval is Interval.WEEK:
        return day + timedelta(days=7 - day.weekday())
    return day + timedelta(days=1)


def no_durations(within: int) -> Durations:
    """Return what an empty row holds, with so many thresholds."""
    return Durations(0, 0, 0, 0, (None,) * len(PERCENTILES), 0, None, (0,) * within)


def reaches(rank: Any, n: Any, percent: int) -> Any:
    """Tell whether a rank among `n` is ceil(percent * n / 100) or more; the least such one holds it.

    Whole numbers only, and the same words for Python's numbers and a database's columns.
    """
    return 100 * rank >= percent * n


def seconds(microseconds: int | None) -> float | None:
    """Return microseconds as seconds."""
    return None if microseconds is None else microseconds / MICROSECONDS


def mean_seconds(total: int, n: int) -> float | None:
    """Return the mean of `n` durations that add up to `total` microseconds, in seconds."""
    return total / (n * MICROSECONDS) if n else None


def share(part: int, n: int) -> float | None:
    """Return which part of `n` that is, from 0 to 1."""
    return part / n if n else None


def wilson(part: int, n: int) -> tuple[float, float] | None:
    """Return the 95 % interval of a share after Wilson (1927), without continuity correction."""
    if n == 0:
        return None
    p, z2 = part / n, _NORMAL_97_5**2
    middle = p + z2 / (2 * n)
    spread = _NORMAL_97_5 * sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    low, high = (middle - spread) / (1 + z2 / n), (middle + spread) / (1 + z2 / n)
    return (0.0 if part == 0 else low), (1.0 if part == n else high)


def answers(given: Distribution) -> int:
    """Return how many answers there are."""
    return sum(given.values())


def at_least(given: Distribution, value: int) -> int:
    """Return how many answers are this value or more, in the instrument's own units."""
    return sum(count for each, count in given.items() if each >= value * THOUSANDTHS)


def mean(given: Distribution) -> float | None:
    """Return the mean in the instrument's own units."""
    n = answers(given)
    return sum(value * count for value, count in given.items()) / (n * THOUSANDTHS) if n else None


def normalised(given: Distribution, scale: Scale) -> float | None:
    """Return where the mean lies between the ends of the scale, from 0 to 100."""
    found = mean(given)
    return None if found is None else 100 * (found - scale.low) / (scale.high - scale.low)


def promotion(given: Distribution) -> Promotion | None:
    """Return the net promoter score: % of 9 and 10 minus % of 0 to 6, both of all answers given.

    Whoever skipped the question gave no answer and is in no part of it.
    """
    n = answers(given)
    if n == 0:
        return None
    promoters = at_least(given, 9)
    detractors = n - at_least(given, 7)
    return Promotion(promoters, n - promoters - detractors, detractors, 100 * (promoters - detractors) / n)


def distribution(given: Distribution, scale: Scale) -> dict[str, int]:
    """Return how often each value was given, in rising order; few steps are listed even if not chosen."""
    low, high, step = (round(each * THOUSANDTHS) for each in (scale.low, scale.high, scale.step))
    every = range(low, high + 1, step)
    listed = dict.fromkeys(every, 0) if len(every) <= MAX_LISTED_STEPS else {}
    return {_written(value): count for value, count in sorted({**listed, **given}.items())}


def _written(thousandths: int) -> str:
    """Write a value as people do: `4`, `4.5`."""
    return f"{thousandths / THOUSANDTHS:.3f}".rstrip("0").rstrip(".")
