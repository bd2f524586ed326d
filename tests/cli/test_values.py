"""One value of one row: times in their zones, numbers, durations, words, and empty cells."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.cells import BooleanCell, Cell, ChannelCell, NumberCell, TextCell, TimeCell
from app.cli.values import Value, ValueRefused, read_value

LISBON = ZoneInfo("Europe/Lisbon")
SECONDS = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f"]


def value(kind: type[Cell], text: str, zone: ZoneInfo = LISBON, **more: Any) -> Value | None:
    return read_value(kind.model_validate({"column": "c", **more}), {"c": text}, zone)


@pytest.mark.parametrize(
    ("text", "formats", "instant"),
    [
        ("2023-01-04 04:02:59.013", SECONDS, "2023-01-04T04:02:59.013000Z"),
        ("2023-01-04 04:02:59.000001", SECONDS, "2023-01-04T04:02:59.000001Z"),
        ("2023-01-04 04:02:59", SECONDS, "2023-01-04T04:02:59Z"),
        ("2023-07-04 04:02:59", SECONDS, "2023-07-04T03:02:59Z"),
        ("  2023-07-04 04:02:59 ", [], "2023-07-04T03:02:59Z"),
        ("2023-07-04T04:02:59+05:30", [], "2023-07-03T22:32:59Z"),
        ("2023-07-04T04:02:59Z", [], "2023-07-04T04:02:59Z"),
        ("04/07/2023 16:02 -0300", ["%d/%m/%Y %H:%M %z"], "2023-07-04T19:02:00Z"),
        ("04/07/2023", ["%d/%m/%Y"], "2023-07-03T23:00:00Z"),
        pytest.param("2026-10-25 01:30:00", SECONDS, "2026-10-25T00:30:00Z", id="comes twice: the first"),
        pytest.param("2026-03-29 00:59:59", SECONDS, "2026-03-29T00:59:59Z", id="just before the gap"),
        pytest.param("2026-03-29 02:00:00", SECONDS, "2026-03-29T01:00:00Z", id="just after the gap"),
        ("", SECONDS, None),
    ],
)
def test_a_time_is_an_instant(text: str, formats: list[str], instant: str | None) -> None:
    assert value(TimeCell, text, formats=formats) == instant


@pytest.mark.parametrize(
    ("text", "formats", "reason"),
    [
        ("2026-03-29 01:30:00", SECONDS, "does not exist in Europe/Lisbon"),
        ("29/03/2026", SECONDS, "is not written as %Y-%m-%d %H:%M:%S or"),
        ("2026-03-29", [], "is not an ISO 8601 date and time"),
        ("2026-13-29 10:00", [], "is not an ISO 8601 date and time"),
        ("soon", [], "is not an ISO 8601 date and time"),
        ("0001-01-01T00:00:00+10:00", [], "is out of the calendar"),
    ],
)
def test_a_time_that_is_none_is_refused(text: str, formats: list[str], reason: str) -> None:
    with pytest.raises(ValueRefused, match=reason) as refused:
        value(TimeCell, text, formats=formats)
    assert text not in str(refused.value)


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2099, 1, 1)),  # noqa: DTZ001 - a local time is the point
    st.sampled_from(["UTC", "Europe/Lisbon", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_a_local_time_keeps_its_clock_face_or_never_was(local: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    text = local.strftime("%d.%m.%Y %H:%M:%S.%f")
    both = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    real = {instant for instant in both if instant.astimezone(zone).replace(tzinfo=None, fold=0) == local}
    try:
        found = value(TimeCell, text, zone, formats=["%d.%m.%Y %H:%M:%S.%f"])
    except ValueRefused:
        assert real == set()
    else:
        assert datetime.fromisoformat(str(found)) == min(real)


@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001
def test_an_offset_is_kept(local: datetime, minutes: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    found = value(TimeCell, moment.isoformat())
    assert str(found).endswith("Z")
    assert datetime.fromisoformat(str(found)) == moment


@pytest.mark.parametrize(
    ("text", "more", "number"),
    [
        ("3.0", {}, 3),
        ("3.5", {}, 3.5),
        ("-2", {}, -2),
        ("1e2", {}, 100),
        ("4.0", {"type": "integer"}, 4),
        ("", {}, None),
        ("", {"default": 0}, 0),
        ("good", {"values": {"good": 5}}, 5),
        ("odd", {"values": {"good": 5}, "default": 1}, 1),
        ("00:02:23", {"duration": "HH:MM:SS"}, 143),
        ("100:00:00.5", {"duration": "HH:MM:SS"}, 360_000.5),
        ("75:01", {"duration": "MM:SS"}, 4501),
        ("90", {"duration": "SS"}, 90),
    ],
)
def test_a_number(text: str, more: dict[str, Any], number: float | None) -> None:
    found = value(NumberCell, text, **more)
    assert (found, type(found)) == (number, type(number))


@pytest.mark.parametrize(
    ("text", "more", "reason"),
    [
        ("3,5", {}, "is not a number"),
        ("1_000", {}, "is not a number"),
        ("nan", {}, "is not a number"),
        ("٣", {}, "is not a number"),
        ("1e999", {}, "is too large a number"),
        ("9007199254740992", {}, "is too large a number"),
        ("3.5", {"type": "integer"}, "is not a whole number"),
        ("odd", {"values": {"good": 5, "bad": 1}}, "is none of: good, bad"),
        ("02:23", {"duration": "HH:MM:SS"}, "is not a duration written as HH:MM:SS"),
        ("00:60:00", {"duration": "HH:MM:SS"}, "is not a duration"),
        ("-5", {"duration": "SS"}, "is not a duration"),
    ],
)
def test_what_is_no_number_is_refused(text: str, more: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueRefused, match=reason) as refused:
        value(NumberCell, text, **more)
    assert text not in str(refused.value)


@given(st.integers(0, 999_999), st.integers(0, 59), st.integers(0, 59))
def test_a_duration_is_its_seconds(hours: int, minutes: int, seconds: int) -> None:
    total = timedelta(hours=hours, minutes=minutes, seconds=seconds).total_seconds()
    assert value(NumberCell, f"{hours:02}:{minutes:02}:{seconds:02}", duration="HH:MM:SS") == total


@pytest.mark.parametrize(
    ("kind", "text", "more", "found"),
    [
        (TextCell, " a\nb ", {}, "a\nb"),
        (TextCell, "", {}, None),
        (TextCell, "", {"default": "x"}, "x"),
        (TextCell, "Low", {"values": {"Low": "low"}}, "low"),
        (TextCell, "-", {"values": {"-": ""}}, None),
        (TextCell, "else", {"values": {"Low": "low"}, "default": "x"}, "x"),
        (TextCell, "else", {"values": {"Low": "low"}, "default": ""}, None),
        (ChannelCell, "web", {}, "web"),
        (BooleanCell, "Yes", {}, True),
        (BooleanCell, "0", {}, False),
        (BooleanCell, "", {}, None),
        (BooleanCell, "", {"default": False}, False),
        (BooleanCell, "J", {"values": {"J": True, "N": False}}, True),
        (BooleanCell, "?", {"values": {"J": True}, "default": False}, False),
    ],
)
def test_a_word(kind: type[Cell], text: str, more: dict[str, Any], found: Value | None) -> None:
    assert value(kind, text, **more) == found


@pytest.mark.parametrize(
    ("kind", "text", "more", "reason"),
    [
        (TextCell, "low", {"values": {"Low": "low", "High": "high"}}, "is none of: Low, High"),
        (ChannelCell, "fax", {}, "is none of: web, phone"),
        (BooleanCell, "maybe", {}, "is neither yes nor no"),
        (TextCell, "a\x00b", {}, "holds a NUL"),
        (TextCell, "caf\udce9", {}, "holds bytes that are not in the encoding"),
    ],
)
def test_a_word_nobody_knows_is_refused(
    kind: type[Cell], text: str, more: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueRefused, match=reason):
        value(kind, text, **more)


def test_columns_are_joined_by_a_space() -> None:
    name = TextCell.model_validate({"columns": ["first", "middle", "last"]})
    assert read_value(name, {"first": "Ana ", "middle": "", "last": "Silva"}, LISBON) == "Ana Silva"

    at = TimeCell.model_validate({"columns": ["day", "time"], "formats": ["%d/%m/%Y %H:%M"]})
    assert read_value(at, {"day": "01/02/2026", "time": "09:30"}, LISBON) == "2026-02-01T09:30:00Z"
    with pytest.raises(ValueRefused):
        read_value(at, {"day": "01/02/2026", "time": ""}, LISBON)
