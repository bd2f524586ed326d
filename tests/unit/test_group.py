"""Group commit: who goes into which batch, who waits, who is refused; nobody is left without an answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest
from sqlalchemy.orm import Session

from app.db.database import Lane
from app.db.group import FLUSH_ROWS, Bounds, GroupCommit
from app.errors import OutcomeUnknownError, OverloadedError, UnavailableError

T = TypeVar("T")
Group = GroupCommit[Any, Any]


class Unforeseen(BaseException):
    """Something no `except Exception` sees."""


class GatedDatabase:
    """A database whose commits wait until they are let through; what was committed can be looked at."""

    commits = commit_failures = 0

    def __init__(self, flushers: int) -> None:
        self.flushers = flushers
        self.gate = asyncio.Event()
        self.arrived = asyncio.Event()
        self.batches: list[list[Any]] = []

    async def write(self, fn: Callable[[Session], T], *, lane: Lane = Lane.DESK) -> T:
        assert lane is Lane.INTAKE
        self.arrived.set()
        await self.gate.wait()
        return fn(Session())

    async def read(self, fn: Callable[[Session], T]) -> T:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    def flush(self, _session: Session, items: Sequence[Any]) -> list[Any]:
        for item in items:
            if isinstance(item, BaseException):
                raise item
        self.batches.append(list(items))
        return [f"stored {item}" for item in items]


@asynccontextmanager
async def gated(
    flushers: int = 1, bounds: Bounds | None = None
) -> AsyncIterator[tuple[GatedDatabase, Group]]:
    """Give a group commit whose flushers have all begun a first batch, and hold it until the gate opens."""
    database = GatedDatabase(flushers)
    group: Group = GroupCommit(database, database.flush, bounds=bounds)
    group.start()
    yield database, group
    database.gate.set()
    await group.close()


async def begin(group: Group, *items: Any, rows: int = 1, size: int = 1) -> list[asyncio.Task[Any]]:
    """Submit items, and return once each of them waits."""
    tasks = [asyncio.ensure_future(group.submit(item, rows=rows, size=size)) for item in items]
    await settle()
    return tasks


async def settle() -> None:
    """Let everybody run who can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def outcomes(waiting: Sequence[Awaitable[Any]]) -> list[Any]:
    return await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)


async def test_what_gathered_while_a_batch_was_written_goes_into_the_next_one() -> None:
    async with gated() as (database, group):
        first = await begin(group, "a")
        later = await begin(group, "b", "c", "d")
        database.gate.set()
        answers = await outcomes(first + later)

    assert database.batches == [["a"], ["b", "c", "d"]]
    assert answers == ["stored a", "stored b", "stored c", "stored d"]


async def test_a_flush_takes_at_most_500_rows_but_always_something() -> None:
    async with gated() as (database, group):
        waiting = await begin(group, "first")
        for name, rows in (("x", 300), ("y", 200), ("z", 1), ("huge", 5000), ("last", 1)):
            waiting += await begin(group, name, rows=rows)
        database.gate.set()
        await outcomes(waiting)

    assert FLUSH_ROWS == 500
    assert database.batches == [["first"], ["x", "y"], ["z"], ["huge"], ["last"]]


async def test_lone_submissions_and_uploads_take_turns() -> None:
    async with gated() as (database, group):
        first = await begin(group, "first")
        bulk = [asyncio.ensure_future(group.submit_all([(f"b{n}", 500, 1) for n in range(3)]))]
        await settle()
        single = [task for n in range(3) for task in await begin(group, f"s{n}", rows=500)]
        database.gate.set()
        await outcomes([*first, *bulk, *single])

    lines = [batch[0][0] for batch in database.batches[1:]]
    assert lines in (list("bsbsbs"), list("sbsbsb"))


async def test_the_items_of_an_upload_keep_their_order_under_two_flushers() -> None:
    names = [f"b{n}" for n in range(20)]
    async with gated(flushers=2) as (database, group):
        upload = asyncio.ensure_future(group.submit_all([(name, 200, 1) for name in names]))
        await settle()
        database.gate.set()
        answers = await asyncio.wait_for(upload, 5)

    assert [item for batch in database.batches for item in batch] == names
    assert answers == [f"stored {name}" for name in names]


