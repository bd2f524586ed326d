"""Answers laid flat, for CSV: a line a row, a column a figure, ids by the name people know."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.metrics.rules import Interval
from app.metrics.schemas import Answer


def lines(answer: Answer[Any]) -> list[dict[str, Any]]:
    """Return the rows of an answer, not its total: columns are made to be added up."""
    return [dict(_cells(row.model_dump(exclude_unset=True))) for row in answer.data]


def columns(answer: Answer[Any]) -> list[str]:
    """Return the names of the columns, also of an answer without rows: first what tells rows apart."""
    bucket = [] if answer.interval == Interval.NONE else ["bucket"]
    figures = dict(_cells(answer.total.model_dump(exclude_unset=True)))
    return list(dict.fromkeys([*bucket, *answer.group_by, *figures]))


def _cells(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield named things by name, an interval as two columns, a table as one for each entry."""
    for name, value in row.items():
        if name == "wilson_95":
            low, high = value or (None, None)
            yield from ((f"{name}_low", low), (f"{name}_high", high))
        elif isinstance(value, Mapping) and "id" in value:
            yield name, value["name"] or value["id"]
        elif isinstance(value, Mapping):
            yield from ((f"{name}_{entry}", each) for entry, each in value.items())
        elif name != "distribution":  # null, for too few answers: there are no entries to name
            yield name, value
