"""What a mapping file may say about one value: where it stands in the row and how it is written there.

    Cell             column or columns (joined by a space), default
    ├── TextCell     values
    │   ├── KindCell, ChannelCell, PriorityCell     only the words the API knows
    ├── TimeCell     formats (without them: ISO 8601 with a time of day)
    ├── NumberCell   values, duration, type = "number" | "integer"
    └── BooleanCell  values

A bare string is a column name; in a file without a header a bare integer counts columns from 0.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, field_validator, model_validator

TICKET_KINDS = ("complaint", "question", "comment")
CHANNELS = ("web", "phone", "email", "chat", "social", "api", "in_person")
PRIORITIES = ("low", "normal", "high", "urgent")

# After noon, and no part equal to what strptime assumes where a format leaves it out.
_SAMPLE = datetime(2023, 11, 22, 13, 14, 15, 160000, tzinfo=UTC)


def _name(value: object) -> str | int:
    if isinstance(value, str) and value.strip():
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError("must be a column name, or a column's number counted from 0")


Name = Annotated[str | int, PlainValidator(_name)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Strict(BaseModel):
    """A part of a mapping file; a key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Cell(Strict):
    """Where a value comes from."""

    columns: tuple[Name, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _spell_out(cls, given: Any) -> Any:
        if isinstance(given, str | int):
            return {"columns": [given]}
        if not isinstance(given, dict):
            raise ValueError("must be a column name or a table")  # noqa: TRY004 - pydantic reports ValueError
        if "column" not in given:
            return given
        if "columns" in given:
            raise ValueError("names both column and columns")
        rest = {key: value for key, value in given.items() if key != "column"}
        return rest | {"columns": [given["column"]]}

    @model_validator(mode="after")
    def _come_from_somewhere(self) -> Self:
        if not self.columns and getattr(self, "default", None) in {None, ""}:
            raise ValueError("names neither a column nor a default")
        return self

    @property
    def label(self) -> str:
        """The columns as a person would name them."""
        return " + ".join(f'"{name}"' if isinstance(name, str) else str(name) for name in self.columns)


class TextCell(Cell):
    """A text, looked up in `values` where those are given; an empty text there or as default is no value."""

    words: ClassVar[tuple[str, ...]] = ()

    default: str | None = None
    values: Mapping[str, str] | None = None
    type: Literal["text"] = "text"

    @model_validator(mode="after")
    def _use_known_words(self) -> Self:
        targets = {self.default or "", *(self.values or {}).values()} - {""}
        if self.words and not targets <= set(self.words):
            raise ValueError(f"may only become one of: {', '.join(self.words)}")
        return self


class KindCell(TextCell):
    """What kind of ticket it is."""

    words: ClassVar[tuple[str, ...]] = TICKET_KINDS


class ChannelCell(TextCell):
    """How the customer reached us."""

    words: ClassVar[tuple[str, ...]] = CHANNELS


class PriorityCell(TextCell):
    """How urgent it is."""

    words: ClassVar[tuple[str, ...]] = PRIORITIES


class TimeCell(Cell):
    """An instant; without an offset of its own it is read in the zone of the file."""

    default: str | None = None
    formats: tuple[str, ...] = ()

    @field_validator("formats")
    @classmethod
    def _be_whole(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        for form in formats:
            _check_format(form)
        return formats


class NumberCell(Cell):
    """A number, or a duration turned into seconds."""

    default: Number | None = None
    values: Mapping[str, Number] | None = None
    duration: Literal["HH:MM:SS", "MM:SS", "SS"] | None = None
    type: Literal["number", "integer"] = "number"

    @model_validator(mode="after")
    def _be_written_one_way(self) -> Self:
        if self.values is not None and self.duration is not None:
            raise ValueError("has both values and a duration")
        return self


class BooleanCell(Cell):
    """Yes or no."""

    default: bool | None = Field(default=None, strict=True)
    values: Mapping[str, Annotated[bool, Field(strict=True)]] | None = None
    type: Literal["boolean"] = "boolean"


def _check_format(form: str) -> None:
    """Refuse a format that would read some instants wrong without ever failing."""
    if "%Z" in form:
        raise ValueError(f"{form!r}: a zone's short name is ambiguous; use %z, or the zone of the file")
    try:
        # A directive strptime does not know comes out of strftime as it stands, and fails on the way back.
        read = datetime.strptime(_SAMPLE.strftime(form), form)  # noqa: DTZ007 - only its parts are looked at
    except ValueError:
        raise ValueError(f"{form!r} is not a format of strptime") from None
    if read.date() != _SAMPLE.date():
        raise ValueError(f"{form!r} does not hold a whole date")
    if read.hour not in {0, _SAMPLE.hour}:
        raise ValueError(f"{form!r} has a 12-hour clock without %p")
