"""Group commit: what waits when a flusher is free goes into one transaction, answered once that is durable.

No timer: while one batch is being written the next one gathers, so an idle server answers at once and a busy
one amortises its commits. A row the database refuses is found by bisection in savepoints and fails alone. A
waiter who leaves before its flush is forgotten; once flushing, its row is written like any other.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from app import clock
from app.db import dialect
from app.db.database import Database, Lane
from app.errors import AppError, OutcomeUnknownError, OverloadedError, UnavailableError
from app.logs import get_logger

T = TypeVar("T")
R = TypeVar("R")
Told = Callable[[Sequence[object], float], None]
Flush = Callable[[Session, Sequence[T]], list[R]]

FLUSH_ROWS = 500
_log = get_logger("db.group")


class Waiting(Enum):
    """Which line a submission stands in: lone ones and those of big batches are flushed in turn."""

    SINGLE = 0
    BULK = 1


class RefusedRowError(AppError):
    """The database refused this row's data; the others were kept."""

    status, code, title = 422, "refused_by_database", "The database does not take this content"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may wait in each line before a submission is refused."""

    rows: int = 20_000
    bytes: int = 64 * 1024 * 1024


@dataclass(slots=True, eq=False)
class _Entry(Generic[T, R]):
    item: T
    rows: int
    size: int
    answer: "asyncio.Future[R]"


class _Line(Generic[T, R]):
    """One bounded line of waiting entries."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._entries: OrderedDict[_Entry[T, R], None] = OrderedDict()
        self.rows = 0
        self._bytes = 0

    def check_room(self, rows: int, size: int) -> None:
        """Raise when so much more may not wait; an empty line takes anything."""
        if not self._entries:
            return
        if self.rows + rows > self._bounds.rows or self._bytes + size > self._bounds.bytes:
            raise OverloadedError

    def add(self, entry: _Entry[T, R]) -> None:
        self._entries[entry] = None
        self.rows += entry.rows
        self._bytes += entry.size

    def forget(self, entry: _Entry[T, R]) -> None:
        """Take out an entry whose waiter left; it is no longer here once a flusher has it."""
        if entry in self._entries:
            del self._entries[entry]
            self._left(entry)

    def take(self) -> list[_Entry[T, R]]:
        """Take the next entries in order, up to `FLUSH_ROWS` rows and at least one."""
        taken: list[_Entry[T, R]] = []
        rows = 0
        while self._entries:
            entry = next(iter(self._entries))
            rows += entry.rows
            if taken and rows > FLUSH_ROWS:
                break
            self.forget(entry)
            taken.append(entry)
        return taken

    def _left(self, entry: _Entry[T, R]) -> None:
        self.rows -= entry.rows
        self._bytes -= entry.size


