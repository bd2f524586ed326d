"""Buckets, ranks, shares and scores, against tables of cases and against plain Python."""

import math
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from statistics import NormalDist
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.errors import ValidationError
from app.metrics import rules
from app.metrics.rules import MICROSECONDS, Interval, Scale, buckets

ZONES = ("Europe/Lisbon", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe")
UTC_ZONE = ZoneInfo("UTC")
FROM_2000, TO_2035 = datetime(2000, 1, 1), datetime(2035, 1, 1)  # noqa: DTZ001  (hypothesis adds the zone)
YEARS = st.datetimes(min_value=FROM_2000, max_value=TO_2035, timezones=st.just(UTC))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("zone", "interval", "start", "end", "edges"),
    [
        pytest.param(
            "Europe/Lisbon", Interval.DAY, "2023-03-25T00:00Z", "2023-03-28T00:00Z",
            ["2023-03-25T00:00Z", "2023-03-26T00:00Z", "2023-03-26T23:00Z", "2023-03-27T23:00Z",
             "2023-03-28T00:00Z"],
            id="the day clocks go forward has 23 hours, and both ends are cut",
        ),
        pytest.param(
            "Europe/Lisbon", Interval.DAY, "2023-10-28T23:00Z", "2023-10-31T00:00Z",
            ["2023-10-28T23:00Z", "2023-10-30T00:00Z", "2023-10-31T00:00Z"],
            id="the day clocks go back has 25",
        ),
        pytest.param(
            "America/Sao_Paulo", Interval.DAY, "2018-11-03T03:00Z", "2018-11-05T02:00Z",
            ["2018-11-03T03:00Z", "2018-11-04T03:00Z", "2018-11-05T02:00Z"],
            id="a midnight that does not exist is the instant of the jump",
        ),
        pytest.param(
            "America/Sao_Paulo", Interval.DAY, "2018-02-17T02:00Z", "2018-02-19T03:00Z",
            ["2018-02-17T02:00Z", "2018-02-18T03:00Z", "2018-02-19T03:00Z"],
            id="an hour before midnight that comes twice belongs to the day before",
        ),
        pytest.param(
            "Australia/Lord_Howe", Interval.DAY, "2023-03-31T13:00Z", "2023-04-02T13:30Z",
            ["2023-03-31T13:00Z", "2023-04-01T13:00Z", "2023-04-02T13:30Z"],
            id="clocks go back by half an hour",
        ),
        pytest.param(
            "Pacific/Apia", Interval.DAY, "2011-12-29T10:00Z", "2011-12-31T10:00Z",
            ["2011-12-29T10:00Z", "2011-12-30T10:00Z", "2011-12-31T10:00Z"],
            id="a day the zone skipped has no bucket",
        ),
        pytest.param(
            "Asia/Kathmandu", Interval.WEEK, "2023-12-31T18:00Z", "2024-01-10T00:00Z",
            ["2023-12-31T18:00Z", "2023-12-31T18:15Z", "2024-01-07T18:15Z", "2024-01-10T00:00Z"],
            id="weeks begin on Monday, at a quarter past in UTC",
        ),
        pytest.param(
            "UTC", Interval.MONTH, "2024-01-31T12:00Z", "2024-04-01T00:00Z",
            ["2024-01-31T12:00Z", "2024-02-01T00:00Z", "2024-03-01T00:00Z", "2024-04-01T00:00Z"],
            id="months begin on the first, also from the 31st and in a leap year",
        ),
        pytest.param(
            "UTC", Interval.NONE, "1990-01-01T00:00Z", "2024-04-01T00:00Z",
            ["1990-01-01T00:00Z", "2024-04-01T00:00Z"],
            id="no interval is one bucket",
        ),
    ],
)  # fmt: skip
def test_buckets_meet_on_local_midnights(
    zone: str, interval: Interval, start: str, end: str, edges: list[str]
) -> None:
    found = buckets(at(start), at(end), zone=ZoneInfo(zone), interval=interval)

    assert found == tuple(pairwise(map(at, edges)))


@settings(deadline=None)
@given(
    start=YEARS,
    length=st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=900)),
    zone=st.sampled_from(ZONES),
    interval=st.sampled_from(Interval),
)
def test_buckets_are_contiguous_cover_the_range_and_are_as_many_as_local_days(
    start: datetime, length: timedelta, zone: str, interval: Interval
) -> None:
    local = ZoneInfo(zone)
    found = buckets(start, start + length, zone=local, interval=interval)

    assert (found[0][0], found[-1][1]) == (start, start + length)
    assert all(begin < end for begin, end in found)
    assert all(left[1] == right[0] for left, right in pairwise(found))
    first = start.astimezone(local).date()
    last = (start + length - timedelta(microseconds=1)).astimezone(local).date()
    assert len(found) == 1 + period(last, interval) - period(first, interval)


def period(day: date, interval: Interval) -> int:
    """Return the number of the day, the week or the month on a line of all of them."""
    match interval:
        case Interval.DAY:
            return day.toordinal()
        case Interval.WEEK:
            return (day.toordinal() - 1) // 7  # the first day of the year 1 was a Monday
        case Interval.MONTH:
            return day.year * 12 + day.month
        case Interval.NONE:
            return 0


