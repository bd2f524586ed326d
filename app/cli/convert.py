"""One row of somebody's file → one line of the import, or the reason why not."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from app.cli.cells import Cell
from app.cli.mapping import EventSpec, Part, ScoreMapping, ScoreSpec, TicketMapping
from app.cli.rows import BadRow, Row
from app.cli.values import Value, ValueRefused, read_value


@dataclass(frozen=True, slots=True)
class Line:
    """A line ready to be sent, and the line of the file it comes from."""

    line: int
    body: bytes


@dataclass(frozen=True, slots=True)
class EmptyRow:
    """A survey that was not answered: nothing to import, and nothing wrong."""

    line: int


Converted = Line | EmptyRow | BadRow


class RowError(Exception):
    """A row cannot be converted."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason


def convert(mapping: TicketMapping | ScoreMapping, rows: Iterable[Row | BadRow]) -> Iterator[Converted]:
    """Turn rows into lines; a bad one is passed on with its reason."""
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        try:
            fields = _fields_of(mapping, row)
        except RowError as error:
            yield BadRow(row.line, error.reason, error.column)
        else:
            yield Line(row.line, _encoded(fields)) if fields else EmptyRow(row.line)


def _fields_of(mapping: TicketMapping | ScoreMapping, row: Row) -> dict[str, Any] | None:
    return ticket_line(mapping, row) if isinstance(mapping, TicketMapping) else score_line(mapping, row)


def ticket_line(mapping: TicketMapping, row: Row) -> dict[str, Any]:
    """Return a ticket with everything that happened to it."""
    zone = mapping.file.zone
    line = {"source": mapping.file.source, **_fields(mapping.columns, row, zone)}
    parts = {"events": _events(mapping.events, row, zone), "scores": _scores(mapping.scores, row, zone)}
    return line | {name: items for name, items in parts.items() if items}


def score_line(mapping: ScoreMapping, row: Row) -> dict[str, Any] | None:
    """Return the scores of a row, or None where it has none."""
    zone = mapping.file.zone
    scores = _scores(mapping.scores, row, zone)
    if not scores:
        return None
    fields = {"kind": "score", **_fields(mapping.columns, row, zone)}
    return {"source": mapping.file.source, **fields, "scores": scores}


def _events(specs: Iterable[EventSpec], row: Row, zone: ZoneInfo) -> list[dict[str, Any]]:
    fields = [(spec, _fields(spec, row, zone)) for spec in specs]
    return [{"type": spec.type, **values} for spec, values in fields if values]


def _scores(specs: Iterable[ScoreSpec], row: Row, zone: ZoneInfo) -> list[dict[str, Any]]:
    fields = [_fields(spec, row, zone) for spec in specs]
    return [values for values in fields if values]


def _fields(part: Part, row: Row, zone: ZoneInfo) -> dict[str, Any]:
    """Return the values of a part of the mapping, without the empty ones."""
    values: dict[str, Any] = {}
    for name in type(part).model_fields:
        value = _value(part, name, row, zone)
        if value is None and name == part.decides:
            return {}
        if value not in (None, {}):
            values[name] = value
    return values


def _value(part: Part, name: str, row: Row, zone: ZoneInfo) -> Value | dict[str, Any] | None:
    inner = getattr(part, name)
    if isinstance(inner, Part):
        return _fields(inner, row, zone)
    if not isinstance(inner, Cell):
        return None
    value = _read(inner, row, zone)
    if value is None and name in part.needed:
        raise RowError(inner.label, f"is empty, and every line needs {name}")
    return value


def _read(cell: Cell, row: Row, zone: ZoneInfo) -> Value | None:
    try:
        return read_value(cell, row.cells, zone)
    except ValueRefused as refusal:
        raise RowError(cell.label, str(refusal)) from None


def _encoded(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
