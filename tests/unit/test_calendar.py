"""Business time, case by case: what other helpdesks get wrong, and what calendars can do to a day."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest

from app.policies import public_holidays
from app.policies.calendar import (
    Calendar,
    Hours,
    NoOpenHoursError,
    SpecialDay,
    Stretch,
    add,
    elapsed,
    stretches,
)

LISBON = "Europe/Lisbon"
MICROSECOND = timedelta(microseconds=1)


def hours(words: str) -> Hours:
    """Read the hours of a day: "9:00-13:00 14:00-18:00"."""

    def minutes(word: str) -> int:
        hour, minute = word.split(":")
        return 60 * int(hour) + int(minute)

    return tuple(
        (minutes(opens), minutes(closes)) for opens, closes in (each.split("-") for each in words.split())
    )


def no_special_days(year: int) -> Mapping[date, SpecialDay]:
    return {}


def holidays(year: int) -> Mapping[date, SpecialDay]:
    """Return Portugal's holidays, one of our own, and half of Christmas Eve."""
    return {
        **{day: SpecialDay(name) for day, name in public_holidays.of("PT", None, year).items()},
        date(year, 6, 24): SpecialDay("St John"),
        date(year, 12, 24): SpecialDay("Christmas Eve", hours("9:00-12:00")),
    }


def weekdays(zone: str, words: str) -> Calendar:
    return Calendar(zone, (*[hours(words)] * 5, (), ()), holidays, key="weekdays")


def daily(zone: str, words: str) -> Calendar:
    return Calendar(zone, (hours(words),) * 7, no_special_days, key="daily")


OFFICE = weekdays(LISBON, "9:00-13:00 14:00-18:00")
NIGHT = hours("22:00-24:00"), *[hours("0:00-6:00 22:00-24:00")] * 4, hours("0:00-6:00"), ()
NIGHT_SHIFT = Calendar(LISBON, NIGHT, no_special_days, key="night shift")
NEVER = Calendar(LISBON, ((),) * 7, no_special_days, key="never")
TOUCHING = daily(LISBON, "9:00-10:00 10:00-11:00")
NIGHTLY, HALF_PAST, QUARTER = (daily(LISBON, words) for words in ("0:00-6:00", "1:30-2:30", "1:15-1:45"))
MORNING, EVENING = daily("America/Sao_Paulo", "0:00-8:00"), daily("America/Sao_Paulo", "23:00-24:00")
NEPAL = weekdays("Asia/Kathmandu", "9:00-17:00")
ISLAND = daily("Australia/Lord_Howe", "0:00-6:00")
SAMOA = weekdays("Pacific/Apia", "9:00-17:00")
LIBERIA = daily("Africa/Monrovia", "9:00-17:00")


def at(calendar: Calendar, words: str) -> datetime:
    """Read an instant: on the calendar's wall, unless an offset is said."""
    said = datetime.fromisoformat(words)
    return said if said.tzinfo else said.replace(tzinfo=calendar.zone)


