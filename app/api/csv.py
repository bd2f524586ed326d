"""CSV out: RFC 4180, with what a spreadsheet would run as a formula defused and typed numbers left alone."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import UnionType
from typing import Any, Union, get_args, get_origin

from fastapi import Request, Response
from pydantic import BaseModel

from app.clock import written

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  (full-width forms run too)


def wants_csv(request: Request, chosen: str | None) -> bool:
    """Whether the caller asked for CSV, by parameter or by `Accept`."""
    return chosen == "csv" or (chosen is None and request.headers.get("accept", "").startswith("text/csv"))


def as_csv(model: type[BaseModel], rows: Sequence[BaseModel], response: Response) -> Response:
    """Return rows as CSV, keeping the `Link` that was set.

    The columns are the model's, whatever the rows hold; a nested model's are named by their path.
    """
    columns = list(_columns(model))
    content = write([{name: _at(row, name) for name in columns} for row in rows], columns=columns)
    kept = {name: value for name, value in response.headers.items() if name.lower() == "link"}
    return Response(content, media_type="text/csv; charset=utf-8", headers=kept)


def write(rows: Sequence[Mapping[str, Any]], *, columns: Sequence[str] | None = None) -> str:
    """Return flat rows as CSV; unless given, columns are those of all rows, in order of appearance."""
    header = list(columns or dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([cell(row.get(name)) for name in header] for row in rows)
    return out.getvalue()


def cell(value: Any) -> Any:
    """Return a value as a cell: numbers as they are, text that looks like a formula behind an apostrophe."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    if isinstance(value, datetime):
        return written(value)
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, bool | Mapping) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _columns(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = _nested(field.annotation)
        if inner is None:
            yield f"{prefix}{name}"
        else:
            yield from _columns(inner, f"{prefix}{name}.")


def _nested(annotation: Any) -> type[BaseModel] | None:
    """Return the model a field holds, or holds unless it is null."""
    kinds = get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _at(row: BaseModel, path: str) -> Any:
    value: Any = row
    for name in path.split("."):
        value = getattr(value, name, None)
    return value
