"""Plain values of a query string, read one parameter at a time; their flaws are gathered and told at once."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from app.errors import Flaw, ValidationError
from app.metrics.rules import first_instant

MAX_LENGTH = 200
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
CODE = "^[a-z][a-z0-9_]{0,39}$"
"""How people may name what they define themselves."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_NAME = re.compile(r"[a-z_]{1,40}")
_NUMBER = re.compile(r"\d{1,10}", re.ASCII)
_CODE = re.compile(CODE)


class Values:
    """The parameters of one request, and the flaws found so far."""

    def __init__(self, given: Mapping[str, Sequence[str]]) -> None:
        """Take the values of each parameter, in the order they came."""
        self._given = given
        self._flaws: list[Flaw] = []

    def wrong(self, name: str, code: str, detail: str) -> None:
        """Note a flaw of one parameter; the value itself is never repeated."""
        # A name the caller made up is shown only where it reads like one of ours.
        pointer = f"/query/{name}" if _NAME.fullmatch(name) else "/query"
        flaw = Flaw(pointer, code, detail)
        if flaw not in self._flaws:  # a parameter may be read twice
            self._flaws.append(flaw)

    def check(self) -> None:
        """Raise what was found wrong so far."""
        if self._flaws:
            raise ValidationError(flaws=self._flaws)

    def only(self, known: Sequence[str], detail: str) -> None:
        """Refuse parameters of other names: one that is overlooked gives a figure nobody asked for."""
        for name in self._given:
            if name not in known:
                self.wrong(name, "unknown_parameter", detail)

    def every(self, name: str, *, most: int) -> tuple[str, ...]:
        """Return all values of a parameter that may be repeated."""
        found = tuple(self._given.get(name, ()))
        if len(found) > most:
            self.wrong(name, "too_many", f"at most {most} values")
        elif any(not value or len(value) > MAX_LENGTH or "\x00" in value for value in found):
            self.wrong(name, "not_text", f"each value has 1 to {MAX_LENGTH} characters, none of them NUL")
        else:
            return found
        return ()

    def text(self, name: str) -> str | None:
        """Return the value of a parameter that stands once."""
        if len(self._given.get(name, ())) > 1:
            self.wrong(name, "repeated", "stands once")
            return None
        found = self.every(name, most=1)
        return found[0] if found else None

    def choice(self, name: str, choices: Sequence[str]) -> str | None:
        """Return one of a few words."""
        found = self.text(name)
        if found is None or found in choices:
            return found
        self.wrong(name, "not_a_choice", f"one of {', '.join(choices)}")
        return None

    def code(self, name: str) -> str | None:
        """Return a name as people give to what they define themselves."""
        found = self.text(name)
        if found is None or _CODE.fullmatch(found):
            return found
        self.wrong(name, "not_a_name", "a small letter, then up to 39 small letters, digits and _")
        return None

    def choices(self, name: str, choices: Sequence[str] | None, *, most: int) -> tuple[str, ...]:
        """Return any values of a parameter that may be repeated, each once; None lets every word through."""
        found = self.every(name, most=most)
        if choices is not None and any(value not in choices for value in found):
            self.wrong(name, "not_a_choice", f"any of {', '.join(choices)}")
        return tuple(dict.fromkeys(found))

    def numbers(self, name: str, *, most: int, least: int, greatest: int) -> tuple[int, ...]:
        """Return the whole numbers of a parameter."""
        found = self.every(name, most=most)
        if all(_NUMBER.fullmatch(value) and least <= int(value) <= greatest for value in found):
            return tuple(dict.fromkeys(map(int, found)))
        self.wrong(name, "not_a_number", f"whole numbers from {least} to {greatest}")
        return ()

    def zone(self, name: str) -> ZoneInfo:
        """Return an IANA time zone, UTC by default."""
        found = self.text(name) or "UTC"
        if found in _zones():
            return ZoneInfo(found)
        self.wrong(name, "unknown_zone", "an IANA time zone such as Europe/Lisbon")
        return ZoneInfo("UTC")

    def instant(self, name: str, *, zone: ZoneInfo) -> datetime | None:
        """Return an RFC 3339 instant in UTC; a date alone is the local midnight that begins it."""
        found = self.text(name)
        if found is None:
            return None
        read = _instant(found, zone)
        if read is None:
            self.wrong(name, "not_an_instant", "a date, or a time with its offset (a `+` is sent as %2B)")
        return read


def _instant(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        if _DATE.fullmatch(text):
            read = first_instant(datetime.fromisoformat(text).date(), zone)
        elif _INSTANT.fullmatch(text):
            read = datetime.fromisoformat(text).astimezone(UTC)
        else:
            return None
    except (ValueError, OverflowError):  # the 30th of February; the year 1 in a zone east of UTC
        return None
    return read if EARLIEST <= read <= LATEST else None


@cache
def _zones() -> frozenset[str]:
    """Return the names of all zones; reading them from disk takes a while."""
    return frozenset(available_timezones())
