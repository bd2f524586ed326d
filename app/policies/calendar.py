"""Business time: when a team works, and arithmetic over it. Pure.

An instant is open when a clock on the wall, in the calendar's zone, then shows an open hour of that date. So
what the clocks skip in spring is nobody's working time, and what they repeat in autumn counts twice.

All instants that enter are aware, and all that leave are in UTC. A year of UTC is worked out once:
`_local_stretches` tells its open and closed time in order, and from what it tells come deadlines, durations
and ledgers alike, so they cannot disagree.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import accumulate, chain, cycle, groupby, pairwise
from operator import attrgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.errors import ValidationError

Minutes = int
"""Minutes from local midnight, 0 to 1440."""

Hours = tuple[tuple[Minutes, Minutes], ...]
"""When a day opens and closes, in order and not overlapping. A night shift is two, the first up to 1440."""

FIRST_YEAR, LAST_YEAR = 1900, 2200
_NOTHING, _SECOND, _DAY = timedelta(), timedelta(seconds=1), timedelta(days=1)


class NoOpenHoursError(ValidationError):
    """A calendar never opens, or not for as long as was asked in the years that are counted."""

    code, title = "no_open_hours", "The calendar does not open for that long"


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A date whose hours replace those of its weekday: none on a holiday, some on a part day."""

    name: str
    hours: Hours = ()


class Stretch(NamedTuple):
    """A span of time that is open, or closed for one reason."""

    start: datetime
    end: datetime
    reason: str | None


class Calendar:
    """Open hours from Monday to Sunday, replaced on special days.

    `special` gives the special days of a local year; a year may be asked for more than once. A calendar is a
    value, in which `key` stands for `special`.
    """

    def __init__(
        self,
        zone: str,
        week: tuple[Hours, ...],
        special: Callable[[int], Mapping[date, SpecialDay]],
        *,
        key: Hashable,
    ) -> None:
        self.zone = ZoneInfo(zone)
        self.week = week
        self.special = special
        self.key = key
        self._years: dict[int, _Year] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Calendar) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    @property
    def _value(self) -> tuple[str, tuple[Hours, ...], Hashable]:
        return self.zone.key, self.week, self.key

    def year(self, number: int) -> "_Year":
        """Return a UTC year, worked out when it is first asked for."""
        year = self._years.get(number)
        if year is None:  # two threads may both work it out, and to the same
            year = self._years[number] = _compile(self, number)
        return year


def add(calendar: Calendar | None, start: datetime, work: timedelta) -> datetime:
    """Return the earliest instant by which `work` of open time has passed since `start`.

    Without a calendar it is always open.
    """
    start = _utc(start)
    if work <= _NOTHING:
        return start
    if calendar is None:
        return start + work
    number = start.year
    year = calendar.year(number)
    left = year.open_until(start) + work
    while left > year.total:
        left -= year.total
        number += 1
        year = calendar.year(number)
    return year.at(left)


def elapsed(calendar: Calendar | None, start: datetime, end: datetime) -> timedelta:
    """Return how much open time lies between two instants; none when the second is not the later."""
    start, end = _utc(start), _utc(end)
    if end <= start:
        return _NOTHING
    if calendar is None:
        return end - start
    first, last = calendar.year(start.year), calendar.year(end.year)
    within = last.open_until(end) - first.open_until(start)
    if first is last:
        return within
    return within + sum((calendar.year(number).total for number in range(start.year, end.year)), _NOTHING)


def stretches(calendar: Calendar | None, start: datetime, end: datetime) -> Iterator[Stretch]:
    """Tell the time between two instants as stretches that leave no gap; neighbours differ in reason."""
    start, end = _utc(start), _utc(end)
    if calendar is None:
        return _merged([Stretch(start, end, None)])
    years = (calendar.year(number) for number in range(start.year, end.year + 1))
    return _merged(
        Stretch(max(start, each.start), min(end, each.end), each.reason)
        for year in years
        for each in year.between(start, end)
    )


