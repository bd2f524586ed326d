"""A database looked at from outside the server, while it works or when it can't: read only.

On PostgreSQL everything is seen in one snapshot. On SQLite such a connection never checkpoints.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import asyncpg
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from app.errors import CannotStartError

T = TypeVar("T")
FAILURES = (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError)


class OutOfReachError(CannotStartError):
    """The database is not there, or does not let us in."""


def visit(url: str | None, path: Path, fn: Callable[[Connection], T]) -> T:
    """Run a function of a connection to either database, PostgreSQL's if an address is given.

    Raises:
        OutOfReachError: it is not there, or can't be read.
    """
    return visit_file(path, fn) if url is None else asyncio.run(_visit_server(url, fn))


def visit_file(path: Path, fn: Callable[[Connection], T], *, still: bool = False) -> T:
    """Run a function of a connection to an SQLite file; one that stands still needs no file beside it."""
    try:
        there = path.is_file()
    except OSError as error:
        raise OutOfReachError(f"{path.parent} can't be read: {error.strerror}") from None
    if not there:
        raise OutOfReachError(f"there is no database in {path.parent}")
    options = "mode=ro&immutable=1" if still else "mode=ro"
    address = f"file:{quote(str(path.absolute()))}?{options}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(address, uri=True, timeout=5, isolation_level=None)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        if still:  # checked from beginning to end, it is read twice as fast through the memory of the system
            connection.execute("PRAGMA mmap_size = 2147418112")
        return connection

    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)
    try:
        with engine.connect() as connection:
            return fn(connection)
    except SQLAlchemyError as error:
        raise OutOfReachError(f"the database in {path.parent} can't be read: {in_words(error)}") from None


def in_words(error: BaseException) -> str:
    """Say what a database said, in one line and without the statement."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, OSError) and cause.strerror:
        return f"{cause.strerror}: {cause.filename}" if cause.filename else cause.strerror
    lines = str(cause).strip().splitlines()
    return (lines[0].split(">: ")[-1] if lines else "") or type(cause).__name__


def revision_of(connection: Connection) -> str | None:
    """Return the revision of a database's schema; None for one that is not ours, or not yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def count_rows(connection: Connection) -> dict[str, int]:
    """Count the rows of every table."""
    quoted = connection.dialect.identifier_preparer.quote_identifier
    return {
        name: connection.scalar(text(f"SELECT count(*) FROM {quoted(name)}")) or 0  # noqa: S608
        for name in sorted(inspect(connection).get_table_names())
    }


async def _visit_server(url: str, fn: Callable[[Connection], T]) -> T:
    engine = _server(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(fn)
    except FAILURES as error:
        raise OutOfReachError(f"PostgreSQL: {in_words(error)}") from None
    finally:
        await engine.dispose()


def _server(url: str) -> AsyncEngine:
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    settings = {
        "application_name": "heard outside",
        "timezone": "UTC",
        "idle_in_transaction_session_timeout": "0",
    }
    engine = create_async_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"timeout": 5, "server_settings": settings},
    )
    return engine.execution_options(**options)
