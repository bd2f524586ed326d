"""What is asked of a metric: frozen questions, read from the plain values of a query string.

Everything wrong with a question is told at once, each flaw at its parameter (`/query/<name>`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self, get_args
from uuid import UUID

from app.metrics.rules import Bucket, Interval, buckets
from app.metrics.values import Values
from app.tickets.schemas import Channel, Kind, Priority

CLOCKS = ("first_response", "next_response", "resolution", "resolution_first")
MODES = ("elapsed", "business")
TICKET_DIMENSIONS = (
    "site", "channel", "source", "kind", "team", "agent", "priority", "topic", "product", "language",
    "segment", "policy",
)  # fmt: skip
SCORE_DIMENSIONS = (
    "site", "channel", "source", "team", "agent", "topic", "product", "language", "instrument",
)  # fmt: skip
NAMED = ("site", "source", "team", "agent", "policy")
ORIGINS = ("live", "import")
COMMON = ("from", "to", "tz", "interval", "group_by", "origin", "format")

MAX_GROUPS = 2
MAX_FILTER_VALUES = 100
MAX_WITHIN = 10
MAX_WITHIN_SECONDS = 10**9
MAX_VERSION = 10**6
DEFAULT_SPAN = timedelta(days=30)
AN_INSTANT = timedelta(microseconds=1)
"""Without `to`, what happens this very instant is in: ranges are half-open, so they end after it."""
WORDS: Mapping[str, tuple[str, ...]] = {
    "channel": get_args(Channel),
    "kind": (*get_args(Kind), "score"),
    "priority": get_args(Priority),
    "origin": ORIGINS,
}

Given = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class View:
    """Which facts, and how they are laid out: [start, end) in buckets, by dimensions, through filters.

    A filter lets through what has one of its values. `form` is None where the Accept header decides.
    """

    start: datetime
    end: datetime
    tz: str
    interval: Interval
    buckets: tuple[Bucket, ...]
    group_by: tuple[str, ...]
    filters: Mapping[str, tuple[str | UUID, ...]]
    form: str | None

    def whole(self) -> Self:
        """Return the view of the total: the same facts in one row."""
        return replace(self, interval=Interval.NONE, buckets=((self.start, self.end),), group_by=())


@dataclass(frozen=True, slots=True)
class ResponseTimesQuery:
    """How long customers waited, and which share of them no more than `within` seconds."""

    view: View
    clock: str
    mode: str
    within: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SlaQuery:
    """Which promises were kept: what still runs is judged at `as_of`, by all that was known at `known_at`.

    Without `known_at` all that is known by now counts.
    """

    view: View
    clock: str
    as_of: datetime
    known_at: datetime | None


@dataclass(frozen=True, slots=True)
class SatisfactionQuery:
    """What customers gave on one instrument; on its latest version when `version` is None."""

    view: View
    instrument: str
    version: int | None


def response_times(given: Given, *, now: datetime) -> ResponseTimesQuery:
    """Read a question about response times.

    Raises:
        ValidationError: with every flaw.
    """
    values = Values(given)
    clock = values.code("clock") or CLOCKS[0]
    mode = values.choice("mode", MODES) or MODES[0]
    within = values.numbers("within", most=MAX_WITHIN, least=0, greatest=MAX_WITHIN_SECONDS)
    view = _view(values, dimensions=TICKET_DIMENSIONS, own=("clock", "mode", "within"), now=now)
    return ResponseTimesQuery(view, clock, mode, within)


def sla(given: Given, *, now: datetime) -> SlaQuery:
    """Read a question about what was promised.

    Raises:
        ValidationError: with every flaw.
    """
    values = Values(given)
    clock = values.code("clock") or CLOCKS[0]
    zone = values.zone("tz")
    as_of, known_at = values.instant("as_of", zone=zone), values.instant("known_at", zone=zone)
    stands_at = min(each for each in (now, as_of, known_at) if each is not None)
    view = _view(values, dimensions=TICKET_DIMENSIONS, own=("clock", "as_of", "known_at"), now=stands_at)
    return SlaQuery(view, clock, as_of or known_at or now, known_at)


def satisfaction(given: Given, *, now: datetime) -> SatisfactionQuery:
    """Read a question about satisfaction.

    Raises:
        ValidationError: with every flaw.
    """
    values = Values(given)
    instrument = values.text("instrument") or "csat"
    version = values.numbers("version", most=1, least=1, greatest=MAX_VERSION)
    view = _view(values, dimensions=SCORE_DIMENSIONS, own=("instrument", "version"), now=now)
    return SatisfactionQuery(view, instrument, version[0] if version else None)


def volume(given: Given, *, now: datetime) -> View:
    """Read a question about how much came in.

    Raises:
        ValidationError: with every flaw.
    """
    return _view(Values(given), dimensions=TICKET_DIMENSIONS, own=(), now=now)


def _view(values: Values, *, dimensions: Sequence[str], own: Sequence[str], now: datetime) -> View:
    values.only((*COMMON, *dimensions, *own), f"this metric has {', '.join((*COMMON, *own, *dimensions))}")
    zone = values.zone("tz")
    until = values.instant("to", zone=zone)
    end = until or now + AN_INSTANT
    start = values.instant("from", zone=zone) or (until or now) - DEFAULT_SPAN
    if end <= start:
        values.wrong("to", "not_after_from", "`to` lies after `from`; by default it is now")
    interval = Interval(values.choice("interval", tuple(Interval)) or Interval.NONE)
    group_by = _group_by(values, dimensions)
    narrowing = [name for name in (*dimensions, "origin") if name not in own]
    filters = {name: values.choices(name, WORDS.get(name), most=MAX_FILTER_VALUES) for name in narrowing}
    form = values.choice("format", ("json", "csv"))
    values.check()
    return View(
        start=start,
        end=end,
        tz=zone.key,
        interval=interval,
        buckets=buckets(start, end, zone=zone, interval=interval),
        group_by=group_by,
        filters={name: chosen for name, chosen in filters.items() if chosen},
        form=form,
    )


def _group_by(values: Values, dimensions: Sequence[str]) -> tuple[str, ...]:
    """Read one or two different dimensions, repeated or with a comma between them."""
    named = [name for value in values.every("group_by", most=MAX_GROUPS) for name in value.split(",")]
    if len(named) > MAX_GROUPS:
        values.wrong("group_by", "too_many", f"at most {MAX_GROUPS} dimensions")
    elif len(set(named)) < len(named):
        values.wrong("group_by", "repeated", "two different dimensions")
    elif any(name not in dimensions for name in named):
        values.wrong("group_by", "unknown_dimension", f"this metric has {', '.join(dimensions)}")
    return tuple(named)
