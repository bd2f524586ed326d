"""The embedded database: one writer thread that owns the only read-write connection, and a few readers.

The writer takes the waiting functions, most urgent lane first, and puts several into one commit, each in a
savepoint of its own: one fails, the others stay. A turn ends after 10 ms, 500 functions, or when nothing as
urgent as what it holds is left, so an intake write waits for the function at work and one commit. It is also
the only one to checkpoint: SQLite before 3.51.3 can corrupt a database when two connections reset its
write-ahead log.
"""

import asyncio
import fcntl
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep
from typing import IO, Any, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session

from app import clock
from app.db import dialect
from app.db.database import Lane
from app.db.dialect import Fault
from app.errors import CannotStartError, UnavailableError
from app.logs import get_logger

T = TypeVar("T")
TURN_SECONDS = 0.010
TURN_FUNCTIONS = 500
READERS = 4
READ_SECONDS = 5.0
AGAIN_SECONDS = 0.2
_STEPS = 10_000
_log = get_logger("db.sqlite")


class AlreadyOpenError(CannotStartError):
    """Another process has this data folder open."""


@dataclass(slots=True)
class _Job:
    fn: Callable[[Session], Any]
    lane: Lane
    done: "Future[Any]" = field(default_factory=Future)


class SqliteDatabase:
    """The embedded database of one process."""

    flushers = 1
    commits = 0
    commit_failures = 0

    def __init__(
        self, path: Path, *, prepare: Callable[[], None], read_seconds: float = READ_SECONDS
    ) -> None:
        """Take the folder's lock, prepare the file (migrations), then make the first connection.

        Raises:
            AlreadyOpenError: another process has it.
        """
        self._read_seconds = read_seconds
        self._lock = take_lock(path.with_name("heard.lock"))
        try:
            prepare()
            self._writer = _engine(path, writable=True)
            self._connection = self._writer.connect()
        except BaseException:
            self._lock.close()
            raise
        self._reader = _engine(path, writable=False)
        self._lanes: tuple[deque[_Job], ...] = tuple(deque() for _ in Lane)
        self._waiting = threading.Condition()
        self._stopping = False
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="heard-read")
        self._thread = threading.Thread(target=self._work, name="heard-write", daemon=True)
        self._thread.start()

    async def write(self, fn: Callable[[Session], T], *, lane: Lane = Lane.DESK) -> T:
        """Run `fn` on the writer thread; see `Database.write`."""
        job = _Job(fn, lane)
        with self._waiting:
            if self._stopping:
                raise UnavailableError("shutting down")
            self._lanes[lane].append(job)
            self._waiting.notify()
        # Shielded: a caller who leaves must not cancel what the writer may be doing.
        result: T = await asyncio.shield(asyncio.wrap_future(job.done))
        return result

    async def read(self, fn: Callable[[Session], T]) -> T:
        """Run `fn` on a reader thread, in one snapshot."""
        if self._stopping:
            raise UnavailableError("shutting down")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, fn)

    async def close(self) -> None:
        """Write what waits, then stop."""
        with self._waiting:
            self._stopping = True
            self._waiting.notify()
        await asyncio.to_thread(self._thread.join)
        self._readers.shutdown()
        self._reader.dispose()
        self._connection.close()
        self._writer.dispose()
        self._lock.close()

    def _read(self, fn: Callable[[Session], T]) -> T:
        try:
            with Session(self._reader) as session:
                self._limit(session)
                return fn(session)
        except Exception as error:
            if (refusal := dialect.refusal_of(error)) is None:
                raise
            raise refusal from error

    def _limit(self, session: Session) -> None:
        """Interrupt what reads for too long: while it does, the write-ahead log can't shrink."""
        deadline = clock.monotonic() + self._read_seconds
        driver: Any = session.connection().connection.driver_connection
        driver.set_progress_handler(lambda: clock.monotonic() > deadline, _STEPS)

    def _work(self) -> None:
        while (first := self._wait()) is not None:
            self._turn(self._connection, first)

    def _wait(self) -> _Job | None:
        """Wait for a job and return the most urgent one; None when there is none left and we stop."""
        with self._waiting:
            while (job := self._most_urgent(max(Lane))) is None and not self._stopping:
                self._waiting.wait()
            return job

    def _take(self, least: Lane) -> _Job | None:
        """Return the most urgent waiting job if it is at least that urgent."""
        with self._waiting:
            return self._most_urgent(least)

    def _most_urgent(self, least: Lane) -> _Job | None:
        lane = next((lane for lane in self._lanes[: least + 1] if lane), None)
        return lane.popleft() if lane else None

    def _turn(self, connection: Connection, first: _Job) -> None:
        """Run jobs for a while in one transaction, and answer all of them once it is committed."""
        taken: list[_Job] = [first]
        outcomes: list[Any] = []
        deadline = clock.monotonic() + TURN_SECONDS
        try:
            with connection.begin():
                outcomes.append(_attempt(connection, first))
                while len(taken) < TURN_FUNCTIONS and clock.monotonic() < deadline:
                    # Nobody's answer waits for work less urgent than their own.
                    if (job := self._take(taken[-1].lane)) is None:
                        break
                    taken.append(job)
                    outcomes.append(_attempt(connection, job))
        except Exception as error:  # noqa: BLE001  (whatever broke the commit, each waiter must hear of it)
            _log.warning("commit failed", error=type(error).__name__, count=len(taken))
            self.commit_failures += 1
            _roll_back(connection)
            outcomes = [_Failed(UnavailableError("the database can't work right now"))] * len(taken)
        else:
            self.commits += 1
        for answered, outcome in zip(taken, outcomes, strict=True):
            _answer(answered, outcome)


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


