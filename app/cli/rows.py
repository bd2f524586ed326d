"""Reading a file row by row, whatever its format: each row with its first line, a broken one as a reason.

Every value leaves here as text, exactly as it was written: numbers of JSON too, so that no digit is lost.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from app.cli.exits import MISUSED, CommandError
from app.cli.json_stream import BadItem, array_items, decode
from app.cli.mapping import FileSpec, MappingError


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its values by column name, or by position where the file has no header."""

    line: int
    cells: Mapping[str | int, str]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is left out, and why; it never repeats what the row holds."""

    line: int
    reason: str
    column: str = ""

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}" if self.column else f"line {self.line}"
        return f"{where}: {self.reason}"


@contextmanager
def open_rows(path: Path, spec: FileSpec) -> Iterator[TextIO]:
    """Open a file in its encoding; a byte that does not belong there spoils its own row only."""
    encoding = "utf-8-sig" if spec.encoding == "utf-8" else spec.encoding
    # Broken bytes come out as lone surrogates, which the reading of a value refuses.
    newline = "" if spec.delimited else "\n"
    with path.open(encoding=encoding, errors="surrogateescape", newline=newline) as stream:
        try:
            yield stream
        except UnicodeDecodeError as error:
            raise CommandError(f"{path} is not {spec.encoding}: {error.reason}", code=MISUSED) from None


def read_rows(stream: TextIO, spec: FileSpec) -> Iterator[Row | BadRow]:
    """Yield the rows of a file; empty ones are passed over."""
    if spec.delimited:
        return _delimited(stream, spec)
    return _objects(array_items(stream) if spec.format == "json" else _json_lines(stream))


def check_columns(rows: Iterable[Row | BadRow], wanted: set[str | int], spec: FileSpec) -> None:
    """Refuse a file that lacks a column; an object may lack a key that another one has."""
    missing = set(wanted)
    found_any = False
    for row in rows:
        if isinstance(row, Row):
            found_any = True
            missing -= row.cells.keys()
            if not missing or spec.delimited:
                break
    if missing and found_any:
        names = ", ".join(sorted(map(repr, missing)))
        raise MappingError(f"not in the file, or there more than once: column {names}")


def _delimited(stream: TextIO, spec: FileSpec) -> Iterator[Row | BadRow]:
    header: list[str | int] | None = None
    for line, record in _records(stream, spec):
        if isinstance(record, BadRow):
            yield record
            continue
        if header is None:
            header = _addressable(record) if spec.header else list(range(len(record)))
            if spec.header:
                continue
        if len(record) < len(header):
            yield BadRow(line, f"has {len(record)} of {len(header)} columns")
        elif any(cell.strip() for cell in record[len(header) :]):
            yield BadRow(line, f"has {len(record)} columns instead of {len(header)}")
        else:
            yield Row(line, dict(zip(header, record, strict=False)))


def _records(stream: TextIO, spec: FileSpec) -> Iterator[tuple[int, list[str] | BadRow]]:
    """Yield the rows that are not empty, each with the line it starts on."""
    delimiter = spec.delimiter or ("\t" if spec.format == "tsv" else ",")
    # Strict: without it a quote that is never closed swallows the rest of the file in silence.
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, BadRow(line, f"is not valid {spec.format}: {error}")
        else:
            if any(cell.strip() for cell in record):
                yield line, record


def _addressable(names: list[str]) -> list[str | int]:
    """Return the header; a name that stands there twice means neither, so it gets a number instead."""
    stripped = [name.strip() for name in names]
    often = Counter(stripped)
    return [name if often[name] == 1 else place for place, name in enumerate(stripped)]


def _json_lines(stream: TextIO) -> Iterator[tuple[int, Any]]:
    for line, text in enumerate(stream, start=1):
        if text.strip():
            yield line, _decoded(text)


def _decoded(text: str) -> Any:
    try:
        return decode(text)
    except ValueError:
        return BadItem("is not valid JSON")


def _objects(items: Iterator[tuple[int, Any]]) -> Iterator[Row | BadRow]:
    for line, item in items:
        if isinstance(item, BadItem):
            yield BadRow(line, item.reason)
        elif isinstance(item, dict):
            yield Row(line, dict(_flat(item)))
        else:
            yield BadRow(line, "is not a JSON object")


def _flat(item: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the values of an object; what is inside an inner one is named `outer.inner`."""
    for key, value in item.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, _as_text(value)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
