"""Rows in bulk: one statement for all of them, bound column by column, with no compiler's work for each.

PostgreSQL takes an array a column, SQLite all rows as VALUES. One after the other SQLite would give up the
interpreter at each row, and wait beside a busy event loop to have it back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Dialect, String, Table
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session

_MOST_VALUES = 32_766  # of one statement on SQLite
Row = dict[str, Any]
Values = tuple[Any, ...]


def insert(
    session: Session,
    table: Table,
    rows: Sequence[Row],
    *,
    unless_known: Sequence[str] = (),
    returning: Sequence[str] = (),
) -> list[Values]:
    """Insert rows of the same columns, but for those whose key is known, and return columns of the others."""
    connection = session.connection()
    shape = _shape(table, tuple(rows[0]), connection.dialect)
    tail = f" ON CONFLICT ({', '.join(unless_known)}) DO NOTHING" if unless_known else ""
    if not returning:
        for statement, values in shape.statements(rows, tail):
            connection.exec_driver_sql(statement, values)
        return []
    tail += f" RETURNING {', '.join(returning)}"
    read = _reader(table, tuple(returning), connection.dialect)
    return [
        read(row)
        for statement, values in shape.statements(rows, tail)
        for row in connection.exec_driver_sql(statement, values)
    ]


def update(session: Session, table: Table, rows: Sequence[Row], *, key: str) -> None:
    """Write columns of rows that are there, found by their key; rows have the same columns, each key once."""
    connection = session.connection()
    shape = _shape(table, tuple(rows[0]), connection.dialect)
    for statement, values in shape.updates(rows, key):
        connection.exec_driver_sql(statement, values)


@dataclass(frozen=True, slots=True)
class _Shape:
    """How one database takes rows of one table that have these columns."""

    table: str
    into: str
    arrays: str | None
    binders: tuple[tuple[str, Callable[[Any], Any] | None], ...]

    def bind(self, rows: Sequence[Row]) -> list[list[Any]]:
        """Return the values of each column as the driver takes them."""
        return [
            [value if bind is None or value is None else bind(value) for value in [row[name] for row in rows]]
            for name, bind in self.binders
        ]

    def statements(self, rows: Sequence[Row], tail: str) -> list[tuple[str, Any]]:
        """Return statements with their values; more than one where they would not fit."""
        if self.arrays is not None:
            many = f"{self.into} SELECT * FROM unnest({self.arrays}){tail}"  # noqa: S608  (names of ours)
            return [(many, tuple(self._bound(rows)))]
        return [(f"{self.into} {values}{tail}", bound) for values, bound in self._values(rows)]

    def updates(self, rows: Sequence[Row], key: str) -> list[tuple[str, Any]]:
        """Return statements that write what rows have besides their key."""
        names = [name for name, _ in self.binders]
        # What SQLite calls the columns of VALUES is not ours to choose.
        given = {name: name if self.arrays else f"column{place}" for place, name in enumerate(names, start=1)}
        written = ", ".join(f"{name} = given.{given[name]}" for name in names if name != key)
        head = f"UPDATE {self.table} SET {written} FROM"  # noqa: S608  (names of ours)
        tail = f"WHERE {self.table}.{key} = given.{given[key]}"
        if self.arrays is not None:
            many = f"{head} unnest({self.arrays}) AS given ({', '.join(names)}) {tail}"
            return [(many, tuple(self._bound(rows)))]
        return [(f"{head} ({values}) AS given {tail}", bound) for values, bound in self._values(rows)]

    def _values(self, rows: Sequence[Row]) -> list[tuple[str, Values]]:
        """Return rows as VALUES, with what is bound to them, in as many pieces as it takes."""
        bound = list(zip(*self._bound(rows), strict=True))
        one = f"({', '.join('?' * len(self.binders))})"
        most = _MOST_VALUES // len(self.binders)
        pieces = [bound[start : start + most] for start in range(0, len(bound), most)]
        return [
            (f"VALUES {', '.join([one] * len(piece))}", tuple(chain.from_iterable(piece))) for piece in pieces
        ]

    def _bound(self, rows: Sequence[Row]) -> list[list[Any]]:
        try:
            return self.bind(rows)
        except (TypeError, ValueError, OverflowError) as error:
            raise StatementError("a value can't be written down", self.into, None, error) from error


@lru_cache(maxsize=256)
def _shape(table: Table, names: tuple[str, ...], dialect: Dialect) -> _Shape:
    types = {name: table.c[name].type.dialect_impl(dialect) for name in names}
    # A cast to a text of limited length would cut what is too long; the column itself refuses it.
    casts = [
        "text" if isinstance(kind, String) else dialect.type_compiler_instance.process(kind)
        for kind in types.values()
    ]
    arrays = ", ".join(f"${place}::{cast}[]" for place, cast in enumerate(casts, start=1))
    quoted = ", ".join(dialect.identifier_preparer.quote(name) for name in names)
    return _Shape(
        table.name,
        f"INSERT INTO {table.name} ({quoted})",
        arrays if dialect.name == "postgresql" else None,
        tuple((name, kind.bind_processor(dialect)) for name, kind in types.items()),
    )


@lru_cache(maxsize=64)
def _reader(table: Table, names: tuple[str, ...], dialect: Dialect) -> Callable[[Sequence[Any]], Values]:
    """Return what turns a returned row into Python's values."""
    kinds = [table.c[name].type.dialect_impl(dialect) for name in names]
    processors = [kind.result_processor(dialect, None) for kind in kinds]

    def read(row: Sequence[Any]) -> Values:
        return tuple(
            value if process is None else process(value)
            for value, process in zip(row, processors, strict=True)
        )

    return read
