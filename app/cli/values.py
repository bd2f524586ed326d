"""One value of one row: text, instant, number or yes-or-no, or nothing where the cell is empty."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from app import clock
from app.cli.cells import BooleanCell, Cell, NumberCell, TextCell, TimeCell

Value = str | int | float | bool
Looked = TypeVar("Looked")

# Beyond these a JSON number is no longer the same number to every reader.
_LARGEST = 2**53 - 1

_NOT_TEXT = re.compile(r"[\x00\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d{1,3})?", re.ASCII)
_HAS_TIME = re.compile(r"[T ]\d\d:?\d\d", re.ASCII)
_DURATIONS = {
    "HH:MM:SS": re.compile(r"(?P<h>\d{1,9}):(?P<m>[0-5]\d):(?P<s>[0-5]\d(\.\d+)?)", re.ASCII),
    "MM:SS": re.compile(r"(?P<m>\d{1,9}):(?P<s>[0-5]\d(\.\d+)?)", re.ASCII),
    "SS": re.compile(r"(?P<s>\d{1,9}(\.\d+)?)", re.ASCII),
}
_YES_OR_NO = {
    **dict.fromkeys(("true", "yes", "y", "1"), True),
    **dict.fromkeys(("false", "no", "n", "0"), False),
}


class ValueRefused(Exception):  # noqa: N818 - it is a verdict about the file, not about this program
    """A cell does not hold what the mapping says it does; the message never repeats the value."""


def read_value(cell: Cell, row: Mapping[str | int, str], zone: ZoneInfo) -> Value | None:
    """Return the value of a cell as it goes on the wire, or None where it is empty."""
    text = _joined(cell, row)
    match cell:
        case TextCell():
            return _text(cell, text)
        case TimeCell():
            return _instant(cell, text, zone)
        case NumberCell():
            return _number(cell, text)
        case BooleanCell():
            return _boolean(cell, text)
        case _:
            raise TypeError(f"no way to read a {type(cell).__name__}")


def _joined(cell: Cell, row: Mapping[str | int, str]) -> str:
    parts = (row.get(name, "").strip() for name in cell.columns)
    text = " ".join(part for part in parts if part)
    if flaw := _NOT_TEXT.search(text):
        nul = flaw.group() == "\x00"
        raise ValueRefused("holds a NUL" if nul else "holds bytes that are not in the encoding of the file")
    return text


def _text(cell: TextCell, text: str) -> str | None:
    if not text:
        return cell.default or None
    if cell.values is not None:
        return _look_up(text, cell.values, cell.default) or None
    if cell.words and text not in cell.words:
        raise ValueRefused(f"is none of: {', '.join(cell.words)}")
    return text


def _instant(cell: TimeCell, text: str, zone: ZoneInfo) -> str | None:
    written = text or cell.default
    if not written:
        return None
    moment = _parsed(written, cell.formats)
    try:
        utc = (moment if moment.tzinfo else _placed(moment, zone)).astimezone(UTC)
    except OverflowError:
        raise ValueRefused("is out of the calendar") from None
    return clock.written(utc)


def _parsed(text: str, formats: tuple[str, ...]) -> datetime:
    for form in formats:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the zone of the file is added later
        except ValueError:
            continue
    if formats:
        raise ValueRefused(f"is not written as {' or '.join(formats)}")
    # A bare date would quietly become midnight; who wants that says so with a format.
    if not _HAS_TIME.search(text):
        raise ValueRefused("is not an ISO 8601 date and time")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueRefused("is not an ISO 8601 date and time") from None


def _placed(moment: datetime, zone: ZoneInfo) -> datetime:
    """Put a local time into its zone; of an hour that comes twice we take the first."""
    local = moment.replace(tzinfo=zone, fold=0)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) != moment:
        raise ValueRefused(f"does not exist in {zone.key}: the clocks went forward")
    return local


def _number(cell: NumberCell, text: str) -> float | None:
    if not text:
        number = cell.default
    elif cell.values is not None:
        number = _look_up(text, cell.values, cell.default)
    elif cell.duration is not None:
        number = _seconds(text, cell.duration)
    elif _NUMBER.fullmatch(text):
        number = float(text)
    else:
        raise ValueRefused("is not a number")
    return None if number is None else _fitting(number, cell)


def _fitting(number: float, cell: NumberCell) -> float:
    if abs(number) > _LARGEST:
        raise ValueRefused("is too large a number")
    if number.is_integer():
        return int(number)
    if cell.type == "integer":
        raise ValueRefused("is not a whole number")
    return number


def _seconds(text: str, form: str) -> float:
    parts = _DURATIONS[form].fullmatch(text)
    if parts is None:
        raise ValueRefused(f"is not a duration written as {form}")
    units = parts.groupdict(default="0")
    return int(units.get("h", "0")) * 3600 + int(units.get("m", "0")) * 60 + float(units["s"])


def _boolean(cell: BooleanCell, text: str) -> bool | None:
    if not text:
        return cell.default
    if cell.values is not None:
        return _look_up(text, cell.values, cell.default)
    if text.casefold() not in _YES_OR_NO:
        raise ValueRefused("is neither yes nor no")
    return _YES_OR_NO[text.casefold()]


def _look_up(text: str, values: Mapping[str, Looked], default: Looked | None) -> Looked:
    found = values.get(text, default)
    if found is None:
        raise ValueRefused(f"is none of: {', '.join(values)}")
    return found