def _attempt(connection: Connection, job: _Job) -> Any:
    """Run one job in a savepoint; its failure undoes itself alone, unless the database itself gave up."""
    session = Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False)
    try:
        with session, session.begin():
            return job.fn(session)
    except BaseException as error:  # nothing a job does may end the writer
        # Out of space or luck, SQLite may undo the whole transaction, and with it the jobs before this one.
        undone = not _raw(connection).in_transaction
        broken = isinstance(error, StatementError) and dialect.fault_of(error) is Fault.UNAVAILABLE
        if undone or broken:
            raise UnavailableError from error
        return _Failed(error)


def _roll_back(connection: Connection) -> None:
    """End what a failed COMMIT left open, or no turn could begin again; SQLAlchemy takes it for ended."""
    with suppress(sqlite3.Error):
        _raw(connection).rollback()


def _raw(connection: Connection) -> sqlite3.Connection:
    raw: Any = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)  # noqa: S101  (the engine is SQLite's)
    return raw


def _answer(job: _Job, outcome: Any) -> None:
    if not job.done.set_running_or_notify_cancel():
        return
    if isinstance(outcome, _Failed):
        job.done.set_exception(outcome.error)
    else:
        job.done.set_result(outcome)


def _engine(path: Path, *, writable: bool) -> Engine:
    """Return an engine whose transactions we begin ourselves, so that neither kind ever upgrades one."""
    mode = "rwc" if writable else "ro"
    engine = create_engine(
        URL.create(
            "sqlite+pysqlite", database=f"file:{quote(str(path))}", query={"mode": mode, "uri": "true"}
        ),
        connect_args={"check_same_thread": False, "timeout": 5, "isolation_level": None},
        pool_size=1 if writable else READERS,
        max_overflow=0,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        if writable:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA journal_size_limit = 67108864")
            # Erased words leave the file as well; the log keeps its old pages until it is written over.
            connection.execute("PRAGMA secure_delete = ON")
        else:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -65536")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writable else "BEGIN")

    return engine


def take_lock(path: Path) -> IO[str]:
    """Take the lock of a data folder, held until the file is closed.

    Raises:
        AlreadyOpenError: another process has it.
        CannotStartError: it can't be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("a+")
    except OSError as error:
        raise CannotStartError(f"{path} can't be opened: {error.strerror}") from None
    if not _try(lock):
        sleep(AGAIN_SECONDS)  # a doctor may have tried it in this very moment
        if not _try(lock):
            lock.close()
            message = (
                f"another process has {path.parent} open; one process at a time with the embedded database"
            )
            raise AlreadyOpenError(message)
    return lock


def _try(lock: IO[str]) -> bool:
    with suppress(OSError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
