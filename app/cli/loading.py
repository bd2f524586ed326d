"""Sending converted lines to the server in chunks, and counting what became of each."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.cli.client import Api, in_words
from app.cli.convert import Converted, EmptyRow, Line
from app.cli.exits import CommandError
from app.cli.rows import BadRow

MOST_LINES = 500
MOST_BYTES = 4_000_000


@dataclass(slots=True)
class Tally:
    """What became of the rows so far; each rejected one is said at once."""

    say: Callable[[str], None]
    converted: int = 0
    accepted: int = 0
    unchanged: int = 0
    rejected: int = 0
    empty: int = 0

    def __str__(self) -> str:
        return f"accepted {self.accepted}, unchanged {self.unchanged}, {self.left_out}"

    @property
    def left_out(self) -> str:
        """How many rows brought nothing in, in words."""
        return f"rejected {self.rejected}" + (f", without a score {self.empty}" if self.empty else "")

    def reject(self, row: BadRow) -> None:
        """Count a row that is left out, and say why."""
        self.rejected += 1
        self.say(str(row))


def sift(items: Iterable[Converted], tally: Tally) -> Iterator[Line]:
    """Yield the lines that can be sent; the rest is counted."""
    for item in items:
        match item:
            case BadRow():
                tally.reject(item)
            case EmptyRow():
                tally.empty += 1
            case Line() if len(item.body) >= MOST_BYTES:
                tally.reject(BadRow(item.line, f"is longer than {MOST_BYTES} bytes"))
            case Line():
                tally.converted += 1
                yield item


def send(api: Api, lines: Iterable[Line], *, import_id: UUID, tally: Tally) -> None:
    """Post the lines, all under one import id, so that they can be undone as one."""
    for chunk in chunks(lines):
        body = b"".join(line.body + b"\n" for line in chunk)
        answer = api.post_lines("/v1/tickets/import", body, import_id=str(import_id))
        for line, result in zip(chunk, _results(answer, len(chunk)), strict=True):
            _count(line, result, tally)


def chunks(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Cut lines into posts the server takes."""
    chunk: list[Line] = []
    size = 0
    for line in lines:
        length = len(line.body) + 1
        if chunk and (len(chunk) == MOST_LINES or size + length > MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(line)
        size += length
    if chunk:
        yield chunk


def _count(line: Line, result: dict[str, Any], tally: Tally) -> None:
    match result.get("status"):
        case 201:
            tally.accepted += 1
        case 200:
            tally.unchanged += 1
        case status:
            problem = result.get("problem")
            reason = in_words(problem) if isinstance(problem, dict) else ""
            tally.reject(BadRow(line.line, reason or f"refused with status {status}"))


def _results(answer: Any, count: int) -> list[dict[str, Any]]:
    """Return a result for each line in order; anything less would be guessing."""
    results = answer.get("results") if isinstance(answer, dict) else None
    if isinstance(results, list) and all(isinstance(result, dict) for result in results):
        by_index = {result.get("index"): result for result in results}
        if len(results) == count and by_index.keys() == set(range(count)):
            return [by_index[index] for index in range(count)]
    raise CommandError("the server's answer does not say what became of each line")