@dataclass(frozen=True, slots=True)
class _Year:
    """A year worked out: its stretches, when it opens and closes, what is open before each, and in all."""

    stretches: tuple[Stretch, ...]
    opens: tuple[datetime, ...]
    closes: tuple[datetime, ...]
    before: tuple[timedelta, ...]

    @property
    def total(self) -> timedelta:
        return self.before[-1]

    def open_until(self, instant: datetime) -> timedelta:
        """Return how much of the year was open before an instant."""
        window = bisect_right(self.opens, instant) - 1
        if window < 0:
            return _NOTHING
        return self.before[window] + (min(instant, self.closes[window]) - self.opens[window])

    def at(self, work: timedelta) -> datetime:
        """Return the earliest instant before which so much of the year was open."""
        window = bisect_left(self.before, work) - 1
        return self.opens[window] + (work - self.before[window])

    def between(self, start: datetime, end: datetime) -> tuple[Stretch, ...]:
        """Return the stretches that touch a span."""
        first = bisect_right(self.stretches, start, key=attrgetter("end"))
        return self.stretches[first : bisect_left(self.stretches, end, key=attrgetter("start"))]


def _compile(calendar: Calendar, number: int) -> _Year:
    if not FIRST_YEAR <= number <= LAST_YEAR:
        raise NoOpenHoursError(f"Open hours are counted from {FIRST_YEAR} to {LAST_YEAR}.")
    told = tuple(_merged(_local_stretches(calendar, number)))
    windows = [each for each in told if each.reason is None]
    return _Year(
        stretches=told,
        opens=tuple(each.start for each in windows),
        closes=tuple(each.end for each in windows),
        before=tuple(accumulate((each.end - each.start for each in windows), initial=_NOTHING)),
    )


def _local_stretches(calendar: Calendar, number: int) -> Iterator[Stretch]:
    """Tell a UTC year by the days of the calendar's zone; a stretch is empty when the clocks skip it."""
    special = cache(calendar.special)
    for start, end, offset in _pieces(calendar.zone, number):
        midnight = datetime.combine(start + offset, time(), UTC) - offset
        while midnight < end:
            day = (midnight + offset).date()
            for begins, ends, reason in _plan(calendar.week[day.weekday()], special(day.year).get(day)):
                yield Stretch(max(start, midnight + begins), min(end, midnight + ends), reason)
            midnight += _DAY


@lru_cache(maxsize=1024)  # the seven weekdays, and some years of special days
def _plan(hours: Hours, special: SpecialDay | None) -> tuple[tuple[timedelta, timedelta, str | None], ...]:
    """Return a day from midnight to midnight: from, to, and why it is closed then."""
    closed = f"holiday: {special.name}" if special else "outside hours"
    edges = (0, *chain.from_iterable(special.hours if special else hours), 24 * 60)
    spans = pairwise(timedelta(minutes=edge) for edge in edges)
    return tuple((begins, ends, reason) for (begins, ends), reason in zip(spans, cycle((closed, None))))


@lru_cache(maxsize=1024)
def _pieces(zone: ZoneInfo, number: int) -> tuple[tuple[datetime, datetime, timedelta], ...]:
    """Return a UTC year as spans of one UTC offset: from, to, offset.

    One look a day misses nothing: no zone has ever changed its offset twice within three days.
    """
    new_year, next_year = datetime(number, 1, 1, tzinfo=UTC), datetime(number + 1, 1, 1, tzinfo=UTC)
    days = (new_year + count * _DAY for count in range((next_year - new_year).days))
    changes = [_change(zone, day) for day in days if _offset(zone, day) != _offset(zone, day + _DAY)]
    edges = pairwise((new_year, *changes, next_year))
    return tuple((start, end, _offset(zone, start)) for start, end in edges)


def _change(zone: ZoneInfo, day: datetime) -> datetime:
    """Return the first instant of another offset, at most a day ahead."""
    old = _offset(zone, day)
    later = bisect_left(range(_DAY // _SECOND), True, key=lambda s: _offset(zone, day + s * _SECOND) != old)
    return day + later * _SECOND


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or _NOTHING  # None only to the type checker


def _merged(told: Iterable[Stretch]) -> Iterator[Stretch]:
    """Tell stretches without the empty ones, and neighbours of one reason as one."""
    for reason, run in groupby((each for each in told if each.start < each.end), key=attrgetter("reason")):
        whole = list(run)
        yield Stretch(whole[0].start, whole[-1].end, reason)


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is UTC:
        return instant
    if instant.tzinfo is None:
        raise TypeError("An instant without a zone would be read in that of this machine.")
    return instant.astimezone(UTC)
