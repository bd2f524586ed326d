"""What a doctor asks a database, without the server and without writing a thing.

check_database       the file, or the PostgreSQL server
├── the schema       is it there, and known to this code
└── the work         what waits, what gave up, who is at it
"""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from app import clock
from app.clock import Clock
from app.db import migrate, outside
from app.db.outside import OutOfReachError
from app.db.postgres import PostgresDatabase
from app.db.types import UTC_TIME
from app.settings import Settings

OLDEST_SERVER = 16
QUICK_SECONDS = 5.0
_SOUND_SQLITE = (3, 51, 3)
_LARGE_WAL = 256 * 1024 * 1024
_LATE = timedelta(seconds=60)
_LONG = timedelta(hours=1)
_APART = timedelta(seconds=2)


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found, in a sentence, and what to do about it."""

    check: str
    level: Level
    says: str
    advice: str = ""


def check_database(settings: Settings, *, now: Clock, deep: bool) -> list[Finding]:
    """Look at the database from outside."""

    def look(connection: Connection) -> list[Finding]:
        own = _check_server(connection, settings, now) if settings.database_url else _check_file(connection)
        sound = [] if settings.database_url else [_check_integrity(connection, deep=deep)]
        schema = _check_schema(connection, settings)
        return [*own, *sound, schema, *_check_work(connection, settings, now())]

    try:
        if settings.database_url is None and not settings.sqlite_path.exists():
            says = f"there is no database in {settings.data_dir} yet"
            advice = "`heard serve` makes one; `heard restore` brings one back."
            return [Finding("database", Level.WARNING, says, advice)]
        return outside.visit(settings.database_url, settings.sqlite_path, look)
    except (OutOfReachError, OSError) as error:
        advice = (
            "Check HEARD_DATABASE_URL, and that the server runs and lets this machine in."
            if settings.database_url
            else "Run this as the user that runs Heard; if it is damaged, restore a backup into a new folder."
        )
        return [Finding("database", Level.TROUBLE, outside.in_words(error), advice)]


def _check_file(connection: Connection) -> list[Finding]:
    version = sqlite3.sqlite_version
    says = f"SQLite {version}"
    if sqlite3.sqlite_version_info < _SOUND_SQLITE:
        says += " has the bug of two resets of the write-ahead log; here only one connection ever resets it"
    mode = connection.scalar(text("PRAGMA journal_mode"))
    place = connection.exec_driver_sql("PRAGMA database_list").one()[2]
    size = _size_of(Path(f"{place}-wal"))
    log = (
        Finding(
            "write-ahead log",
            Level.WARNING,
            f"the write-ahead log has {_mb(size)}",
            "Something reads for very long, perhaps a backup; once it has ended, the log starts over.",
        )
        if size > _LARGE_WAL
        else Finding("write-ahead log", Level.OK, f"journal mode {mode}, {_mb(size)} in the write-ahead log")
    )
    return [Finding("sqlite", Level.OK, says), log]


def _check_integrity(connection: Connection, *, deep: bool) -> Finding:
    """Check the file: every page and index when there is time, else what five seconds allow."""
    driver: Any = connection.connection.driver_connection
    deadline = clock.monotonic() + QUICK_SECONDS
    if not deep:
        driver.set_progress_handler(lambda: clock.monotonic() > deadline, 10_000)
    try:
        told = str(connection.scalar(text(f"PRAGMA {'integrity_check' if deep else 'quick_check'}(1)")))
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorname", "") != "SQLITE_INTERRUPT":
            raise
        says = f"not finished within {QUICK_SECONDS:g} s"
        return Finding("integrity", Level.SKIPPED, says, "`heard doctor --deep` takes the time it needs.")
    finally:
        driver.set_progress_handler(None, 0)
    if told == "ok":
        says = "every page and index is sound" if deep else "the pages are sound"
        return Finding("integrity", Level.OK, says)
    advice = "Stop the server, keep a copy of the data folder, and restore the last backup into a new one."
    return Finding("integrity", Level.TROUBLE, f"the file is damaged: {' '.join(told.split())}", advice)


def _check_server(connection: Connection, settings: Settings, now: Clock) -> list[Finding]:
    before = now()
    row = connection.execute(_SERVER).one()._mapping  # noqa: SLF001  (SQLAlchemy's public name for it)
    middle = before + (now() - before) / 2
    apart = abs(row["at"] - middle)
    each = settings.database_pool + PostgresDatabase.flushers
    room = (row["most"] - row["reserved"]) // each
    return [
        _judge(
            "postgresql",
            row["version"] >= OLDEST_SERVER * 10_000,
            f"PostgreSQL {row['shown']}",
            "Use 16 or newer.",
        ),
        *(
            _judge(
                name,
                row[name] != "off",
                f"{name} is {row[name]}",
                f"Set {name} = on: a 201 must survive the plug.",
            )
            for name in ("fsync", "full_page_writes", "synchronous_commit")
        ),
        _judge(
            "primary",
            not row["replica"],
            "this server is a replica" if row["replica"] else "this server takes writes",
            "Let HEARD_DATABASE_URL name the primary.",
        ),
        _judge(
            "connections",
            room >= 1,
            f"{row['most']} connections, {row['used']} in use; a process of ours takes up to "
            f"{each}: room for {room}",
            "Raise max_connections, or lower HEARD_DATABASE_POOL.",
        ),
        _judge(
            "clock",
            apart <= _APART,
            f"this machine and the database are {apart.total_seconds():.1f} s apart",
            "Let both follow a time server.",
            otherwise=Level.WARNING,
        ),
    ]


_SERVER = text("""
    SELECT current_setting('server_version_num')::int AS version,
           current_setting('server_version') AS shown,
           current_setting('fsync') AS fsync,
           current_setting('full_page_writes') AS full_page_writes,
           current_setting('synchronous_commit') AS synchronous_commit,
           current_setting('max_connections')::int AS most,
           current_setting('superuser_reserved_connections')::int
               + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved,
           (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
           pg_is_in_recovery() AS replica,
           clock_timestamp() AS at
""")


def _check_schema(connection: Connection, settings: Settings) -> Finding:
    found = outside.revision_of(connection)
    if found == migrate.head():
        return Finding("schema", Level.OK, f"at revision {found}, the newest this code knows")
    if found is None:
        return Finding(
            "schema", Level.TROUBLE, "the database holds nothing of Heard's", "Run `heard migrate`."
        )
    if not migrate.is_known(found):
        too_new = (connection.scalar(text("SELECT min_code FROM schema")) or 0) > migrate.CODE
        level = Level.TROUBLE if too_new else Level.WARNING
        return Finding(
            "schema", level, f"at revision {found}, newer than this code", "Run the newer version."
        )
    if settings.embedded:
        return Finding(
            "schema", Level.WARNING, f"at revision {found}, an older one", "`heard serve` migrates it."
        )
    return Finding("schema", Level.TROUBLE, f"at revision {found}, an older one", "Run `heard migrate`.")


def _check_work(connection: Connection, settings: Settings, now: datetime) -> Iterator[Finding]:
    """Say what waits and who is at work; an older or newer schema may know neither."""
    if outside.revision_of(connection) != migrate.head():
        yield Finding("work", Level.SKIPPED, "what waits is only known under this code's own schema")
        return
    age = _ages(connection, now)
    events = _count(connection, "SELECT count(*) FROM outbox")
    oldest = age("SELECT min(e.received_at) AS at FROM outbox o JOIN events e ON e.id = o.event_id")
    says = f"{events} events are not published yet{_since(oldest)}"
    start = f"Let {'`heard serve`' if settings.embedded else '`heard serve` or `heard worker`'} run."
    yield _judge("outbox", oldest is None or oldest < _LATE, says, start, otherwise=Level.WARNING)

    waiting = _count(connection, "SELECT count(*) FROM tickets WHERE queue_at IS NOT NULL")
    oldest = age("SELECT min(received_at) AS at FROM tickets WHERE queue_at IS NOT NULL")
    online = _count(connection, "SELECT count(*) FROM presence WHERE status = 'online'")
    says = f"{waiting} tickets wait for an agent{_since(oldest)}; {online} agents are online"
    advice = "Bring agents online (`heard agent online`), or raise what each may hold."
    yield _judge("queue", oldest is None or oldest < _LONG, says, advice, otherwise=Level.WARNING)

    dead = _count(connection, "SELECT count(*) FROM jobs WHERE dead_at IS NOT NULL")
    says, advice = f"{dead} jobs gave up", "Look at their errors, then replay them."
    yield _judge("jobs", dead == 0, says, advice, otherwise=Level.WARNING)

    if settings.embedded:  # the worker lives in the server, and leaves no sign of its own
        return
    seen = age("SELECT max(seen_at) AS at FROM heartbeats")
    says = "no worker has ever been seen" if seen is None else f"a worker was seen {_ago(seen)} ago"
    yield _judge("worker", seen is not None and seen < _LATE, says, start, otherwise=Level.WARNING)


def _ages(connection: Connection, now: datetime) -> Callable[[str], timedelta | None]:
    def age(query: str) -> timedelta | None:
        at = connection.scalar(text(query).columns(at=UTC_TIME()))
        return None if at is None else now - at

    return age


def _count(connection: Connection, query: str) -> int:
    return connection.scalar(text(query)) or 0


def _judge(check: str, fine: bool, says: str, advice: str, *, otherwise: Level = Level.TROUBLE) -> Finding:  # noqa: FBT001
    return Finding(check, Level.OK, says) if fine else Finding(check, otherwise, says, advice)


def _since(oldest: timedelta | None) -> str:
    return "" if oldest is None else f", the oldest for {_ago(oldest)}"


def _ago(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
