"""PostgreSQL through asyncpg: a small pool for the intake's flushers, another for everyone else."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from app import clock
from app.db import dialect
from app.db.database import Lane
from app.db.dialect import Fault, Mark
from app.errors import OutcomeUnknownError
from app.logs import get_logger

T = TypeVar("T")
ATTEMPTS = 3
ASK_FOR_SECONDS = 5.0
_log = get_logger("db.postgres")


class _Unanswered(Exception):  # noqa: N818  (a step in our own dance, never seen outside)
    """COMMIT was sent, and the connection died before the answer came."""

    def __init__(self, mark: Mark | None) -> None:
        super().__init__()
        self.mark = mark


class PostgresDatabase:
    """One PostgreSQL database, seen from one process."""

    flushers = 2
    commits = 0
    commit_failures = 0

    def __init__(self, url: str, *, pool: int) -> None:
        """Prepare the pools; the first connection is made when first needed."""
        self._intake = _engine(url, pool=self.flushers)
        self._general = _engine(url, pool=pool)

    async def write(self, fn: Callable[[Session], T], *, lane: Lane = Lane.DESK) -> T:
        """Run `fn` in one transaction; see `Database.write`."""
        # Shielded: a caller who leaves must not tear a transaction in two.
        return await asyncio.shield(asyncio.ensure_future(self._write(fn, lane)))

    async def read(self, fn: Callable[[Session], T]) -> T:
        """Run `fn` in one repeatable-read, read-only transaction."""
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        try:
            async with self._general.connect() as connection:
                readonly = await connection.execution_options(**options)
                async with AsyncSession(readonly) as session:
                    return await session.run_sync(fn)
        except Exception as error:
            if (refusal := dialect.refusal_of(error)) is None:
                raise
            raise refusal from error

    async def close(self) -> None:
        """Close the pools."""
        await self._intake.dispose()
        await self._general.dispose()

    async def _write(self, fn: Callable[[Session], T], lane: Lane) -> T:
        engine = self._intake if lane is Lane.INTAKE else self._general
        for attempt in range(1, ATTEMPTS + 1):
            try:
                result = await self._attempt(engine, fn)
            except Exception as error:
                if dialect.fault_of(error) is Fault.REPEAT and attempt < ATTEMPTS:
                    _log.info("repeating a transaction", attempt=attempt, lane=lane.name)
                    continue
                if (refusal := dialect.refusal_of(error)) is None:
                    raise
                self.commit_failures += 1
                raise refusal from error
            self.commits += 1
            return result
        raise AssertionError

    async def _attempt(self, engine: AsyncEngine, fn: Callable[[Session], T]) -> T:
        """Run and commit once; when the commit's fate is unknown, ask, and repeat what did not happen."""
        while True:
            try:
                async with AsyncSession(engine, expire_on_commit=False) as session:
                    result = await session.run_sync(fn)
                    await _commit(session, await session.run_sync(dialect.mark_of))
                    return result
            except _Unanswered as lost:
                if lost.mark is None or await self._was_committed(lost.mark):
                    return result

    async def _was_committed(self, mark: Mark) -> bool:
        """Ask the database what became of a transaction, for a few seconds.

        Raises:
            OutcomeUnknownError: it could not say, or not in time.
        """
        deadline = clock.monotonic() + ASK_FOR_SECONDS
        while clock.monotonic() < deadline:
            try:
                async with AsyncSession(self._general) as session:
                    found = await session.run_sync(dialect.was_committed, mark)
            except OutcomeUnknownError:
                raise
            except Exception as error:  # noqa: BLE001  (the database may be restarting: ask until the time is up)
                _log.info("can't ask for a commit's outcome yet", error=type(error).__name__)
                found = None
            if found is not None:
                return found
            await asyncio.sleep(0.1)
        raise OutcomeUnknownError


async def _commit(session: AsyncSession, mark: Mark | None) -> None:
    try:
        await session.commit()
    except Exception as error:
        # An answer with a state of class 23, 40… is a clear no; a broken connection is no answer at all.
        if dialect.fault_of(error) is Fault.UNAVAILABLE or not dialect.state_of(error):
            raise _Unanswered(mark) from error
        raise


def _engine(url: str, *, pool: int) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=False,
        hide_parameters=True,
        connect_args={
            "timeout": 5,
            "command_timeout": 30,
            "server_settings": {
                "application_name": "heard",
                "timezone": "UTC",
                "lock_timeout": "10000",
                # When the network dies silently, what we had locked must not stay so until TCP gives up.
                "idle_in_transaction_session_timeout": "10000",
            },
        },
    )
