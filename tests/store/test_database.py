"""Both databases keep one contract: whole transactions, readers that only read, faults told apart."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from app import clock
from app.db import dialect
from app.db.database import Database, Lane
from app.db.dialect import ChangedMeanwhileError, Fault
from app.db.postgres import PostgresDatabase
from app.db.sqlite import AlreadyOpenError, SqliteDatabase
from app.errors import NotFoundError, UnavailableError
from app.models.events import Cursor, Idempotency
from app.settings import Settings
from tests import databases

POSTGRESQLS = [kind for kind in databases.KINDS if kind != "sqlite"]
on_sqlite = pytest.mark.parametrize("kind", [k for k in databases.KINDS if k == "sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("kind", POSTGRESQLS, indirect=True)


@pytest.fixture
async def database(empty_settings: Settings) -> AsyncIterator[Database]:
    made: Database
    if empty_settings.database_url:
        made = PostgresDatabase(empty_settings.database_url, pool=5)
    else:
        made = SqliteDatabase(empty_settings.sqlite_path, prepare=lambda: None)
    yield made
    await made.close()


def put(session: Session, name: str, *, failing: BaseException | None = None) -> str:
    """Insert a row, and fail afterwards if told to."""
    session.add(Cursor(name=name, sequence=0))
    session.flush()
    if failing:
        raise failing
    return name


def names(session: Session) -> list[str]:
    query = select(Cursor.name).where(Cursor.name != "publisher").order_by(Cursor.name)
    return list(session.scalars(query))


def run(statement: str, **values: Any) -> Callable[[Session], None]:
    def fn(session: Session) -> None:
        session.execute(text(statement), values)

    return fn


async def test_a_write_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(NotFoundError):
        await database.write(partial(put, name="a", failing=NotFoundError()))

    assert await database.write(partial(put, name="b")) == "b"
    assert await database.read(names) == ["b"]


async def test_a_reader_can_not_write(database: Database) -> None:
    with pytest.raises(UnavailableError):
        await database.read(partial(put, name="a"))

    assert await database.read(names) == []


async def test_a_caller_who_leaves_does_not_tear_a_write_in_two(database: Database) -> None:
    leaving = asyncio.ensure_future(database.write(partial(put, name="a")))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await database.write(partial(put, name="b"), lane=Lane.BULK)
    await database.close()

    assert leaving.cancelled()


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC), id="microseconds"),
        pytest.param(datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), id="before the epoch"),
        pytest.param(datetime(2026, 3, 2, 9, 0, tzinfo=timezone(timedelta(hours=5, minutes=45))), id="zone"),
    ],
)
async def test_an_instant_comes_back_as_it_went_in(database: Database, at: datetime) -> None:
    row: dict[str, Any] = {
        "scope": "s",
        "key_hash": "k",
        "fingerprint": "f",
        "status": 201,
        "subject_id": UUID(int=1),
    }

    def store(session: Session) -> None:
        session.add(Idempotency(**row, expires_at=at))

    await database.write(store)

    found = await database.read(lambda session: session.scalars(select(Idempotency.expires_at)).one())
    assert (found, found.tzinfo) == (at, UTC)


async def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    naive = datetime(2026, 3, 2)  # noqa: DTZ001  (the point)
    with pytest.raises(StatementError):
        await database.read(
            lambda session: session.scalars(select(Idempotency).where(Idempotency.expires_at > naive)).all()
        )


# ------------------------------------------------------------------------------------------------ PostgreSQL

PROVOKED: dict[str, tuple[str, dict[str, Any], Fault]] = {
    "a second row of one key": ("INSERT INTO cursors VALUES ('a', 1), ('a', 2)", {}, Fault.DATA),
    "null": ("INSERT INTO cursors VALUES ('a', NULL)", {}, Fault.DATA),
    "a broken check": (
        "INSERT INTO presence VALUES (gen_random_uuid(), 'asleep', now())",
        {},
        Fault.DATA,
    ),
    "too long": ("INSERT INTO cursors VALUES (repeat('x', 41), 1)", {}, Fault.DATA),
    "NUL": ("INSERT INTO cursors VALUES (:name, 1)", {"name": "a\0"}, Fault.DATA),
    "a lone surrogate": ("INSERT INTO cursors VALUES (:name, 1)", {"name": "\ud800"}, Fault.DATA),
    "an integer past the column": ("INSERT INTO cursors VALUES ('a', :n)", {"n": 2**63}, Fault.DATA),
    "the wrong type": ("INSERT INTO cursors VALUES ('a', :n)", {"n": "one"}, Fault.DATA),
    "a syntax error": ("SELEC 1", {}, Fault.BUG),
    "no such table": ("SELECT * FROM nowhere", {}, Fault.BUG),
    "the connection is killed": ("SELECT pg_terminate_backend(pg_backend_pid())", {}, Fault.UNAVAILABLE),
    "cancelled": ("SELECT pg_cancel_backend(pg_backend_pid())", {}, Fault.UNAVAILABLE),
}
STATES = {
    "40001": Fault.REPEAT,
    "40P01": Fault.REPEAT,
    "22021": Fault.DATA,
    "23514": Fault.DATA,
    "54000": Fault.DATA,
    "08006": Fault.UNAVAILABLE,
    "25006": Fault.UNAVAILABLE,
    "28000": Fault.UNAVAILABLE,
    "3D000": Fault.UNAVAILABLE,
    "53100": Fault.UNAVAILABLE,
    "53300": Fault.UNAVAILABLE,
    "55P03": Fault.UNAVAILABLE,
    "57014": Fault.UNAVAILABLE,
    "57P01": Fault.UNAVAILABLE,
    "57P03": Fault.UNAVAILABLE,
    "58030": Fault.UNAVAILABLE,
    "P0001": Fault.BUG,
    "42501": Fault.BUG,
    "XX000": Fault.BUG,
}


@on_postgresql
async def test_each_fault_of_postgresql_is_known_for_what_it_is(empty_settings: Settings) -> None:
    engine = create_async_engine(str(empty_settings.database_url))
    statements: dict[str, tuple[str, dict[str, Any]]] = {
        state: (f"DO $$ BEGIN RAISE EXCEPTION SQLSTATE '{state}'; END $$", {}) for state in STATES
    }
    statements |= {name: (sql, values) for name, (sql, values, _) in PROVOKED.items()}
    found = {}
    for name, (sql, values) in statements.items():
        async with AsyncSession(engine) as session:
            with pytest.raises(DBAPIError) as caught:
                await session.run_sync(run(sql, **values))
            found[name] = dialect.fault_of(caught.value)
    await engine.dispose()

    assert found == {name: fault for name, (_, _, fault) in PROVOKED.items()} | STATES


@on_postgresql
async def test_a_database_that_can_not_be_reached_is_unavailable(
    empty_settings: Settings, tmp_path: Path
) -> None:
    url = str(empty_settings.database_url)
    nobody_there = f"postgresql+asyncpg://postgres@/empty?host={tmp_path}"
    for address in (nobody_there, "postgresql+asyncpg://postgres@127.0.0.1:1/empty", url + "nowhere"):
        database = PostgresDatabase(address, pool=1)
        for work in (database.read(names), database.write(names), database.write(names, lane=Lane.INTAKE)):
            with pytest.raises(UnavailableError):
                await work
        await database.close()


@on_postgresql
async def test_a_pool_that_is_empty_for_too_long_is_unavailable(empty_settings: Settings) -> None:
    engine = create_async_engine(
        str(empty_settings.database_url), pool_size=1, max_overflow=0, pool_timeout=0.01
    )
    async with engine.connect():
        with pytest.raises(Exception, match="QueuePool limit") as caught:
            async with engine.connect():
                pass
    await engine.dispose()

    assert dialect.fault_of(caught.value) is Fault.UNAVAILABLE


@on_postgresql
@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_a_conflict_is_repeated_twice_and_then_unavailable(database: Database, state: str) -> None:
    attempts: list[int] = []

    def conflict(session: Session, *, succeed_at: int) -> int:
        attempts.append(len(attempts) + 1)
        put(session, f"attempt {len(attempts)} of {succeed_at}")
        if len(attempts) < succeed_at:
            run(f"DO $$ BEGIN RAISE EXCEPTION SQLSTATE '{state}'; END $$")(session)
        return attempts[-1]

    assert await database.write(partial(conflict, succeed_at=3)) == 3
    attempts.clear()
    with pytest.raises(UnavailableError):
        await database.write(partial(conflict, succeed_at=4))

    assert len(attempts) == 3
    assert await database.read(names) == ["attempt 3 of 3"]


@on_postgresql
async def test_what_vanished_meanwhile_is_looked_at_again(database: Database) -> None:
    attempts: list[int] = []

    def once_gone(session: Session) -> str:
        attempts.append(1)
        if len(attempts) == 1:
            raise ChangedMeanwhileError
        return put(session, "there")

    assert await database.write(once_gone) == "there"


@on_postgresql
async def test_an_id_given_again_after_a_crash_does_not_pass_for_the_first(database: Database) -> None:
    """Seen: a server killed with kill -9 gives the ids of what had not reached its disk once more."""

    def marked(session: Session) -> dialect.Mark:
        put(session, "a")
        found = dialect.mark_of(session)
        assert found is not None
        return found

    mine = await database.write(marked)
    before_a_crash = dialect.Mark(mine.id, "another life")
    never_written = dialect.Mark(str(int(mine.id) + 1000), "another life")

    assert await database.read(lambda session: dialect.was_committed(session, mine)) is True
    assert await database.read(lambda session: dialect.was_committed(session, never_written)) is False
    with pytest.raises(Exception, match="outcome is not known"):
        await database.read(lambda session: dialect.was_committed(session, before_a_crash))


# ---------------------------------------------------------------------------------------------------- SQLite


@pytest.fixture
def hold() -> threading.Event:
    return threading.Event()


async def queue(database: Database, hold: threading.Event, *work: tuple[Any, Lane]) -> list[Any]:
    """Occupy the writer, queue the work behind it in this order, let go, and return what each came to."""
    started = threading.Event()

    def occupy(_session: Session) -> None:
        started.set()
        hold.wait(5)

    first = asyncio.ensure_future(database.write(occupy, lane=Lane.INTAKE))
    await asyncio.to_thread(started.wait, 5)
    tasks = [asyncio.ensure_future(database.write(fn, lane=lane)) for fn, lane in work]
    await asyncio.sleep(0)
    hold.set()
    return (await asyncio.wait_for(asyncio.gather(first, *tasks, return_exceptions=True), 5))[1:]


@on_sqlite
async def test_one_function_of_a_turn_fails_and_the_others_stay(
    database: Database, hold: threading.Event
) -> None:
    class Unforeseen(BaseException):
        pass

    answers = await queue(
        database,
        hold,
        (partial(put, name="a"), Lane.DESK),
        (partial(put, name="b", failing=NotFoundError()), Lane.DESK),
        (partial(put, name="publisher"), Lane.DESK),
        (partial(put, name="c", failing=Unforeseen()), Lane.DESK),
        (partial(put, name="d", failing=OSError("a file of its own")), Lane.DESK),
        (partial(put, name="e"), Lane.DESK),
    )

    assert [answer if isinstance(answer, str) else type(answer).__name__ for answer in answers] == [
        "a", "NotFoundError", "IntegrityError", "Unforeseen", "OSError", "e",
    ]  # fmt: skip
    assert await database.read(names) == ["a", "e"]


@on_sqlite
async def test_the_most_urgent_lane_goes_first_and_each_lane_in_order(
    database: Database, hold: threading.Event
) -> None:
    order: list[str] = []

    def note(_session: Session, *, name: str) -> None:
        order.append(name)

    work = [
        (partial(note, name=f"{lane.name}{n}"), lane) for n in range(2) for lane in sorted(Lane, reverse=True)
    ]
    await queue(database, hold, *work)

    assert order == [f"{lane.name}{n}" for lane in Lane for n in range(2)]


@on_sqlite
async def test_intake_waits_for_no_desk_work_and_desk_work_for_ten_milliseconds_of_it(
    database: Database, hold: threading.Event, monkeypatch: pytest.MonkeyPatch, empty_settings: Settings
) -> None:
    """Of 50 desk functions of two milliseconds five go into one commit; intake is next, alone in its turn."""
    passed = [0.0]
    monkeypatch.setattr(clock, "monotonic", lambda: passed[0])
    seen: list[tuple[str, int]] = []
    outside = sqlite3.connect(f"file:{empty_settings.sqlite_path}?mode=ro", uri=True, check_same_thread=False)

    def work(session: Session, *, name: str) -> None:
        seen.append((name, outside.execute("SELECT count(*) FROM cursors").fetchone()[0] - 1))
        put(session, name)
        passed[0] += 0.002

    desk = [(partial(work, name=f"desk {n:02}"), Lane.DESK) for n in range(50)]
    await queue(database, hold, *desk, (partial(work, name="intake"), Lane.INTAKE))
    outside.close()

    assert [name for name, _ in seen] == ["intake"] + [f"desk {n:02}" for n in range(50)]
    assert [committed for _, committed in seen] == [0] + [1 + n // 5 * 5 for n in range(50)]


@on_sqlite
async def test_a_full_disk_refuses_everybody_of_the_turn_and_the_writer_lives_on(
    database: Database, hold: threading.Event
) -> None:
    await database.write(run("PRAGMA max_page_count = 1"))  # SQLite reads it as: no page more

    def fill(session: Session) -> None:
        for n in range(500):
            put(session, f"filler {n}")

    full = await queue(
        database, hold, (partial(put, name="a"), Lane.DESK), (fill, Lane.DESK), (fill, Lane.DESK)
    )
    between = await database.read(names)
    await database.write(run("PRAGMA max_page_count = 100000"))
    await database.write(partial(put, name="b"))

    assert [type(answer) for answer in full[:2]] == [UnavailableError, UnavailableError]
    assert between == []
    assert await database.read(names) == ["b"]


@on_sqlite
async def test_a_commit_that_fails_is_nobodys_success(database: Database, hold: threading.Event) -> None:
    orphan = (
        "INSERT INTO customer_identities (kind, value, customer_id, created_at) "
        "VALUES ('ref', 'x', '00000000000000000000000000000001', 0)"
    )
    answers = await queue(database, hold, (partial(put, name="a"), Lane.DESK), (run(orphan), Lane.DESK))
    await database.write(partial(put, name="b"))

    assert [type(answer) for answer in answers] == [UnavailableError, UnavailableError]
    assert await database.read(names) == ["b"]


@on_sqlite
async def test_a_value_sqlite_can_not_write_down_is_bad_data_as_on_postgresql(database: Database) -> None:
    for value in ("\ud800", 2**63):
        with pytest.raises((UnicodeError, OverflowError)) as caught:
            await database.write(run("INSERT INTO cursors VALUES (:v, 1)", v=value))
        assert dialect.fault_of(caught.value) is Fault.DATA


@on_sqlite
async def test_a_folder_is_open_once(database: Database, empty_settings: Settings) -> None:
    with pytest.raises(AlreadyOpenError, match="another process"):
        SqliteDatabase(empty_settings.sqlite_path, prepare=lambda: None)

    assert await database.write(partial(put, name="a")) == "a"


async def test_a_folder_whose_migration_failed_can_be_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "odd name?%41#.db"

    def fail() -> None:
        raise NotFoundError

    with pytest.raises(NotFoundError):
        SqliteDatabase(path, prepare=fail)
    again = SqliteDatabase(path, prepare=lambda: None)
    assert await again.write(lambda session: session.scalar(select(func.count()))) == 1
    await again.close()

    assert path.exists()


@on_sqlite
async def test_closing_finishes_what_waits_and_refuses_what_comes_later(
    database: Database, hold: threading.Event, empty_settings: Settings
) -> None:
    work = asyncio.ensure_future(
        queue(database, hold, *((partial(put, name=f"{n:02}"), Lane.BULK) for n in range(20)))
    )
    await asyncio.sleep(0.05)
    await database.close()

    assert await work == [f"{n:02}" for n in range(20)]
    for late in (database.write(names), database.read(names)):
        with pytest.raises(UnavailableError):
            await late
    with sqlite3.connect(empty_settings.sqlite_path) as stored:
        assert stored.execute("SELECT count(*) FROM cursors").fetchone()[0] == 21
    stored.close()


async def test_reading_for_too_long_is_interrupted_and_the_reader_lives_on(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    path = tmp_path / "heard.db"
    database = SqliteDatabase(path, prepare=lambda: None, read_seconds=0.05)
    try:
        with pytest.raises(UnavailableError, match="took too long"):
            await database.read(lambda session: session.scalar(text(endless)))
        after = await database.read(lambda session: session.scalar(text("SELECT 1")))
    finally:
        await database.close()

    assert after == 1


async def test_an_error_is_never_its_own_cause(database: Database) -> None:
    def refuse(_session: Session) -> None:
        raise NotFoundError

    for ask in (database.read, database.write):
        with pytest.raises(NotFoundError) as caught:
            await ask(refuse)
        assert caught.value.__cause__ is None
