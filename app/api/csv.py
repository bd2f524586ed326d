"""CSV out: RFC 4180, with what a spreadsheet would run as a formula defused and typed numbers left alone."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def wants_csv(request: Request, chosen: str | None) -> bool:
    """Whether the caller asked for CSV, by parameter or by `Accept`."""
    return chosen == "csv" or (chosen is None and request.headers.get("accept", "").startswith("text/csv"))


def as_csv(rows: Sequence[BaseModel], response: Response) -> Response:
    """Return rows as CSV, keeping the headers that were set; nested values become columns named by their path."""
    content = write([_flat(row.model_dump(mode="python")) for row in rows])
    kept = {name: value for name, value in response.headers.items() if name.lower() == "link"}
    return Response(content, media_type="text/csv; charset=utf-8", headers=kept)


def write(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return flat rows as CSV; the columns are those of all rows, in order of first appearance."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([cell(row.get(name)) for name in columns] for row in rows)
    return out.getvalue()


def cell(value: Any) -> Any:
    """Return a value as a cell: numbers as they are, text that looks like a formula behind an apostrophe."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    return dict(_pairs(value, prefix))


def _pairs(value: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, Any]]:
    for name, each in value.items():
        if isinstance(each, Mapping):
            yield from _pairs(each, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", each