async def test_a_full_line_refuses_and_says_when_to_come_again() -> None:
    async with gated(bounds=Bounds(rows=10, bytes=100)) as (_, group):
        await begin(group, "in hand")
        waiting = await begin(group, "a", rows=8)
        with pytest.raises(OverloadedError) as by_rows:
            await group.submit("b", rows=3, size=1)
        with pytest.raises(OverloadedError) as by_bytes:
            await group.submit("c", rows=1, size=100)
        fits = await begin(group, "d", rows=2)

        assert group.waiting_rows == 10
        assert (by_rows.value.status, by_rows.value.headers) == (503, {"Retry-After": "1"})
        assert by_bytes.value.code == "overloaded"
        assert [task.done() for task in waiting + fits] == [False, False]


async def test_an_upload_larger_than_the_line_is_taken_when_nothing_else_waits() -> None:
    async with gated(bounds=Bounds(rows=10, bytes=100)) as (database, group):
        await begin(group, "in hand")
        upload = asyncio.ensure_future(group.submit_all([(n, 5, 50) for n in range(8)]))
        await settle()
        with pytest.raises(OverloadedError):
            await group.submit_all([("more", 1, 1)])
        database.gate.set()

        assert await asyncio.wait_for(upload, 5) == [f"stored {n}" for n in range(8)]


async def test_who_leaves_before_the_flush_is_not_stored_and_frees_the_room() -> None:
    async with gated(bounds=Bounds(rows=2, bytes=100)) as (database, group):
        first = await begin(group, "first")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(group.submit("gone", rows=2, size=1), 0.001)
        leaving = asyncio.ensure_future(group.submit_all([("b1", 1, 1), ("b2", 1, 1)]))
        await settle()
        leaving.cancel()
        await settle()
        freed = group.waiting_rows
        stays = await begin(group, "stays", rows=2)
        database.gate.set()
        await outcomes(first + stays)

    assert freed == 0
    assert database.batches == [["first"], ["stays"]]


async def test_who_leaves_during_the_flush_is_stored_and_the_flusher_lives() -> None:
    async with gated() as (database, group):
        left, stayed = await begin(group, "left", "stayed")
        left.cancel()
        await settle()
        database.gate.set()
        answers = await outcomes([stayed, group.submit("next", rows=1, size=1)])

        assert group.healthy
    assert answers == ["stored stayed", "stored next"]
    assert database.batches == [["left", "stayed"], ["next"]]


async def test_a_flusher_that_dies_answers_its_waiters_is_replaced_and_counted() -> None:
    async with gated() as (database, group):
        struck = await begin(group, Unforeseen(), "beside it")
        database.gate.set()
        answers = await outcomes(struck)
        after = await outcomes([group.submit("after", rows=1, size=1)])

        assert [type(answer) for answer in answers] == [OutcomeUnknownError, OutcomeUnknownError]
        assert after == ["stored after"]
        assert (group.restarts, group.healthy) == (1, False)


async def test_a_flusher_killed_in_the_middle_of_a_commit_does_not_call_it_undone() -> None:
    async with gated() as (database, group):
        struck = await begin(group, "a")
        await database.arrived.wait()
        group._flushers[0].cancel()  # noqa: SLF001  (nobody else can get at it)
        answers = await outcomes(struck)

        assert [type(answer) for answer in answers] == [OutcomeUnknownError]


async def test_an_error_is_everybodys_answer_and_the_flusher_goes_on() -> None:
    async with gated() as (database, group):
        struck = await begin(group, "a", KeyError("bug"))
        database.gate.set()
        answers = await outcomes(struck)

        assert [type(answer) for answer in answers] == [KeyError, KeyError]
        assert await group.submit("b", rows=1, size=1) == "stored b"
        assert group.healthy


async def test_a_flush_that_forgets_somebody_is_an_error_for_all_not_a_wait_for_ever() -> None:
    database = GatedDatabase(1)
    database.gate.set()
    group: Group = GroupCommit(database, lambda _session, items: list(items)[1:])
    group.start()

    answers = await outcomes(await begin(group, "a", "b"))

    assert [type(answer) for answer in answers] == [RuntimeError, RuntimeError]
    await group.close()


async def test_closing_writes_what_waits_even_when_a_flusher_dies_meanwhile() -> None:
    async with gated() as (database, group):
        first = await begin(group, Unforeseen())
        waiting = await begin(group, "a", "b")
        closing = asyncio.ensure_future(group.close())
        await settle()
        with pytest.raises(UnavailableError):
            await group.submit("late", rows=1, size=1)
        database.gate.set()
        answers = await outcomes(first + waiting)
        await asyncio.wait_for(closing, 5)

    assert [type(answers[0]), *answers[1:]] == [OutcomeUnknownError, "stored a", "stored b"]
