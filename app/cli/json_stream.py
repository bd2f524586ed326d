"""Reading JSON without losing digits, and a long JSON array item by item."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TextIO

_READ_CHARACTERS = 65_536
_LONGEST_ITEM = 5_000_000


@dataclass(frozen=True, slots=True)
class BadItem:
    """What stands where an item should, and cannot be read."""

    reason: str


def _no_constant(_: str) -> Any:
    raise ValueError("NaN and Infinity are not JSON")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    item = dict(pairs)
    if len(item) != len(pairs):
        raise ValueError("a key stands there twice")
    return item


# Numbers stay as they are written: 1.10 is not 1.1 where it is a version, and a long id outgrows a float.
_DECODER = json.JSONDecoder(
    parse_int=str, parse_float=str, parse_constant=_no_constant, object_pairs_hook=_distinct
)


def decode(text: str) -> Any:
    """Return one JSON value; raise ValueError for anything else."""
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def array_items(stream: TextIO) -> Iterator[tuple[int, Any]]:
    """Yield the items of an array, each with its line; after a broken one nothing more can be read."""
    window = _Window(stream)
    if window.peek() != "[":
        yield window.line, BadItem("is not a JSON array")
        return
    window.drop(1)
    separator = ""
    while window.peek() != "]":
        try:
            window.expect(separator)
            window.peek()
            yield window.line, window.item()
        except (ValueError, RecursionError):
            yield window.line, BadItem("is not valid JSON; nothing after it could be read")
            return
        separator = "" if window.peek() == "]" else ","


class _Window:
    """The part of the file that is being read."""

    def __init__(self, stream: TextIO) -> None:
        self.line = 1
        self._stream = stream
        self._text = ""

    def peek(self) -> str:
        """Return the next character that is not space, or nothing at the end."""
        while True:
            blank = len(self._text) - len(self._text.lstrip())
            self.drop(blank)
            if self._text or not self._fill():
                return self._text[:1]

    def drop(self, count: int) -> None:
        """Leave so many characters behind."""
        self.line += self._text.count("\n", 0, count)
        self._text = self._text[count:]

    def expect(self, separator: str) -> None:
        """Pass over what must stand here."""
        if not self._text.startswith(separator):
            raise ValueError("items are not separated")
        self.drop(len(separator))

    def item(self) -> Any:
        """Return the next item, reading on until it is whole."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text)
            except ValueError:
                if len(self._text) > _LONGEST_ITEM or not self._fill():
                    raise
            else:
                self.drop(end)
                return value

    def _fill(self) -> bool:
        more = self._stream.read(_READ_CHARACTERS)
        self._text += more
        return bool(more)
