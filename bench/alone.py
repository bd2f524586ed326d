"""Heard as it would be without group commit, to compare with: `python -m bench.alone serve`.

The same app, door, validation and rows by the same launcher; only the intake's writer is another one, which
commits each submission in a transaction of its own.
"""

import asyncio
from collections.abc import Sequence
from typing import Generic

from app import services
from app.cli.main import app
from app.db import sqlite
from app.db.database import Database, Lane
from app.db.group import Bounds, Flush, R, T


class Alone(Generic[T, R]):
    """The interface of `GroupCommit`, one transaction per submission."""

    healthy = True
    restarts = overloads = waiting_rows = 0

    def __init__(self, database: Database, flush: Flush[T, R], *, bounds: Bounds) -> None:  # noqa: ARG002
        """Take the database and the function that writes; nothing waits in lines here, none is bounded."""
        self._database = database
        self._flush = flush

    def start(self) -> None:
        """Do nothing: every request writes for itself."""

    async def submit(self, item: T, *, rows: int, size: int) -> R:  # noqa: ARG002  (the interface)
        """Write one submission through the whole pool, which on SQLite is the one writer.

        In the worker's lane: there it comes to its turn as it does between two flushes. In a more urgent one
        those who wait would keep it from publishing until the load ends, and the comparison would lack that.
        """
        outcomes = await self._database.write(lambda session: self._flush(session, [item]), lane=Lane.WORKER)
        return outcomes[0]

    async def submit_all(self, items: Sequence[tuple[T, int, int]]) -> list[R | BaseException]:
        """Write many, each for itself."""
        submitted = (self.submit(item, rows=rows, size=size) for item, rows, size in items)
        return await asyncio.gather(*submitted, return_exceptions=True)

    async def close(self) -> None:
        """Do nothing."""


if __name__ == "__main__":
    services.GroupCommit = Alone  # type: ignore[assignment, attr-defined]
    sqlite.TURN_FUNCTIONS = 1  # the embedded writer would otherwise share its commits among those who wait
    app()
