"""Where the two databases differ, behind a handful of named functions."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Table, cast, extract, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from app.db import inserts
from app.errors import OutcomeUnknownError, UnavailableError


class Fault(Enum):
    """What a failed write says about trying again."""

    DATA = "data"
    REPEAT = "repeat"
    UNAVAILABLE = "unavailable"
    BUG = "bug"


class ChangedMeanwhileError(Exception):
    """What this transaction relied on was taken away by another one; a repeat sees things as they are."""


_SQLITE_UNAVAILABLE = (
    "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_NOMEM",
    "SQLITE_LOCKED", "SQLITE_INTERRUPT",
)  # fmt: skip
_SQLITE_TAKEN = {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}
_REPEAT = {"40001", "40P01", "23503"}  # the last: what a row refers to was taken away meanwhile
_DATA = ("22", "23", "54000")  # the last: a value too long for its index
# No connection, no right to one, no such database, no resources, busy, stopped, broken disk, only a replica.
_UNAVAILABLE = ("08", "28", "3D", "53", "55", "57", "58", "25006")


def fault_of(error: BaseException) -> Fault:
    """Tell bad data from a conflict worth repeating and from a database that can't work now."""
    if isinstance(error, (OSError, PoolTimeoutError)):
        return Fault.UNAVAILABLE
    if isinstance(error, ChangedMeanwhileError):
        return Fault.REPEAT
    if not isinstance(error, StatementError):
        # SQLite's driver says in Python's own words that it can't write down a value.
        return Fault.DATA if isinstance(error, (UnicodeError, OverflowError)) else Fault.BUG
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_fault(error.orig)
    return _postgresql_fault(state_of(error)) or _stateless_fault(error)


def state_of(error: BaseException) -> str:
    """Return the SQLSTATE by which PostgreSQL explained itself; empty when it said nothing."""
    cause = error.orig if isinstance(error, StatementError) else None
    return str(getattr(cause, "sqlstate", None) or "")


def is_taken(error: BaseException) -> bool:
    """Whether a value that must be unique was taken: bad luck, not bad data."""
    cause = error.orig if isinstance(error, StatementError) else None
    return state_of(error) == "23505" or getattr(cause, "sqlite_errorname", "") in _SQLITE_TAKEN


def _sqlite_fault(cause: sqlite3.Error) -> Fault:
    name = getattr(cause, "sqlite_errorname", "")
    if isinstance(cause, (sqlite3.IntegrityError, sqlite3.DataError)) or name == "SQLITE_TOOBIG":
        return Fault.DATA
    return Fault.UNAVAILABLE if name.startswith(_SQLITE_UNAVAILABLE) else Fault.BUG


def _postgresql_fault(state: str) -> Fault | None:
    if state in _REPEAT:
        return Fault.REPEAT
    if state.startswith(_DATA):
        return Fault.DATA
    return Fault.UNAVAILABLE if state.startswith(_UNAVAILABLE) else None


def _stateless_fault(error: StatementError) -> Fault:
    """Without a telling state either the connection failed, or a value could not even be sent."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return Fault.UNAVAILABLE
    unsendable = isinstance(error.orig, (ValueError, OverflowError, TypeError))
    return Fault.DATA if unsendable or isinstance(error, IntegrityError) else Fault.BUG


def refusal_of(error: BaseException) -> UnavailableError | None:
    """Return the refusal for a database that can't work now; None for an error that speaks for itself."""
    if fault_of(error) not in {Fault.UNAVAILABLE, Fault.REPEAT}:
        return None
    if getattr(getattr(error, "orig", None), "sqlite_errorname", "") == "SQLITE_INTERRUPT":
        return UnavailableError("reading took too long: ask for less")
    return UnavailableError("the database can't work right now")


def insert_new(
    session: Session, model: type[Any], rows: Sequence[dict[str, Any]], *, key: Sequence[str]
) -> set[tuple[Any, ...]]:
    """Insert rows unless their key exists, and return the keys of those that went in.

    Rows must be distinct by `key`, and sorted by it: two writers with overlapping keys then never deadlock.
    """
    if not rows:
        return set()
    return set(inserts.insert(session, model.__table__, rows, unless_known=key, returning=key))


def insert_into(session: Session, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return this database's own INSERT, which knows what to do about a conflict."""
    return postgresql.insert(table) if is_postgresql(session) else sqlite.insert(table)


def insert_rows(session: Session, model: type[Any], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows by one statement: no unit of work, no round trip a row."""
    if rows:
        inserts.insert(session, model.__table__, rows)


def update_rows(session: Session, model: type[Any], rows: Sequence[dict[str, Any]]) -> None:
    """Write the same columns of many rows by one statement, each row found by its id."""
    if rows:
        inserts.update(session, model.__table__, rows, key="id")


def insert_numbered(session: Session, model: type[Any], rows: Sequence[dict[str, Any]]) -> list[int]:
    """Insert rows that the database numbers, and return the numbers, in ascending order."""
    return sorted(number for (number,) in inserts.insert(session, model.__table__, rows, returning=("id",)))


def is_postgresql(session: Session) -> bool:
    """Whether this session talks to PostgreSQL."""
    return session.get_bind().dialect.name == "postgresql"


@dataclass(frozen=True, slots=True)
class Mark:
    """What PostgreSQL knows a transaction by: its id, and the life of the server that gave it.

    A server that crashed may give an id again when nothing of its first holder had reached the disk.
    """

    id: str
    life: str


_LIFE = "concat(pg_postmaster_start_time(), ' ', (SELECT stats_reset FROM pg_stat_archiver))"


def mark_of(session: Session) -> Mark | None:
    """Return the mark by which PostgreSQL can later say whether this transaction was committed.

    None on SQLite, and for a transaction that wrote nothing.
    """
    if not is_postgresql(session):
        return None
    marked = session.execute(text(f"SELECT pg_current_xact_id_if_assigned()::text, {_LIFE}")).one()
    return Mark(*marked) if marked[0] else None


def was_committed(session: Session, mark: Mark) -> bool | None:
    """Ask PostgreSQL, in a new transaction, what became of a marked one; None when it is still at it.

    Raises:
        OutcomeUnknownError: the server crashed since, and the transaction of that id may be another one.
    """
    life = session.execute(text(f"SELECT {_LIFE}, pg_snapshot_xmax(pg_current_snapshot())::text")).one()
    if life[0] != mark.life and int(mark.id) >= int(life[1]):
        return False  # nothing of it had reached the disk
    asked = text("SELECT pg_xact_status(CAST(CAST(:id AS text) AS xid8))")
    status = session.scalar(asked, {"id": mark.id})
    if status == "committed" and life[0] != mark.life:
        raise OutcomeUnknownError
    return {"committed": True, "aborted": False}.get(status or "")


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