class GroupCommit(Generic[T, R]):
    """The lines, and the flushers that empty them."""

    def __init__(self, database: Database, flush: Flush[T, R], *, bounds: Bounds | None = None) -> None:
        """Take the database, and the function that writes a batch and answers for each item in order."""
        self._database = database
        self._flush = flush
        self._lines = {line: _Line[T, R](bounds or Bounds()) for line in Waiting}
        self._turns = _alternate()
        self._wake = asyncio.Event()
        self._bulk_in_hand = False
        self._closing = False
        self._flushers: list[asyncio.Task[None]] = []
        self.restarts = 0
        self.overloads = 0
        self.told: Told = lambda _outcomes, _seconds: None

    def start(self) -> None:
        """Start the flushers."""
        self._flushers = [self._start_flusher(number) for number in range(self._database.flushers)]

    @property
    def healthy(self) -> bool:
        """Whether every flusher is at work and none ever had to be restarted."""
        return self.restarts == 0 and all(not flusher.done() for flusher in self._flushers)

    @property
    def waiting_rows(self) -> int:
        """How many rows wait."""
        return sum(line.rows for line in self._lines.values())

    async def submit(self, item: T, *, rows: int, size: int) -> R:
        """Wait until the item is durable, and return what became of it.

        Raises:
            OverloadedError: too much is waiting; nothing was stored.
            RefusedRowError: the database refused this item's data.
            UnavailableError: it was not stored, or (`OutcomeUnknownError`) nobody can say.
        """
        entry = self._enter([(item, rows, size)], Waiting.SINGLE)[0]
        return await self._await(entry, Waiting.SINGLE)

    async def submit_all(self, items: Sequence[tuple[T, int, int]]) -> list[R | BaseException]:
        """Submit (item, rows, size) of one batch in order, and return each one's result or error."""
        entries = self._enter(items, Waiting.BULK)
        try:
            return await asyncio.gather(*(entry.answer for entry in entries), return_exceptions=True)
        except asyncio.CancelledError:
            for entry in entries:
                self._lines[Waiting.BULK].forget(entry)
            raise

    async def close(self) -> None:
        """Write what waits, then stop the flushers."""
        self._closing = True
        self._wake.set()
        while working := [flusher for flusher in self._flushers if not flusher.done()]:
            await asyncio.wait(working)  # one that dies now is replaced, and what waits is still written

    def _enter(self, items: Sequence[tuple[T, int, int]], where: Waiting) -> list[_Entry[T, R]]:
        if self._closing:
            raise UnavailableError("shutting down")
        line = self._lines[where]
        try:
            line.check_room(sum(rows for _, rows, _ in items), sum(size for _, _, size in items))
        except OverloadedError:
            self.overloads += 1
            raise
        loop = asyncio.get_running_loop()
        entries: list[_Entry[T, R]] = [
            _Entry(item, rows, size, loop.create_future()) for item, rows, size in items
        ]
        for entry in entries:
            line.add(entry)
        self._wake.set()
        return entries

    async def _await(self, entry: _Entry[T, R], where: Waiting) -> R:
        try:
            return await entry.answer
        except asyncio.CancelledError:
            self._lines[where].forget(entry)
            raise

    def _start_flusher(self, number: int) -> asyncio.Task[None]:
        flusher = asyncio.create_task(self._work(), name=f"heard-flusher-{number}")
        flusher.add_done_callback(lambda ended: self._revive(number, ended))
        return flusher

    def _revive(self, number: int, ended: asyncio.Task[None]) -> None:
        """Replace a flusher that died of something unforeseen; readiness turns red so that someone looks."""
        cause = asyncio.CancelledError() if ended.cancelled() else ended.exception()
        if self._closing and cause is None:
            return
        self.restarts += 1
        _log.error("a flusher died and was restarted", restarts=self.restarts, error=type(cause).__name__)
        self._flushers[number] = self._start_flusher(number)
        self._wake.set()

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            where, batch = self._take()
            if batch:
                self._bulk_in_hand |= where is Waiting.BULK
                try:
                    await self._write(batch)
                finally:
                    self._bulk_in_hand &= where is not Waiting.BULK
            elif self._closing:
                return
            else:
                await self._wake.wait()

    def _take(self) -> tuple[Waiting, list[_Entry[T, R]]]:
        """Take from the line whose turn it is, else from the other.

        One flusher at a time has bulk in hand: the items of one upload keep their order.
        """
        for where in next(self._turns):
            if where is Waiting.BULK and self._bulk_in_hand:
                continue
            if batch := self._lines[where].take():
                return where, batch
        return Waiting.SINGLE, []

    async def _write(self, batch: list[_Entry[T, R]]) -> None:
        """Write one batch and answer each of its waiters, whatever happens."""
        items, began = [entry.item for entry in batch], clock.monotonic()
        outcomes: Sequence[R | BaseException] = [OutcomeUnknownError()] * len(batch)
        try:
            outcomes = await self._commit(items)
        except Exception as error:  # noqa: BLE001  (each waiter must hear of it)
            _log.error("a batch was not stored", count=len(batch), error=type(error).__name__)
            outcomes = [error] * len(batch)
        finally:
            for entry, outcome in zip(batch, outcomes, strict=True):
                _resolve(entry.answer, outcome)
            self.told(outcomes, clock.monotonic() - began)

    async def _commit(self, items: list[T]) -> Sequence[R | BaseException]:
        try:
            return await self._database.write(
                lambda session: _run(session, self._flush, items), lane=Lane.INTAKE
            )
        except Exception as error:
            if dialect.fault_of(error) is not dialect.Fault.DATA:
                raise
            _log.warning(
                "a batch holds a row the database refuses", rows=len(items), error=type(error).__name__
            )
        return await self._database.write(
            lambda session: bisect(session, self._flush, items), lane=Lane.INTAKE
        )


def bisect(session: Session, flush: Flush[T, R], items: Sequence[T]) -> Sequence[R | BaseException]:
    """Write a batch in ever smaller savepoints until only the refused items are left out."""
    try:
        with session.begin_nested():
            return _run(session, flush, items)
    except Exception as error:
        if dialect.fault_of(error) is not dialect.Fault.DATA:
            raise
        if len(items) == 1:  # a reference drawn twice is not the sender's fault: the next one will be free
            return [UnavailableError() if dialect.is_taken(error) else RefusedRowError()]
    middle = len(items) // 2
    return [*bisect(session, flush, items[:middle]), *bisect(session, flush, items[middle:])]


def _run(session: Session, flush: Flush[T, R], items: Sequence[T]) -> list[R]:
    outcomes = flush(session, items)
    if len(outcomes) != len(items):
        message = "a flush must answer for each of its items"
        raise RuntimeError(message)
    return outcomes


def _resolve(answer: "asyncio.Future[R]", outcome: R | BaseException) -> None:
    if answer.done():  # its waiter left during the flush; the row is written all the same
        return
    if isinstance(outcome, BaseException):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)


def _alternate() -> Iterator[tuple[Waiting, ...]]:
    """Yield the lines in the order to look at them, the other one first each time."""
    while True:
        yield Waiting.SINGLE, Waiting.BULK
        yield Waiting.BULK, Waiting.SINGLE
