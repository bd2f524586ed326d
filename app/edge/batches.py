"""Batches: a JSON array or NDJSON, read and checked whole; a bad item is an error in its own place."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import Request
from pydantic import BaseModel

from app.edge.reading import (
    BadJsonError,
    CutUploadError,
    TooLargeError,
    check,
    parse,
    read,
    require_media_type,
    validate,
)
from app.errors import AppError

M = TypeVar("M", bound=BaseModel)
NDJSON = "application/x-ndjson"
LIMIT = 5 * 1024 * 1024
MOST = 10_000
BREATH = 50


@dataclass(frozen=True, slots=True)
class Item(Generic[M]):
    """One item as sent: its bytes, and what they mean or what is wrong with them."""

    raw: bytes
    value: M | AppError


async def read_batch(request: Request, model: type[M]) -> Sequence[Item[M]]:
    """Return the items of a batch in order.

    Raises:
        TooLargeError: more than 5 MB or 10,000 items.
        BadJsonError: an array that is not strict JSON, or no array.
        CutUploadError: an end line that does not fit; nothing may be stored then.
    """
    media_type = require_media_type(request, ("application/json", NDJSON))
    raw = await read(request, LIMIT)
    lines = _lines(raw) if media_type == NDJSON else _elements(raw)
    if len(lines) > MOST:
        raise TooLargeError(f"more than {MOST} items")
    items: list[Item[M]] = []
    for place, line in enumerate(lines):
        if place % BREATH == 0:  # a long batch must not hold up everyone else
            await asyncio.sleep(0)
        items.append(Item(line, _read(model, line, checked=media_type != NDJSON)))
    return items


def _read(model: type[M], raw: bytes, *, checked: bool) -> M | AppError:
    try:
        return validate(model, raw) if checked else parse(model, raw)
    except AppError as error:
        return error


def _lines(raw: bytes) -> list[bytes]:
    lines = [line for line in raw.split(b"\n") if line.strip()]
    if lines and (count := _count(lines[-1])) is not None:
        lines.pop()
        if count != len(lines):
            raise CutUploadError("it does not hold as many items as its end says")
    return lines


def _elements(raw: bytes) -> list[bytes]:
    value = check(raw)
    if not isinstance(value, list):
        raise BadJsonError("a batch is an array")
    elements = [json.dumps(element, ensure_ascii=False).encode() for element in value]
    if elements and (count := _count(elements[-1])) is not None:
        elements.pop()
        if count != len(elements):
            raise CutUploadError("it does not hold as many items as its end says")
    return elements


def _count(line: bytes) -> int | None:
    """Return the number an end line `{"_end": true, "count": n}` announces; None for any other line."""
    if b'"_end"' not in line:
        return None
    try:
        value: Any = check(line)
    except BadJsonError:
        return None
    fits = isinstance(value, dict) and value.keys() == {"_end", "count"} and value["_end"] is True
    return value["count"] if fits and type(value["count"]) is int else None