@pytest.mark.parametrize(
    ("calendar", "start", "minutes", "due"),
    [
        pytest.param(OFFICE, "2026-03-03 07:00", 60, "2026-03-03 10:00", id="asked before opening"),
        pytest.param(OFFICE, "2026-03-03 12:30", 60, "2026-03-03 14:30", id="over lunch"),
        pytest.param(OFFICE, "2026-03-03 12:00", 60, "2026-03-03 13:00", id="due as lunch begins"),
        pytest.param(OFFICE, "2026-03-06 17:00", 60, "2026-03-06 18:00", id="due at closing time"),
        pytest.param(OFFICE, "2026-03-06 18:00", 1, "2026-03-09 09:01", id="asked at closing time"),
        pytest.param(OFFICE, "2026-03-06 17:00", 120, "2026-03-09 10:00", id="over a weekend"),
        pytest.param(OFFICE, "2026-06-23 17:00", 120, "2026-06-25 10:00", id="over a holiday of our own"),
        pytest.param(OFFICE, "2026-12-24 11:00", 60, "2026-12-24 12:00", id="due as a part day closes"),
        pytest.param(OFFICE, "2026-12-24 11:00", 120, "2026-12-28 10:00", id="over a part day and Christmas"),
        pytest.param(OFFICE, "2026-12-31 17:00", 120, "2027-01-04 10:00", id="over the year's end"),
        pytest.param(OFFICE, "2028-02-28 17:00", 600, "2028-03-01 10:00", id="over a leap day"),
        pytest.param(OFFICE, "2027-02-26 17:00", 120, "2027-03-01 10:00", id="over no leap day"),
        pytest.param(OFFICE, "2026-03-27 17:00", 120, "2026-03-30 10:00+01:00", id="spring, outside hours"),
        pytest.param(OFFICE, "2026-10-23 17:00", 120, "2026-10-26 10:00+00:00", id="autumn, outside hours"),
        pytest.param(TOUCHING, "2026-03-03 09:30", 60, "2026-03-03 10:30", id="hours that touch"),
        pytest.param(NIGHT_SHIFT, "2026-03-02 23:00", 60, "2026-03-03 00:00", id="due at midnight"),
        pytest.param(NIGHT_SHIFT, "2026-03-02 23:00", 480, "2026-03-03 23:00", id="through a night shift"),
        pytest.param(NIGHT_SHIFT, "2026-03-07 05:00", 120, "2026-03-09 23:00", id="from the last night on"),
        pytest.param(NIGHTLY, "2026-03-29 00:30", 60, "2026-03-29 02:30+01:00", id="spring, in hours"),
        pytest.param(NIGHTLY, "2026-10-25 00:30", 120, "2026-10-25 01:30+00:00", id="autumn, in hours"),
        pytest.param(HALF_PAST, "2026-03-29 00:00", 30, "2026-03-29 02:30+01:00", id="opening is skipped"),
        pytest.param(HALF_PAST, "2026-10-25 00:00", 90, "2026-10-25 02:30+00:00", id="opening comes twice"),
        pytest.param(QUARTER, "2026-03-29 00:00", 30, "2026-03-30 01:45+01:00", id="all hours are skipped"),
        pytest.param(QUARTER, "2026-10-25 00:00", 60, "2026-10-25 01:45+00:00", id="all hours come twice"),
        pytest.param(MORNING, "2018-11-03 23:00", 60, "2018-11-04 02:00-02:00", id="midnight is skipped"),
        pytest.param(EVENING, "2018-02-17 22:00", 120, "2018-02-18 00:00-03:00", id="midnight comes twice"),
        pytest.param(NEPAL, "2026-03-02 16:00", 120, "2026-03-03 04:15+00:00", id="5:45 ahead"),
        pytest.param(ISLAND, "2026-10-04 01:30", 60, "2026-10-04 03:00+11:00", id="half an hour skipped"),
        pytest.param(ISLAND, "2026-04-05 01:15", 60, "2026-04-05 01:45+10:30", id="half an hour twice"),
        pytest.param(SAMOA, "2011-12-29 16:00-10:00", 120, "2012-01-02 10:00+14:00", id="no such Friday"),
        pytest.param(SAMOA, "2026-12-31 16:00", 120, "2027-01-04 10:00", id="a year that is new here first"),
        pytest.param(LIBERIA, "1971-06-01 07:00", 60, "1971-06-01 10:44:30+00:00", id="44:30 behind"),
    ],
)  # fmt: skip
def test_only_open_time_counts(calendar: Calendar, start: str, minutes: int, due: str) -> None:
    asked, expected, work = at(calendar, start), at(calendar, due), timedelta(minutes=minutes)

    assert add(calendar, asked, work) == expected
    assert elapsed(calendar, asked, expected) == work
    assert elapsed(calendar, asked, expected - MICROSECOND) == work - MICROSECOND