def test_more_than_a_thousand_buckets_are_refused() -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    assert len(buckets(start, start + timedelta(days=1000), zone=UTC_ZONE, interval=Interval.DAY)) == 1000

    with pytest.raises(ValidationError) as refused:
        buckets(start, start + timedelta(days=1001), zone=UTC_ZONE, interval=Interval.DAY)

    assert [flaw.pointer for flaw in refused.value.flaws] == ["/query/interval"]


@given(n=st.integers(1, 5_000), percent=st.sampled_from(rules.PERCENTILES))
@example(n=20, percent=95)
@example(n=100, percent=99)
def test_the_percentile_stands_at_the_nearest_rank(n: int, percent: int) -> None:
    least = next(rank for rank in range(1, n + 1) if rules.reaches(rank, n, percent))

    assert least == math.ceil(Fraction(percent, 100) * n)


def test_durations_stay_exact_until_the_last_division() -> None:
    """A hundred years in microseconds, a hundred million times: a floating sum loses the last digits."""
    century = 100 * 365 * 86_400 * MICROSECONDS
    total, n = century * 10**8 + 1, 10**8

    assert rules.mean_seconds(total, n) == float(Fraction(total, n * MICROSECONDS))
    assert rules.seconds(330_156_000 + 1) == 330.156001


def test_what_is_not_known_is_null_and_never_zero() -> None:
    nothing: dict[int, int] = {}

    assert rules.seconds(None) is None
    assert rules.mean_seconds(0, 0) is None
    assert rules.share(0, 0) is None
    assert rules.wilson(0, 0) is None
    assert rules.mean(nothing) is None
    assert rules.promotion(nothing) is None
    assert rules.normalised(nothing, Scale(1, 5, 1)) is None
    assert rules.no_durations(2).ranked == (None, None, None, None)


@pytest.mark.parametrize(
    ("part", "n", "low", "high"),
    [(430, 474, 0.8777, 0.9301), (392, 436, 0.8672, 0.9240), (10, 14, 0.4535, 0.8828)],
)
def test_wilson_intervals_are_those_other_people_compute(part: int, n: int, low: float, high: float) -> None:
    """The figures of the JavaScript library wilson-score-interval."""
    found = rules.wilson(part, n)

    assert found is not None
    assert (round(found[0], 4), round(found[1], 4)) == (low, high)


@given(n=st.integers(1, 10_000), data=st.data())
def test_wilson_intervals_end_where_the_score_test_gives_up(n: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, n))
    found = rules.wilson(part, n)

    assert found is not None
    assert 0 <= found[0] <= part / n <= found[1] <= 1
    for end in found:
        if 0 < end < 1:
            distance = abs(part / n - end) / math.sqrt(end * (1 - end) / n)
            assert distance == pytest.approx(NormalDist().inv_cdf(0.975), rel=1e-6)


def test_nps_has_one_formula_and_skipped_answers_are_in_no_part_of_it() -> None:
    """Ten were asked, two skipped: the denominators are eight, for promoters and for detractors alike."""
    given_answers = Counter({10_000: 3, 9_000: 1, 8_000: 1, 7_000: 1, 6_000: 1, 0: 1})

    found = rules.promotion(given_answers)

    assert found == rules.Promotion(promoters=4, passives=2, detractors=2, nps=25.0)


@given(st.lists(st.integers(0, 10), min_size=1))
def test_nps_is_the_difference_of_two_percentages(values: list[int]) -> None:
    found = rules.promotion(Counter(value * 1000 for value in values))

    assert found is not None
    promoters, detractors = sum(value >= 9 for value in values), sum(value <= 6 for value in values)
    assert found.nps == float(Fraction(100 * (promoters - detractors), len(values)))
    assert found.promoters + found.passives + found.detractors == len(values)


@given(st.lists(st.integers(-100_000_000, 100_000_000), min_size=1))
def test_means_of_scores_are_exact(thousandths: list[int]) -> None:
    assert rules.mean(Counter(thousandths)) == float(Fraction(sum(thousandths), len(thousandths) * 1000))


def test_a_short_scale_lists_what_nobody_chose_and_a_fine_one_does_not() -> None:
    assert rules.distribution({4500: 2}, Scale(4, 5, 0.5)) == {"4": 0, "4.5": 2, "5": 0}
    assert rules.distribution({4500: 2}, Scale(0, 100, 0.5)) == {"4.5": 2}
    assert list(rules.distribution({}, Scale(0, 10, 1))) == [str(value) for value in range(11)]
    assert rules.distribution({100_000: 1}, Scale(0, 100, 1))["100"] == 1
    assert rules.distribution({-1000: 1}, Scale(-1, 0, 1)) == {"-1": 1, "0": 0}


def test_the_mean_of_a_scale_of_ones_own_is_placed_between_its_ends() -> None:
    assert rules.normalised({2000: 1, 4000: 1}, Scale(1, 5, 1)) == 50.0
    assert rules.normalised({-10_000: 3}, Scale(-10, 10, 1)) == 0.0
