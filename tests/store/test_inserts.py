"""Rows in bulk: every type comes back as it went in, and what can't be written is found in its row."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Table, select
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.orm import Session

from app.db import dialect, inserts
from app.db.dialect import Fault
from app.models.customers import Customer
from app.models.events import Event, Idempotency
from app.services import Services

NOW = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
SUBJECT = UUID(int=7)


def event(version: int, **more: Any) -> dict[str, Any]:
    return {
        "subject_type": "ticket", "subject_id": SUBJECT, "subject_version": version, "type": "ticket.opened",
        "actor_id": None, "occurred_at": NOW, "received_at": NOW, "data": {"words": 'ä "\\ {NULL,1}'}, **more,
    }  # fmt: skip


def record(key: str, **more: Any) -> dict[str, Any]:
    return {
        "scope": "s", "key_hash": key, "fingerprint": "f", "status": 201, "subject_id": SUBJECT,
        "expires_at": NOW, **more,
    }  # fmt: skip


async def test_what_goes_in_comes_out(services: Services) -> None:
    rows = [event(1), event(2, actor_id=UUID(int=8), data={"n": [1, 2.5, None, True]})]
    numbers = await services.write(lambda s: dialect.insert_numbered(s, Event, rows))
    found = await services.read(
        lambda s: [
            {name: getattr(each, name) for name in rows[0]}
            for each in s.scalars(select(Event).where(Event.id.in_(numbers)).order_by(Event.subject_version))
        ]
    )
    assert found == rows
    assert len(numbers) == 2


async def test_those_that_are_known_stay_as_they_are_and_are_not_returned(services: Services) -> None:
    def put(session: Session) -> list[set[tuple[Any, ...]]]:
        key = ("scope", "key_hash")
        return [
            dialect.insert_new(session, Idempotency, [record("a")], key=key),
            dialect.insert_new(session, Idempotency, [record("a", status=409), record("b")], key=key),
        ]

    assert await services.write(put) == [{("s", "a")}, {("s", "b")}]
    kept = await services.read(lambda s: s.scalars(select(Idempotency.status)).all())
    assert kept == [201, 201]


async def test_more_rows_than_a_statement_has_room_for_values(services: Services) -> None:
    rows = [record(f"{number:06}") for number in range(6_000)]
    won = await services.write(lambda s: dialect.insert_new(s, Idempotency, rows, key=("scope", "key_hash")))
    assert len(won) == len(rows)


@pytest.mark.parametrize(
    "flaw",
    [
        pytest.param({"received_at": NOW.replace(tzinfo=None)}, id="a naive time"),
        pytest.param({"data": {"what": object()}}, id="no JSON"),
        pytest.param({"subject_version": 2**70}, id="too large"),
        pytest.param({"type": "\ud800"}, id="half a character"),
    ],
)
async def test_a_value_that_cannot_be_written_is_bad_data(services: Services, flaw: dict[str, Any]) -> None:
    with pytest.raises((StatementError, UnicodeError, OverflowError)) as caught:
        await services.write(lambda s: dialect.insert_numbered(s, Event, [event(1), event(2, **flaw)]))
    assert dialect.fault_of(caught.value) is Fault.DATA


async def test_a_text_too_long_for_its_column_is_refused_not_cut(services: Services, kind: str) -> None:
    if kind == "sqlite":
        pytest.skip("SQLite knows no lengths")
    with pytest.raises(DBAPIError) as caught:
        await services.write(lambda s: dialect.insert_numbered(s, Event, [event(1, type="x" * 41)]))
    assert dialect.fault_of(caught.value) is Fault.DATA


async def test_returned_values_are_pythons(services: Services) -> None:
    table: Table = Customer.__table__  # type: ignore[assignment]
    row = {"id": SUBJECT, "name": "Ana", "import_id": None, "created_at": NOW}
    found = await services.write(lambda s: inserts.insert(s, table, [row], returning=("id", "created_at")))
    assert found == [(SUBJECT, NOW)]


async def test_many_rows_are_written_by_their_ids(services: Services) -> None:
    """More rows than one statement of SQLite can bind, of columns of every kind, and nothing else changes."""
    table: Table = Customer.__table__  # type: ignore[assignment]
    rows = [
        {"id": UUID(int=number), "name": str(number), "import_id": None, "created_at": NOW}
        for number in range(1, 12_001)
    ]
    later = NOW + timedelta(microseconds=1)
    changed = [{"id": row["id"], "name": None, "import_id": SUBJECT, "created_at": later} for row in rows[1:]]

    def fn(session: Session) -> list[tuple[Any, ...]]:
        dialect.insert_rows(session, Customer, rows)
        dialect.update_rows(session, Customer, changed)
        dialect.update_rows(session, Customer, [])
        return [tuple(row) for row in session.execute(select(table).order_by(table.c.id))]

    found = await services.write(fn)
    assert found[0] == (UUID(int=1), "1", None, NOW)
    assert set(found[1:]) == {(row["id"], None, SUBJECT, later) for row in changed}
