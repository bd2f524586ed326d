"""A second opinion on business time: walk every second and ask the clock on the wall. Slow, and plain to see.

It shares a calendar's data with the product, and no arithmetic: it knows nothing of offsets, days or years.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from random import Random

from app.policies.calendar import Calendar, Hours, SpecialDay

HOUR = 3600
WHERE_AND_WHEN = [
    ("Africa/Casablanca", "2026-02-15T02:00Z"),  # for Ramadan
    ("Africa/Monrovia", "1972-01-07T00:44:30Z"),  # an offset with seconds
    ("America/New_York", "2026-03-08T07:00Z"),
    ("America/New_York", "2026-11-01T06:00Z"),
    ("America/Sao_Paulo", "2018-02-18T02:00Z"),  # at midnight
    ("America/Sao_Paulo", "2018-11-04T03:00Z"),
    ("Antarctica/Troll", "2026-03-29T01:00Z"),  # by two hours
    ("Asia/Kathmandu", "1985-12-31T18:30Z"),  # by a quarter of an hour, at New Year
    ("Asia/Kathmandu", "2026-12-31T18:15Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00Z"),  # by half an hour
    ("Australia/Lord_Howe", "2026-10-03T15:30Z"),
    ("Europe/Lisbon", "1992-09-27T01:00Z"),  # another zone, with the offset it had
    ("Europe/Lisbon", "2026-03-29T01:00Z"),
    ("Europe/Lisbon", "2026-10-25T01:00Z"),
    ("Europe/Lisbon", "2028-02-29T12:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00Z"),  # a date that never was
    ("Pacific/Apia", "2027-01-01T00:00Z"),
    ("Pacific/Kwajalein", "1993-08-21T12:00Z"),  # another
    ("UTC", "2027-01-01T00:00Z"),
]


@dataclass(frozen=True)
class World:
    """A calendar, and how many seconds of a walk were open before each of its seconds."""

    calendar: Calendar
    start: datetime
    open_before: list[int]

    @property
    def length(self) -> int:
        return len(self.open_before) - 1

    def at(self, second: int) -> datetime:
        return self.start + timedelta(seconds=second)

    def elapsed(self, first: int, last: int) -> int:
        return self.open_before[last] - self.open_before[first]

    def add(self, first: int, work: int) -> int:
        return self.open_before.index(self.open_before[first] + work, first)


def make_world(random: Random) -> World:
    """Return a random calendar, walked for some hours around a moment that is hard for calendars."""
    zone, moment = random.choice(WHERE_AND_WHEN)
    start = int(datetime.fromisoformat(moment).timestamp()) - random.randrange(10 * HOUR)
    calendar = make_calendar(random, zone, datetime.fromtimestamp(start, UTC).date())
    open_before = walk(calendar, start, random.randrange(3 * HOUR, 20 * HOUR))
    return World(calendar, datetime.fromtimestamp(start, UTC), open_before)


def make_calendar(random: Random, zone: str, near: date) -> Calendar:
    """Return a calendar with odd hours, and special days near a date."""
    week = tuple(make_hours(random) for _ in range(7))
    dates = [near + timedelta(days=random.randrange(-1, 4)) for _ in range(random.randrange(3))]
    special = {day: SpecialDay("special", make_hours(random)) for day in dates}
    return Calendar(zone, week, lambda _: special, key=random.random())


def make_hours(random: Random) -> Hours:
    """Return up to three intervals, rather often at night, when the clocks change."""
    minutes = [0, 1440, *range(15, 241, 15), *random.sample(range(241, 1440), 12)]
    edges = sorted(random.sample(minutes, 2 * random.choice([0, 1, 2, 2, 3, 3, 3, 3])))
    return tuple(zip(edges[::2], edges[1::2], strict=True))


def walk(calendar: Calendar, start: int, seconds: int) -> list[int]:
    """Return how many seconds were open before each second from `start` on."""
    minutes = cache(partial(open_minutes, calendar))
    counts = [0]
    for second in range(start, start + seconds):
        wall = datetime.fromtimestamp(second, calendar.zone)
        is_open = 60 * wall.hour + wall.minute in minutes(wall.date())
        counts.append(counts[-1] + is_open)
    return counts


def open_minutes(calendar: Calendar, day: date) -> frozenset[int]:
    """Return the minutes of the wall clock at which a date is open."""
    special = calendar.special(day.year).get(day)
    hours = special.hours if special else calendar.week[day.weekday()]
    return frozenset(minute for opens, closes in hours for minute in range(opens, closes))