def test_microseconds_are_kept() -> None:
    asked = at(OFFICE, "2026-03-03 12:59:59.999999")

    assert add(OFFICE, asked, 2 * MICROSECOND) == at(OFFICE, "2026-03-03 14:00:00.000001")


def test_what_takes_no_time_is_due_at_once_even_when_closed() -> None:
    sunday = at(OFFICE, "2026-03-01 12:00")

    assert add(OFFICE, sunday, timedelta()) == sunday


def test_answers_are_in_utc() -> None:
    asked, work = at(OFFICE, "2026-07-01 09:00"), timedelta(hours=1)

    assert {add(None, asked, work).tzinfo, add(OFFICE, asked, work).tzinfo} == {UTC}
    assert {each.start.tzinfo for each in stretches(OFFICE, asked, asked + work)} == {UTC}


def test_without_a_calendar_it_is_always_open() -> None:
    before, after = (
        at(OFFICE, "2026-10-25 00:00"),
        at(OFFICE, "2026-10-25 12:00"),
    )  # the clocks go back between

    assert elapsed(None, before, after) == timedelta(hours=13)
    assert elapsed(None, after, before) == timedelta()
    assert add(None, before, timedelta(hours=13)) == after
    assert list(stretches(None, before, after)) == [Stretch(before, after, None)]
    assert list(stretches(None, after, before)) == []


def test_a_calendar_that_never_opens_is_refused() -> None:
    with pytest.raises(NoOpenHoursError):
        add(NEVER, at(NEVER, "2190-03-03 12:00"), MICROSECOND)


@pytest.mark.parametrize("year", ["1899", "2201"])
def test_years_that_are_not_counted_are_refused(year: str) -> None:
    with pytest.raises(NoOpenHoursError):
        elapsed(OFFICE, at(OFFICE, f"{year}-03-03 12:00"), at(OFFICE, f"{year}-03-04 12:00"))


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError, match="without a zone"):
        add(None, datetime(2026, 3, 3, 12, 0), MICROSECOND)  # noqa: DTZ001  (the mistake itself)


def test_over_decades_the_hours_of_every_working_day_are_counted() -> None:
    calendar = daily("UTC", "9:00-13:00 14:00-18:00")
    first, last = datetime(1999, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)

    assert elapsed(calendar, first, last) == timedelta(hours=8) * (last - first).days
    assert add(calendar, first, elapsed(calendar, first, last)) == last - timedelta(hours=6)


def test_the_time_between_is_told_with_its_reasons() -> None:
    told = stretches(OFFICE, at(OFFICE, "2026-12-23 17:00"), at(OFFICE, "2026-12-28 09:30"))

    assert [(f"{each.end.astimezone(OFFICE.zone):%d %H:%M}", each.reason) for each in told] == [
        ("23 18:00", None),
        ("24 00:00", "outside hours"),
        ("24 09:00", "holiday: Christmas Eve"),
        ("24 12:00", None),
        ("25 00:00", "holiday: Christmas Eve"),
        ("26 00:00", "holiday: Christmas Day"),
        ("28 09:00", "outside hours"),
        ("28 09:30", None),
    ]


def test_a_night_that_goes_on_after_midnight_or_new_year_is_one_stretch() -> None:
    start, end = at(NIGHT_SHIFT, "2026-12-31 22:00"), at(NIGHT_SHIFT, "2027-01-01 06:00")

    assert list(stretches(NIGHT_SHIFT, start, end)) == [Stretch(start, end, None)]


def test_a_calendar_is_a_value() -> None:
    same = Calendar(LISBON, NIGHT, no_special_days, key="night shift")

    assert (same, hash(same)) == (NIGHT_SHIFT, hash(NIGHT_SHIFT))
    assert Calendar(LISBON, NIGHT, holidays, key="with holidays") != NIGHT_SHIFT
    assert NIGHT_SHIFT != "night shift"
