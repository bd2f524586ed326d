"""The mapping file: how somebody else's export becomes import lines; an unknown key is an error."""

import codecs
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    PlainValidator,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from app.cli.cells import Cell, ChannelCell, KindCell, NumberCell, PriorityCell, Strict, TextCell, TimeCell
from app.cli.exits import MISUSED, CommandError


class MappingError(CommandError):
    """The mapping file is wrong, by itself or for this file."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=MISUSED)


def _zone(value: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is not a time zone such as Europe/Lisbon") from None


class FileSpec(Strict):
    """How the file is written, and which system wrote it."""

    format: Literal["csv", "tsv", "json", "ndjson"]
    encoding: str = "utf-8"
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    header: bool = Field(default=True, strict=True)
    zone: Annotated[ZoneInfo, PlainValidator(_zone)] = ZoneInfo("UTC")
    source: str = Field(min_length=1)

    @property
    def delimited(self) -> bool:
        """Whether rows are cells between delimiters, and not JSON objects."""
        return self.format in {"csv", "tsv"}

    @field_validator("encoding")
    @classmethod
    def _be_known(cls, encoding: str) -> str:
        try:
            "".encode(encoding)
        except LookupError:
            raise ValueError("is not a text encoding Python knows") from None
        return codecs.lookup(encoding).name

    @model_validator(mode="after")
    def _suit_the_format(self) -> Self:
        if not self.delimited and self.model_fields_set & {"delimiter", "header"}:
            raise ValueError("delimiter and header are for csv and tsv")
        return self


def _nested(given: Any) -> Any:
    """Read `"customer.email" = …` as `[columns.customer] email = …`."""
    if not isinstance(given, dict):
        return given
    flat = {key: value for key, value in given.items() if not key.startswith("customer.")}
    dotted = {key.removeprefix("customer."): given[key] for key in given.keys() - flat.keys()}
    if not dotted:
        return given
    table = flat.get("customer", {})
    if not isinstance(table, dict) or table.keys() & dotted.keys():
        raise ValueError("names a part of customer twice")
    return flat | {"customer": table | dotted}


def _constant(given: Any) -> Any:
    """Read a bare string as itself, not as a column."""
    return {"default": given} if isinstance(given, str) else given


Constant = Annotated[TextCell, BeforeValidator(_constant)]


class Part(Strict):
    """Fields that belong together; they are sent in the order in which they stand here."""

    needed: ClassVar[frozenset[str]] = frozenset()
    decides: ClassVar[str] = ""
    """The field that, where it is empty, leaves out the whole part; it stands first."""


class CustomerColumns(Part):
    """Who the customer is."""

    ref: TextCell | None = None
    email: TextCell | None = None
    phone: TextCell | None = None
    name: TextCell | None = None


class TicketColumns(Part):
    """The fields of a ticket."""

    needed: ClassVar[frozenset[str]] = frozenset({"external_id", "kind", "occurred_at"})

    external_id: TextCell
    kind: KindCell
    channel: ChannelCell | None = None
    occurred_at: TimeCell
    subject: TextCell | None = None
    text: TextCell | None = None
    topic: TextCell | None = None
    product: TextCell | None = None
    priority: PriorityCell | None = None
    team: TextCell | None = None
    agent: TextCell | None = None
    customer: CustomerColumns | None = None

    _split = model_validator(mode="before")(_nested)


class ScoreColumns(Part):
    """The fields of scores that stand alone or hang on an earlier ticket of the same source."""

    needed: ClassVar[frozenset[str]] = frozenset({"external_id", "occurred_at"})

    external_id: TextCell
    occurred_at: TimeCell
    channel: ChannelCell | None = None
    agent: TextCell | None = None
    ticket: TextCell | None = None


class EventSpec(Part):
    """Something that happened to a ticket; an empty `at` means it did not."""

    decides: ClassVar[str] = "at"

    at: TimeCell
    type: Literal["replied", "pended", "resolved", "closed"]
    agent: TextCell | None = None


class ScoreSpec(Part):
    """A score; an empty `value` means none was given, an empty `at` leaves the time to the server."""

    needed: ClassVar[frozenset[str]] = frozenset({"instrument"})
    decides: ClassVar[str] = "value"

    value: NumberCell
    instrument: Constant
    at: TimeCell | None = None
    expected: NumberCell | None = None
    dimension: Constant | None = None


class _Mapping(Strict):
    file: FileSpec

    @model_validator(mode="after")
    def _name_columns_alike(self) -> Self:
        wanted = int if not self.file.header else str
        strange = [
            cell.label for cell in cells(self) for name in cell.columns if not isinstance(name, wanted)
        ]
        if strange:
            how = "names, not numbers" if self.file.header else "numbers from 0, not names"
            raise ValueError(f"columns of this file have {how}: {', '.join(strange)}")
        return self


class TicketMapping(_Mapping):
    """A file with one ticket a row."""

    columns: TicketColumns
    events: tuple[EventSpec, ...] = ()
    scores: tuple[ScoreSpec, ...] = ()


class ScoreMapping(_Mapping):
    """A file with one answered survey a row."""

    columns: ScoreColumns
    scores: tuple[ScoreSpec, ...] = Field(min_length=1)


AnyMapping = TypeVar("AnyMapping", TicketMapping, ScoreMapping)


def read_mapping(path: Path, schema: type[AnyMapping]) -> AnyMapping:
    """Read a mapping file; whatever is wrong with it is said at once, a line each."""
    try:
        return schema.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except UnicodeDecodeError:
        raise MappingError(f"{path} is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{path} is not TOML: {error}") from None
    except ValidationError as error:
        flaws = "\n  ".join(_in_words(flaw) for flaw in error.errors())
        raise MappingError(f"{path} does not fit:\n  {flaws}") from None


def cells(part: BaseModel) -> Iterator[Cell]:
    """Yield every cell of a mapping."""
    if isinstance(part, Cell):
        yield part
        return
    for name in type(part).model_fields:
        value = getattr(part, name)
        for child in value if isinstance(value, tuple) else (value,):
            if isinstance(child, BaseModel):
                yield from cells(child)


def _in_words(flaw: ErrorDetails) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in flaw["loc"]).lstrip(".")
    match flaw["type"]:
        case "extra_forbidden":
            return f"unknown key {path}"
        case "missing":
            return f"missing key {path}"
        case "value_error":
            reason = str(flaw["ctx"]["error"])
        case _:
            reason = flaw["msg"]
    return f"{path}: {reason}" if path else reason
