"""The real server without one of its safeties, to see that the tests notice.

`python -m tests.faults.unsafe NAME`
"""

import asyncio
import sqlite3
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import Session

from app.cli.main import app
from app.db import dialect, postgres
from app.db.group import GroupCommit
from app.db.postgres import PostgresDatabase
from app.intake import commit
from app.intake.commit import Outcome
from app.services import Services
from app.sla import store as clocks
from app.worker import loop

EARLY_SECONDS = 0.3


def acknowledge_early() -> None:
    """Answer before the flush, which then takes its time."""
    submit = GroupCommit.submit
    under_way = set()

    async def late(self: Any, item: Any, sizes: dict[str, int]) -> None:
        await asyncio.sleep(EARLY_SECONDS)
        await submit(self, item, **sizes)

    async def early(self: Any, item: Any, **sizes: int) -> Outcome:
        task = asyncio.create_task(late(self, item, sizes))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        reference = item.reference if item.opens_ticket else None
        return Outcome(201, item.id, item.submission.kind, item.received_at, reference)

    replace(GroupCommit, "submit", early)


def forget_keys() -> None:
    """Let everyone through who shows an idempotency key, and record nothing."""
    replace(commit, "_claim_keys", lambda _session, _batch, places: list(places))


def assume_committed() -> None:
    """Take a COMMIT without an answer for done."""
    replace(PostgresDatabase, "_was_committed", assuming(outcome=True))


def assume_aborted() -> None:
    """Take a COMMIT without an answer for undone."""
    replace(PostgresDatabase, "_was_committed", assuming(outcome=False))


def assuming(*, outcome: bool) -> Callable[..., Any]:
    async def was_committed(_self: Any, _mark: Any) -> bool:
        return outcome

    return was_committed


def ignore_failed_commit() -> None:
    """Take a COMMIT for done, whatever SQLite said to it."""
    do_commit: Callable[..., None] = SQLiteDialect.do_commit

    def deaf(self: SQLiteDialect, connection: Any) -> None:
        with suppress(sqlite3.Error):
            do_commit(self, connection)

    replace(SQLiteDialect, "do_commit", deaf)


def misread_the_database() -> None:
    """Take every fault of the database for our own."""
    replace(dialect, "fault_of", lambda _error: dialect.Fault.BUG)


def keep_broken_connections() -> None:
    """Put a connection back into the pool, whatever happened on it."""
    replace(PGDialect_asyncpg, "is_disconnect", lambda *_: False)


def wait_for_the_dead() -> None:
    """Let PostgreSQL keep the locks of a transaction for as long as it believes that we live."""

    def create_patiently(*args: Any, connect_args: dict[str, Any], **more: Any) -> AsyncEngine:
        del connect_args["server_settings"]["idle_in_transaction_session_timeout"]
        return create_async_engine(*args, connect_args=connect_args, **more)

    replace(postgres, "create_async_engine", create_patiently)


def keep_what_was_said_apart() -> None:
    """Say what fell due in one transaction, and write down that it was said in another, a little later."""
    watch, change = loop.watch_clocks, clocks.change_clocks
    left: list[Sequence[dict[str, Any]]] = []

    def put_off(_session: Session, groups: Iterable[Sequence[dict[str, Any]]]) -> None:
        left.extend(groups)

    async def watch_carelessly(services: Services) -> bool:
        more = await watch(services)
        await asyncio.sleep(EARLY_SECONDS)
        await services.write(lambda session: change(session, left))
        left.clear()
        return more

    replace(clocks, "change_clocks", put_off)
    replace(loop, "watch_clocks", watch_carelessly)


SAFETIES: dict[str, Callable[[], None]] = {
    each.__name__: each
    for each in (
        acknowledge_early, forget_keys, assume_committed, assume_aborted, ignore_failed_commit,
        misread_the_database, keep_broken_connections, wait_for_the_dead, keep_what_was_said_apart,
    )
}  # fmt: skip


def replace(owner: object, name: str, by: object) -> None:
    """Put something else in the place of what must be there."""
    assert hasattr(owner, name)
    setattr(owner, name, by)


if __name__ == "__main__":
    SAFETIES[sys.argv[1]]()
    app(["serve"])
