"""What may be asked of a metric, and where each refusal points."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.errors import ValidationError
from app.metrics import query
from app.metrics.rules import Interval

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
DAY, AN_INSTANT = timedelta(days=1), timedelta(microseconds=1)
NEW_YEAR = datetime(2023, 12, 31, 18, 15, tzinfo=UTC)
"""As it comes to Kathmandu."""


def pointers(given: dict[str, list[str]], *, read: Any = query.response_times) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        read(given, now=NOW)
    return [flaw.pointer for flaw in refused.value.flaws]


def test_nothing_asked_means_the_last_thirty_days_up_to_and_with_this_instant_in_one_row() -> None:
    asked = query.response_times({}, now=NOW)

    assert (asked.clock, asked.mode, asked.within) == ("first_response", "elapsed", ())
    assert (asked.view.start, asked.view.end, asked.view.tz) == (NOW - 30 * DAY, NOW + AN_INSTANT, "UTC")
    assert (asked.view.interval, asked.view.group_by, asked.view.filters) == (Interval.NONE, (), {})
    assert asked.view == asked.view.whole()


def test_a_start_alone_lasts_until_now_and_an_end_alone_thirty_days() -> None:
    assert query.volume({"from": ["2024-02-29"]}, now=NOW).end == NOW + AN_INSTANT
    assert query.volume({"to": ["2024-01-31"]}, now=NOW).start == datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "zone", "meant"),
    [
        pytest.param(
            "2024-01-01", "Asia/Kathmandu", datetime(2023, 12, 31, 18, 15, tzinfo=UTC), id="a local date"
        ),
        pytest.param(
            "2024-01-01T00:00:00Z", "Asia/Kathmandu", datetime(2024, 1, 1, tzinfo=UTC), id="an instant"
        ),
        pytest.param(
            "2024-01-01T02:00:00.5+02:00", "UTC", datetime(2024, 1, 1, 0, 0, 0, 500_000, UTC), id="an offset"
        ),
    ],
)
def test_dates_are_local_and_instants_are_instants(said: str, zone: str, meant: datetime) -> None:
    assert query.volume({"from": [said], "tz": [zone]}, now=NOW).start == meant


@pytest.mark.parametrize("given", [["channel,agent"], ["channel", "agent"]])
def test_two_dimensions_may_be_repeated_or_stand_in_one_value(given: list[str]) -> None:
    assert query.volume({"group_by": given}, now=NOW).group_by == ("channel", "agent")


def test_filters_and_thresholds_may_be_repeated_and_count_once() -> None:
    asked = query.response_times({"channel": ["web", "chat", "web"], "within": ["120", "0", "120"]}, now=NOW)

    assert asked.view.filters == {"channel": ("web", "chat")}
    assert asked.within == (120, 0)


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        pytest.param({"clock": ["Reply"]}, "/query/clock", id="no name of a clock"),
        pytest.param({"clock": ["a" * 41]}, "/query/clock", id="a name too long for a clock"),
        pytest.param({"clock": ["reply\n"]}, "/query/clock", id="a name and a new line"),
        pytest.param({"mode": ["real"]}, "/query/mode", id="no such mode"),
        pytest.param({"as_of": ["2024-01-01"]}, "/query/as_of", id="an instant for what has none"),
        pytest.param({"clock": ["resolution", "resolution"]}, "/query/clock", id="two clocks"),
        pytest.param({"from": ["2024-02-01"], "to": ["2024-02-01"]}, "/query/to", id="an empty range"),
        pytest.param(
            {"from": ["2024-02-02"], "to": ["2024-02-01"]}, "/query/to", id="an end before its start"
        ),
        pytest.param({"from": ["2025-01-01"]}, "/query/to", id="a start that lies ahead, and no end"),
        pytest.param({"from": ["2024-02-01T00:00:00"]}, "/query/from", id="a time without an offset"),
        pytest.param({"from": ["2024-02-01T00:00:00 02:00"]}, "/query/from", id="a plus that became a space"),
        pytest.param({"from": ["2024-02-30"]}, "/query/from", id="a day there never was"),
        pytest.param({"from": ["0001-01-01"], "tz": ["Asia/Tokyo"]}, "/query/from", id="before all time"),
        pytest.param({"to": ["9999-12-31T23:59:59-12:00"]}, "/query/to", id="after all time"),
        pytest.param({"to": ["２０２４-01-01"]}, "/query/to", id="digits that are not ours"),
        pytest.param({"to": ["2024-W09"]}, "/query/to", id="another standard's dates"),
        pytest.param({"tz": ["Mars/Olympus"]}, "/query/tz", id="no such zone"),
        pytest.param({"tz": ["../../etc/passwd"]}, "/query/tz", id="a path for a zone"),
        pytest.param({"tz": [""]}, "/query/tz", id="an empty zone"),
        pytest.param({"interval": ["hour"]}, "/query/interval", id="an interval we do not have"),
        pytest.param(
            {"interval": ["day"], "from": ["2020-01-01"]},
            "/query/interval",
            id="more than a thousand buckets",
        ),
        pytest.param({"within": ["-1"]}, "/query/within", id="a negative threshold"),
        pytest.param({"within": ["1000000001"]}, "/query/within", id="a threshold past a thousand million"),
        pytest.param({"within": ["1.5"]}, "/query/within", id="half a second"),
        pytest.param({"within": ["1e3"]}, "/query/within", id="a number in another notation"),
        pytest.param({"within": [str(n) for n in range(11)]}, "/query/within", id="eleven thresholds"),
        pytest.param({"group_by": ["channel,agent,team"]}, "/query/group_by", id="three dimensions"),
        pytest.param({"group_by": ["channel", "agent", "team"]}, "/query/group_by", id="three, repeated"),
        pytest.param({"group_by": ["channel,channel"]}, "/query/group_by", id="one dimension twice"),
        pytest.param(
            {"group_by": ["channel", "channel"]}, "/query/group_by", id="one dimension twice, repeated"
        ),
        pytest.param({"group_by": ["instrument"]}, "/query/group_by", id="a dimension of another metric"),
        pytest.param({"group_by": ["channel,"]}, "/query/group_by", id="a comma too many"),
        pytest.param({"instrument": ["csat"]}, "/query/instrument", id="a filter of another metric"),
        pytest.param({"channel": ["fax"]}, "/query/channel", id="no such channel"),
        pytest.param({"origin": ["both"]}, "/query/origin", id="no such origin"),
        pytest.param({"topic": [""]}, "/query/topic", id="an empty filter"),
        pytest.param({"topic": ["a\x00b"]}, "/query/topic", id="a NUL, which one database refuses"),
        pytest.param({"topic": ["a" * 201]}, "/query/topic", id="a value too long"),
        pytest.param({"topic": [str(n) for n in range(101)]}, "/query/topic", id="too many values"),
        pytest.param({"format": ["xml"]}, "/query/format", id="no such format"),
        pytest.param(
            {"chanel": ["web"]}, "/query/chanel", id="a slip of the pen, which would give every channel"
        ),
        pytest.param(
            {"<script>": ["1"]}, "/query", id="a name that is not repeated to whoever reads the answer"
        ),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_where_it_makes_none(
    given: dict[str, list[str]], pointer: str
) -> None:
    assert pointers(given) == [pointer]


def test_everything_wrong_is_told_at_once() -> None:
    given = {"clock": ["X"], "tz": ["x"], "within": ["x"], "group_by": ["x"]}

    assert sorted(pointers(given)) == ["/query/clock", "/query/group_by", "/query/tz", "/query/within"]


def test_promises_are_judged_now_with_all_that_is_known() -> None:
    asked = query.sla({}, now=NOW)

    assert (asked.clock, asked.as_of, asked.known_at) == ("first_response", NOW, None)


@pytest.mark.parametrize(
    ("given", "as_of", "known_at"),
    [
        pytest.param({"as_of": ["2024-01-01"]}, NEW_YEAR, None, id="judged then, with all that is known"),
        pytest.param({"known_at": ["2024-01-01"]}, NEW_YEAR, NEW_YEAR, id="with what was known, judged then"),
        pytest.param(
            {"as_of": ["2024-01-01"], "known_at": ["2024-01-02"]}, NEW_YEAR, NEW_YEAR + DAY, id="both apart"
        ),
        pytest.param({"as_of": ["2025-01-01"]}, NEW_YEAR + 366 * DAY, None, id="judged ahead"),
    ],
)
def test_promises_are_judged_as_of_an_instant_in_the_zone_asked_for(
    given: dict[str, list[str]], as_of: datetime, known_at: datetime | None
) -> None:
    asked = query.sla({**given, "tz": ["Asia/Kathmandu"], "clock": ["call_back2"]}, now=NOW)

    assert (asked.clock, asked.as_of, asked.known_at) == ("call_back2", as_of, known_at)


def test_a_flaw_is_told_once_however_often_its_parameter_is_read() -> None:
    given = {"tz": ["x"], "as_of": ["x"], "known_at": ["1.1."], "within": ["1"]}

    assert sorted(pointers(given, read=query.sla)) == [
        "/query/as_of",
        "/query/known_at",
        "/query/tz",
        "/query/within",
    ]


@pytest.mark.parametrize("name", ["kind", "priority", "segment", "policy"])
def test_scores_have_no_dimensions_of_tickets_alone(name: str) -> None:
    assert pointers({"group_by": [name]}, read=query.satisfaction) == ["/query/group_by"]
    assert pointers({name: ["x"]}, read=query.satisfaction) == [f"/query/{name}"]


@pytest.mark.parametrize("version", ["0", "x", "1000001"])
def test_an_instrument_version_is_a_number_from_one(version: str) -> None:
    assert pointers({"version": [version]}, read=query.satisfaction) == ["/query/version"]


def test_one_instrument_is_asked_for_at_a_time() -> None:
    assert pointers({"instrument": ["csat", "nps"]}, read=query.satisfaction) == ["/query/instrument"]
    assert query.satisfaction({}, now=NOW).instrument == "csat"
