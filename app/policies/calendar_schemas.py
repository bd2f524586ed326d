"""Calendars on the wire."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Annotated, Any, Self, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from app.people.schemas import WHOLE, ShortName, Zone
from app.policies import public_holidays

MOST_SECONDS = 315_360_000
MOST_DAYS = 400
FIRST_YEAR, LAST_YEAR = 2000, 2197
Some = TypeVar("Some", bound=date)
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_DAY = r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
EXAMPLE: JsonDict = {
    "name": "Lisbon office",
    "zone": "Europe/Lisbon",
    "week": {
        "monday": [{"from": "09:00", "to": "12:30"}, {"from": "13:30", "to": "18:00"}],
        "tuesday": [{"from": "09:00", "to": "12:30"}, {"from": "13:30", "to": "18:00"}],
        "wednesday": [{"from": "09:00", "to": "12:30"}, {"from": "13:30", "to": "18:00"}],
        "thursday": [{"from": "09:00", "to": "12:30"}, {"from": "13:30", "to": "18:00"}],
        "friday": [{"from": "09:00", "to": "12:30"}, {"from": "13:30", "to": "18:00"}],
    },
    "holidays": {"country": "PT", "subdivision": "11"},
    "dates": [{"date": "12-24", "name": "Christmas Eve", "hours": [{"from": "09:00", "to": "12:30"}]}],
}


class OpenHours(BaseModel):
    """From when to when; a night shift is two, the first of which ends at 24:00."""

    model_config = ConfigDict(extra="forbid")

    opens: Annotated[str, Field(alias="from", max_length=5, pattern=f"^{_TIME}$")]
    closes: Annotated[str, Field(alias="to", max_length=5, pattern=f"^({_TIME}|24:00)$")]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.opens >= self.closes:
            raise PydanticCustomError(
                "not_after_from",
                "`to` lies after `from`: a night shift is two, one to 24:00 and one from 00:00 the day after",
            )
        return self


def _apart(hours: list[OpenHours]) -> list[OpenHours]:
    in_order = sorted(hours, key=lambda each: each.opens)
    if any(later.opens < earlier.closes for earlier, later in pairwise(in_order)):
        raise PydanticCustomError("overlapping", "hours of a day do not overlap")
    return in_order


DayHours = Annotated[list[OpenHours], Field(max_length=48), AfterValidator(_apart)]


class Week(BaseModel):
    """The hours of each weekday; without any it is closed."""

    model_config = ConfigDict(extra="forbid")

    monday: DayHours = []
    tuesday: DayHours = []
    wednesday: DayHours = []
    thursday: DayHours = []
    friday: DayHours = []
    saturday: DayHours = []
    sunday: DayHours = []


class Holidays(BaseModel):
    """The public holidays of a country, or of a part of it."""

    model_config = ConfigDict(extra="forbid")

    country: Annotated[str, Field(max_length=2, pattern="^[A-Z]{2}$", description="ISO 3166-1, two letters.")]
    subdivision: (
        Annotated[str, Field(min_length=1, max_length=10, description="ISO 3166-2, without the country.")]
        | None
    ) = None


class HolidaysIn(Holidays):
    """Public holidays that are known."""

    @field_validator("country")
    @classmethod
    def _known_country(cls, country: str) -> str:
        if not public_holidays.is_known(country, None):
            raise PydanticCustomError("unknown_country", "no holidays are known for that country")
        return country

    @field_validator("subdivision")
    @classmethod
    def _known_subdivision(cls, subdivision: str | None, info: ValidationInfo) -> str | None:
        country = info.data.get("country")
        if country and not public_holidays.is_known(country, subdivision):
            raise PydanticCustomError("unknown_subdivision", "that country has no such part")
        return subdivision


def _real_date(text: str) -> str:
    try:
        date.fromisoformat(text if len(text) > len("12-24") else f"2000-{text}")
    except ValueError:
        raise PydanticCustomError("not_a_date", "there is no such date") from None
    return text


class SpecialDate(BaseModel):
    """A date whose hours replace those of its weekday and any public holiday; without any it is closed."""

    model_config = ConfigDict(extra="forbid")

    date: Annotated[
        str,
        Field(
            max_length=10,
            pattern=f"^((19|20|21)[0-9][0-9]-)?{_DAY}$",
            description="`2026-12-24`, or `12-24` for every year; of both the first counts.",
        ),
        AfterValidator(_real_date),
    ]
    name: ShortName
    hours: DayHours = []


def _each_once(dates: list[SpecialDate]) -> list[SpecialDate]:
    if len({each.date for each in dates}) < len(dates):
        raise PydanticCustomError("twice", "a date stands there twice")
    return sorted(dates, key=lambda each: each.date)


class CalendarIn(BaseModel):
    """When somebody works: weekly hours in a time zone, public holidays, and dates of its own."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    name: ShortName
    zone: Zone
    week: Week
    holidays: HolidaysIn | None = None
    dates: Annotated[list[SpecialDate], Field(max_length=400), AfterValidator(_each_once)] = []

    def document(self) -> dict[str, Any]:
        """Return what is stored: lists in order, and every field there."""
        return self.model_dump(mode="json", by_alias=True)


class CalendarOut(BaseModel):
    """A calendar at a version, and when that was made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198c0de-0000-7000-8000-00000000000d",
                    **EXAMPLE,
                    "version": 1,
                    "created_at": "2026-11-01T08:00:00Z",
                }
            ]
        }
    )

    id: UUID
    name: str
    zone: str
    week: Week
    holidays: Holidays | None
    dates: list[SpecialDate]
    version: int
    created_at: datetime


def _within_bounds(at: Some) -> Some:
    """Refuse a date from which not all days asked for are counted."""
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise PydanticCustomError("out_of_bounds", f"between the years {FIRST_YEAR} and {LAST_YEAR}")
    return at


Day = Annotated[date, Field(json_schema_extra={"maxLength": 10}), AfterValidator(_within_bounds)]
Days = Annotated[int, Field(ge=1, le=MOST_DAYS), WHOLE]


class PreviewIn(BaseModel):
    """A calendar to try, for some days; with `start` and `work_seconds` also when such work falls due."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "calendar": EXAMPLE,
                    "from": "2026-12-01",
                    "days": 31,
                    "start": "2026-12-04T17:00:00Z",
                    "work_seconds": 14_400,
                }
            ]
        },
    )

    calendar: CalendarIn
    first: Annotated[Day, Field(alias="from")]
    days: Days = 31
    start: Annotated[AwareDatetime, AfterValidator(_within_bounds)] | None = None
    work_seconds: Annotated[int, Field(ge=0, le=MOST_SECONDS), WHOLE] | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.start is None) != (self.work_seconds is None):
            raise PydanticCustomError("incomplete", "`start` and `work_seconds` go together")
        return self


class OpenSpan(BaseModel):
    """A span of open time."""

    opens: Annotated[datetime, Field(alias="from")]
    closes: Annotated[datetime, Field(alias="to")]


class PreviewDay(BaseModel):
    """A date of the calendar's zone: when it is open, for how long, and the name of what is special."""

    date: date
    open: Sequence[OpenSpan]
    open_seconds: int
    note: str | None


class Preview(BaseModel):
    """What a calendar says of some days."""

    zone: str
    data: list[PreviewDay]
    open_seconds: int
    due_at: datetime | None
