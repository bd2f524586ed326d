"""The embedded database: one writer thread that owns the only read-write connection, and a few readers.

The writer takes the waiting functions, most urgent lane first, and puts several into one commit, each in a
savepoint of its own: one fails, the others stay. A turn ends after 10 ms, 500 functions or an empty queue, so an
intake write never waits long behind others. It is also the only one to checkpoint: SQLite before 3.51.3 can
corrupt a database when two connections reset its write-ahead log.
"""

import asyncio
import fcntl
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.orm import Session

from app import clock
from app.db import dialect
from app.db.database import Lane
from app.errors import UnavailableError
from app.logs import get_logger

T = TypeVar("T")
TURN_SECONDS = 0.010
TURN_FUNCTIONS = 500
READERS = 4
_log = get_logger("db.sqlite")


class AlreadyOpenError(RuntimeError):
    """Another process has this data folder open."""


@dataclass(slots=True)
class _Job:
    fn: Callable[[Session], Any]
    done: "Future[Any]" = field(default_factory=Future)


class SqliteDatabase:
    """The embedded database of one process."""

    flushers = 1

    def __init__(self, path: Path, *, prepare: Callable[[], None]) -> None:
        """Take the folder's lock, prepare the file (migrations), then make the first connection.

        Raises:
            AlreadyOpenError: another process has it.
        """
        self._lock = _take_lock(path.with_name("heard.lock"))
        prepare()
        self._writer = _engine(path, writable=True)
        self._reader = _engine(path, writable=False)
        self._lanes: tuple[deque[_Job], ...] = tuple(deque() for _ in Lane)
        self._waiting = threading.Condition()
        self._stopping = False
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="heard-read")
        self._thread = threading.Thread(target=self._work, name="heard-write", daemon=True)
        self._thread.start()

    async def write(self, fn: Callable[[Session], T], *, lane: Lane = Lane.DESK) -> T:
        """Run `fn` on the writer thread; see `Database.write`."""
        job = _Job(fn)
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
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, fn)

    async def close(self) -> None:
        """Write what waits, then stop."""
        with self._waiting:
            self._stopping = True
            self._waiting.notify()
        await asyncio.to_thread(self._thread.join)
        self._readers.shutdown()
        self._reader.dispose()
        self._writer.dispose()
        self._lock.close()

    def _read(self, fn: Callable[[Session], T]) -> T:
        try:
            with Session(self._reader) as session:
                return fn(session)
        except Exception as error:
            raise _as_refusal(error) from error

    def _work(self) -> None:
        with self._writer.connect() as connection:
            while (first := self._take(wait=True)) is not None:
                self._turn(connection, first)

    def _take(self, *, wait: bool) -> _Job | None:
        """Return the most urgent waiting job; None when there is none, or (waiting) when we stop."""
        with self._waiting:
            while True:
                for lane in self._lanes:
                    if lane:
                        return lane.popleft()
                if not wait or self._stopping:
                    return None
                self._waiting.wait()

    def _turn(self, connection: Connection, first: _Job) -> None:
        """Run jobs for a while in one transaction, and answer all of them once it is committed."""
        finished: list[tuple[_Job, Any]] = []
        job: _Job | None = first
        deadline = clock.monotonic() + TURN_SECONDS
        try:
            with connection.begin():
                while job is not None:
                    finished.append((job, None))
                    finished[-1] = (job, _attempt(connection, job))
                    full = len(finished) >= TURN_FUNCTIONS or clock.monotonic() >= deadline
                    job = None if full else self._take(wait=False)
        except Exception as error:  # noqa: BLE001  (whatever broke the commit, each waiter must hear of it)
            refusal = _as_refusal(error)
            _log.warning("commit failed", error=type(error).__name__, count=len(finished))
            for waiting, _ in finished:
                _answer(waiting, refusal)
            return
        for answered, outcome in finished:
            _answer(answered, outcome)


@dataclass(frozen=True, slots=True)
class _Failed:
    error: Exception


def _attempt(connection: Connection, job: _Job) -> Any:
    """Run one job in a savepoint; its failure undoes itself alone, unless the database itself gave up."""
    session = Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False)
    try:
        with session, session.begin():
            return job.fn(session)
    except Exception as error:
        if dialect.fault_of(error) is dialect.Fault.UNAVAILABLE:
            raise
        return _Failed(error)


def _answer(job: _Job, outcome: Any) -> None:
    if isinstance(outcome, _Failed):
        outcome = outcome.error
    if isinstance(outcome, Exception):
        job.done.set_exception(outcome)
    else:
        job.done.set_result(outcome)


def _as_refusal(error: Exception) -> Exception:
    if dialect.fault_of(error) is dialect.Fault.UNAVAILABLE:
        return UnavailableError("the database can't work right now")
    return error


def _engine(path: Path, *, writable: bool) -> Engine:
    """Return an engine whose transactions we begin ourselves, so that readers and the writer never upgrade."""
    mode = "rwc" if writable else "ro"
    engine = create_engine(
        f"sqlite+pysqlite:///file:{path}?mode={mode}&uri=true",
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
        else:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -65536")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writable else "BEGIN")

    return engine


def _take_lock(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        message = f"another process has {path.parent} open; one process at a time with the embedded database"
        raise AlreadyOpenError(message) from error
    return lock
