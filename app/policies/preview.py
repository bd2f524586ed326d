"""What a calendar says of some days, for those who set it up. Pure."""

from datetime import UTC, date, datetime, time, timedelta

from app.errors import invalid
from app.policies.calendar import Calendar, add, elapsed, stretches
from app.policies.calendar_schemas import OpenSpan, Preview, PreviewDay

LOOKED_AHEAD = timedelta(days=730)
_LONGEST = 5


def require_open(calendar: Calendar, *, now: datetime) -> None:
    """Refuse a calendar by which nothing would ever fall due."""
    if not any(calendar.week) or not elapsed(calendar, now, now + LOOKED_AHEAD):
        raise invalid("/week", "never_opens", "it has hours in a week, and opens within two years")


def is_within_reach(calendar: Calendar | None, work: timedelta, *, since: datetime) -> bool:
    """Tell whether so much work is done within ten years or so: a target beyond is a slip of the pen."""
    return calendar is None or work <= _LONGEST * elapsed(calendar, since, since + LOOKED_AHEAD)


def days(calendar: Calendar, first: date, count: int, *, due_at: datetime | None = None) -> Preview:
    """Return when a calendar is open on each of some days of its zone."""
    shown = [_day(calendar, first + timedelta(days=place)) for place in range(count)]
    total = sum(each.open_seconds for each in shown)
    return Preview(zone=calendar.zone.key, data=shown, open_seconds=total, due_at=due_at)


def due_at(calendar: Calendar, start: datetime, work: timedelta) -> datetime:
    """Return when so much work is done that began at `start`."""
    if not is_within_reach(calendar, work, since=start):
        raise invalid("/work_seconds", "out_of_reach", "that would take more than ten years")
    return add(calendar, start, work)


def _day(calendar: Calendar, day: date) -> PreviewDay:
    spans = [each for each in stretches(calendar, *_bounds(calendar, day)) if each.reason is None]
    special = calendar.special(day.year).get(day)
    return PreviewDay(
        date=day,
        open=[OpenSpan.model_validate({"from": each.start, "to": each.end}) for each in spans],
        open_seconds=sum(int((each.end - each.start).total_seconds()) for each in spans),
        note=special.name if special else None,
    )


def _bounds(calendar: Calendar, day: date) -> tuple[datetime, datetime]:
    """Return a local day from midnight to midnight; where the clocks skip that, from the end of the gap."""
    start, end = (datetime.combine(each, time(), calendar.zone) for each in (day, day + timedelta(days=1)))
    return start.astimezone(UTC), end.astimezone(UTC)
