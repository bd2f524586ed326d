"""What everyone above sees of a database: functions of a session, run in one transaction each."""

from collections.abc import Callable
from enum import IntEnum
from typing import Protocol, TypeVar

from sqlalchemy.orm import Session

T = TypeVar("T")


class Lane(IntEnum):
    """Who goes first when several writes wait."""

    INTAKE = 0
    DESK = 1
    WORKER = 2
    BULK = 3


class Database(Protocol):
    """One database, embedded or not.

    A function given to `write` or `read` is plain and synchronous, gets a session inside a transaction, and
    never commits: the transaction is committed before the caller gets the result. `write` may call the
    function again when the database asks for a repeat, so it must not leave anything behind but rows.
    """

    flushers: int
    commits: int
    commit_failures: int

    async def write(self, fn: Callable[[Session], T], *, lane: Lane = Lane.DESK) -> T:
        """Run `fn` in one transaction and return its result once that is durable.

        Raises:
            UnavailableError: nothing was stored.
            OutcomeUnknownError: the database did not say whether it was.
        """
        ...

    async def read(self, fn: Callable[[Session], T]) -> T:
        """Run `fn` in one read-only snapshot."""
        ...

    async def close(self) -> None:
        """Finish what was begun, then let go of the database."""
        ...
