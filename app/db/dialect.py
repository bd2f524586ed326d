"""Where the two databases differ, behind a handful of named functions."""

import sqlite3
from collections.abc import Sequence
from enum import Enum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Table, cast, extract, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction


class Fault(Enum):
    """What a failed write says about trying again."""

    DATA = "data"
    REPEAT = "repeat"
    UNAVAILABLE = "unavailable"
    BUG = "bug"


_SQLITE_UNAVAILABLE = {
    "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_NOMEM", "SQLITE_LOCKED",
}  # fmt: skip
_REPEAT = {"40001", "40P01"}


def fault_of(error: BaseException) -> Fault:
    """Tell bad data from a conflict worth repeating and from a database that can't work now."""
    if isinstance(error, (OSError, PoolTimeoutError, TimeoutError)):
        return Fault.UNAVAILABLE
    if not isinstance(error, StatementError):
        return Fault.BUG
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return _sqlite_fault(cause)
    state = str(getattr(cause, "sqlstate", None) or "")
    if state in _REPEAT:
        return Fault.REPEAT
    if state[:2] in {"22", "23"} or (isinstance(error, IntegrityError) and not state):
        return Fault.DATA
    # Without a state it is the connection that failed, not the statement: asyncpg says so in its own classes.
    if state[:2] in {"08", "53", "57", "55"} or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    ):
        return Fault.UNAVAILABLE
    if isinstance(cause, OSError) or (isinstance(error, InterfaceError) and not state):
        return Fault.UNAVAILABLE
    return Fault.BUG if state else _stateless_fault(cause)


def _sqlite_fault(cause: sqlite3.Error) -> Fault:
    name = getattr(cause, "sqlite_errorname", "")
    if isinstance(cause, (sqlite3.IntegrityError, sqlite3.DataError)) or name == "SQLITE_TOOBIG":
        return Fault.DATA
    if any(name.startswith(code) for code in _SQLITE_UNAVAILABLE):
        return Fault.UNAVAILABLE
    return Fault.BUG


def _stateless_fault(cause: BaseException | None) -> Fault:
    """A value the driver could not encode is bad data; it never reached the database."""
    return Fault.DATA if isinstance(cause, (ValueError, OverflowError, TypeError)) else Fault.BUG


def insert_new(
    session: Session, model: type[Any], rows: Sequence[dict[str, Any]], *, key: Sequence[str]
) -> set[tuple[Any, ...]]:
    """Insert rows unless their key exists, and return the keys of those that went in.

    Rows must be distinct by `key`, and sorted by it: two writers with overlapping keys then wait, never deadlock.
    """
    if not rows:
        return set()
    table: Table = model.__table__
    dialect = postgresql if is_postgresql(session) else sqlite
    statement = dialect.insert(table).on_conflict_do_nothing(index_elements=list(key))
    returned = session.execute(statement.returning(*(table.c[name] for name in key)), list(rows))
    return {tuple(row) for row in returned}


def is_postgresql(session: Session) -> bool:
    """Whether this session talks to PostgreSQL."""
    return session.get_bind().dialect.name == "postgresql"


def transaction_id(session: Session) -> str | None:
    """Return the id by which PostgreSQL can later say whether this transaction was committed.

    None on SQLite, and for a transaction that wrote nothing.
    """
    if not is_postgresql(session):
        return None
    found: str | None = session.execute(text("SELECT pg_current_xact_id_if_assigned()::text")).scalar()
    return found


class microseconds_between(GenericFunction[int]):  # noqa: N801  (named like the SQL function it is)
    """Whole microseconds from one instant column to another, exact on both databases."""

    type = BigInteger()
    inherit_cache = True


@compiles(microseconds_between, "postgresql")
def _between_postgresql(element: microseconds_between, compiler: SQLCompiler, **kw: Any) -> str:
    start, end = element.clauses
    seconds = cast(extract("epoch", end - start) * 1_000_000, BigInteger)
    return compiler.process(seconds, **kw)


@compiles(microseconds_between, "sqlite")
def _between_sqlite(element: microseconds_between, compiler: SQLCompiler, **kw: Any) -> str:
    start, end = element.clauses
    return f"({compiler.process(end, **kw)} - {compiler.process(start, **kw)})"


def contains(column: ColumnElement[str], words: str) -> ColumnElement[bool]:
    """Match a substring literally, whatever `%` and `_` it holds."""
    return column.contains(words, autoescape=True)


def advisory_lock(session: Session, name: str) -> None:
    """Let one process at a time through until the transaction ends; SQLite has one process anyway."""
    if is_postgresql(session):
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})
