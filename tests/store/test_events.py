"""Events reach the stream once each and without gaps; keys are claimed once, and again once expired."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db.database import Database
from app.events import store
from app.events.store import Happening
from app.models.events import Cursor, Event, Outbox, StreamEntry
from tests.store.test_database import database

__all__ = ["database"]
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def happening(number: int, version: int = 1, *, at: datetime = NOW) -> Happening:
    return Happening("ticket", UUID(int=number), version, "ticket.opened", at, at)


def stream(session: Session) -> list[tuple[int, int]]:
    """Return (sequence, subject) of every entry."""
    query = select(StreamEntry.sequence, Event.subject_id).join(Event, Event.id == StreamEntry.event_id)
    return [(row[0], row[1].int) for row in session.execute(query.order_by(StreamEntry.sequence))]


def waiting(session: Session) -> int:
    return session.scalars(select(func.count()).select_from(Outbox)).one()


async def test_events_reach_the_stream_in_order_without_gaps_or_twins(database: Database) -> None:
    for number in range(1, 8):
        await database.write(partial(store.record, happenings=[happening(number), happening(number + 100)]))
    moved = [await database.write(partial(store.publish, most=5)) for _ in range(4)]

    assert moved == [5, 5, 4, 0]
    assert await database.read(waiting) == 0
    assert await database.read(stream) == [
        (place, number)
        for place, number in enumerate([n + m for n in range(1, 8) for m in (0, 100)], start=1)
    ]


async def test_two_publishers_at_once_move_each_event_once(database: Database) -> None:
    await database.write(partial(store.record, happenings=[happening(n) for n in range(40)]))
    moved = await asyncio.gather(*(database.write(partial(store.publish, most=10)) for _ in range(6)))

    assert sum(moved) == 40
    assert [sequence for sequence, _ in await database.read(stream)] == list(range(1, 41))
    last = await database.read(
        lambda s: s.scalar(select(Cursor.sequence).where(Cursor.name == store.PUBLISHER))
    )
    assert last == 40


async def test_a_subject_has_one_event_a_version(database: Database) -> None:
    await database.write(partial(store.record, happenings=[happening(1)]))
    with pytest.raises(IntegrityError):
        await database.write(partial(store.record, happenings=[happening(2), happening(1)]))

    assert await database.read(waiting) == 1


async def test_a_subjects_events_are_replayed_by_when_they_happened(database: Database) -> None:
    late = [happening(1, 1, at=NOW), happening(1, 2, at=NOW - timedelta(hours=1)), happening(1, 3, at=NOW)]
    await database.write(partial(store.record, happenings=late))
    order = await database.read(
        lambda session: [each.subject_version for each in store.of_subject(session, UUID(int=1))]
    )

    assert order == [2, 1, 3]


def key(name: str, fingerprint: str, *, expires_at: datetime = NOW + timedelta(hours=1)) -> dict[str, object]:
    return {
        "scope": "s", "key_hash": name, "fingerprint": fingerprint, "status": 201, "subject_id": UUID(int=1),
        "expires_at": expires_at,
    }  # fmt: skip


async def test_a_key_is_claimed_once_until_it_expires(database: Database) -> None:
    def claim(session: Session, *names: str, now: datetime, fingerprint: str) -> list[str]:
        rows = [key(name, fingerprint, expires_at=now + timedelta(hours=1)) for name in names]
        return sorted(name for _, name in store.claim_keys(session, rows, now=now))

    first = await database.write(lambda s: claim(s, "k", "l", now=NOW, fingerprint="a"))
    again = await database.write(
        lambda s: claim(s, "k", "m", now=NOW + timedelta(minutes=59), fingerprint="b")
    )
    expired = await database.write(
        lambda s: claim(s, "l", "k", now=NOW + timedelta(hours=1), fingerprint="c")
    )
    kept = await database.read(
        lambda s: {k[1]: row.fingerprint for k, row in store.known_keys(s, [("s", n) for n in "klm"]).items()}
    )

    assert (first, again, expired) == (["k", "l"], ["m"], ["k", "l"])
    assert kept == {"k": "c", "l": "c", "m": "b"}


async def test_an_external_id_is_claimed_once_for_ever(database: Database) -> None:
    def claim(session: Session, *names: str) -> list[str]:
        rows = [
            {
                "source_id": UUID(int=1),
                "external_id": name,
                "fingerprint": "f",
                "subject_id": UUID(int=2),
                "import_id": None,
            }
            for name in names
        ]
        return sorted(name for _, name in store.claim_external_ids(session, rows))

    first = await database.write(lambda s: claim(s, "b", "a"))
    again = await database.write(lambda s: claim(s, "c", "b"))

    assert (first, again) == (["a", "b"], ["c"])
    assert await database.read(lambda s: store.known_external_ids(s, [])) == {}
