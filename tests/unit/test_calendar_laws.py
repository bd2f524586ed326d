"""Business time: its laws, and a second opinion second by second.

`HEARD_ORACLE_CASES=100000` asks for more second opinions. The seed of each world is in its test's name.
"""

import os
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.policies.calendar import Calendar, Hours, SpecialDay, add, elapsed, stretches
from tests.unit.calendar_oracle import make_world

ORACLE_CASES = int(os.environ.get("HEARD_ORACLE_CASES", "10000"))
CASES_A_WORLD = 250
ZONES = ["Europe/Lisbon", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]
NOTHING, MICROSECOND = timedelta(), timedelta(microseconds=1)


@st.composite
def hours_of_a_day(draw: st.DrawFn) -> Hours:
    """Draw up to three intervals; the last may end at 24:00."""
    edges = sorted(draw(st.sets(st.sampled_from(range(0, 1441, 15)), max_size=6)))
    return tuple(zip(edges[::2], edges[1::2], strict=False))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Draw a calendar that opens, with special days around New Year and where clocks change."""
    week = tuple(draw(hours_of_a_day()) for _ in range(7))
    assume(any(week))
    months_and_days = st.sampled_from(
        [(3, 29), (10, 4), (11, 4), (12, 29), (12, 30), (12, 31), (1, 1), (1, 2)]
    )
    special = draw(st.dictionaries(months_and_days, st.builds(SpecialDay, st.just("fair"), hours_of_a_day())))

    def of_year(year: int) -> Mapping[date, SpecialDay]:
        return {date(year, month, day): each for (month, day), each in special.items()}

    return Calendar(draw(st.sampled_from(ZONES)), week, of_year, key=repr(special))


# In the twelve days after each of these, clocks change, a date is missing, or the year ends.
HARD = ("2011-12-24", "2018-11-01", "2026-03-25", "2026-10-01", "2026-12-28")
HARD_DAYS = st.sampled_from([datetime.fromisoformat(f"{day}T00:00Z") for day in HARD])
AHEAD = st.timedeltas(NOTHING, timedelta(days=12))
WORK = st.timedeltas(NOTHING, timedelta(hours=60))
few = settings(deadline=None, max_examples=50)


@st.composite
def instants(draw: st.DrawFn, count: int) -> list[datetime]:
    """Draw instants near each other, in order."""
    near = draw(HARD_DAYS)
    return sorted(near + draw(AHEAD) for _ in range(count))


@few
@given(calendars(), instants(1), WORK)
def test_adding_is_the_inverse_of_measuring_and_finds_the_earliest(
    calendar: Calendar, instants: list[datetime], work: timedelta
) -> None:
    [start] = instants
    due = add(calendar, start, work)

    assert elapsed(calendar, start, due) == work
    assert due == start or elapsed(calendar, start, due - MICROSECOND) < work


@few
@given(calendars(), instants(3), WORK, WORK)
def test_parts_make_the_whole(
    calendar: Calendar, instants: list[datetime], work: timedelta, more: timedelta
) -> None:
    a, b, c = instants

    assert elapsed(calendar, a, b) + elapsed(calendar, b, c) == elapsed(calendar, a, c)
    assert add(calendar, add(calendar, a, work), more) == add(calendar, a, work + more)


@few
@given(calendars(), instants(3), WORK, WORK)
def test_later_is_never_earlier(
    calendar: Calendar, instants: list[datetime], work: timedelta, more: timedelta
) -> None:
    a, b, c = instants

    assert add(calendar, a, work) <= add(calendar, b, work) <= add(calendar, b, work + more)
    assert elapsed(calendar, b, c) <= elapsed(calendar, a, c) <= c - a


@few
@given(calendars(), instants(2))
def test_stretches_leave_no_gap_and_are_as_long_as_measured(
    calendar: Calendar, instants: list[datetime]
) -> None:
    start, end = instants
    assume(start < end)
    told = list(stretches(calendar, start, end))

    assert [start, *(each.end for each in told)] == [*(each.start for each in told), end]
    assert all(each.start < each.end for each in told)
    assert all(one.reason != other.reason for one, other in pairwise(told))
    for each in told:
        is_open = each.reason is None
        assert elapsed(calendar, each.start, each.end) == (each.end - each.start if is_open else NOTHING)


@pytest.mark.parametrize("seed", range(ORACLE_CASES // CASES_A_WORLD))
def test_walking_every_second_comes_to_the_same(seed: int) -> None:
    random = Random(seed)
    world = make_world(random)

    for _ in range(CASES_A_WORLD):
        first, last = sorted(random.sample(range(world.length + 1), 2))
        start, end, counted = world.at(first), world.at(last), world.elapsed(first, last)
        assert elapsed(world.calendar, start, end) == timedelta(seconds=counted), (start, end)
        if left := world.elapsed(first, world.length):
            work = random.randint(1, left)
            due = world.at(world.add(first, work))
            assert add(world.calendar, start, timedelta(seconds=work)) == due, (start, work)
