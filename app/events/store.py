"""SQL for events, the outbox and the stream, and for what was already received."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, select, tuple_, update
from sqlalchemy.orm import Session

from app.db import dialect
from app.models.access import ConfigurationVersion
from app.models.events import Cursor, Event, ExternalId, Idempotency, Outbox, StreamEntry

PUBLISHER = "publisher"


@dataclass(frozen=True, slots=True)
class Happening:
    """An event about to be recorded; `data` holds ids, codes and numbers only."""

    subject_type: str
    subject_id: UUID
    subject_version: int
    type: str
    occurred_at: datetime
    received_at: datetime
    actor_id: UUID | None = None
    data: dict[str, Any] = field(default_factory=dict)


def record(session: Session, happenings: Sequence[Happening]) -> None:
    """Record events, each with its outbox row, in the order given."""
    if not happenings:
        return
    rows = [
        {
            "subject_type": it.subject_type,
            "subject_id": it.subject_id,
            "subject_version": it.subject_version,
            "type": it.type,
            "occurred_at": it.occurred_at,
            "received_at": it.received_at,
            "actor_id": it.actor_id,
            "data": it.data,
        }
        for it in happenings
    ]
    ids = dialect.insert_numbered(session, Event, rows)
    dialect.insert_rows(session, Outbox, [{"event_id": each} for each in ids])


def record_configuration(
    session: Session,
    kind: str,
    subject_id: UUID,
    *,
    by: UUID | None,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    """Record a change of configuration and raise its version, so that every process reloads."""
    raised = update(ConfigurationVersion).values(version=ConfigurationVersion.version + 1)
    version = session.scalars(raised.returning(ConfigurationVersion.version)).one()
    happening = Happening("configuration", subject_id, version, kind, now, now, by, data or {})
    record(session, [happening])


def of_subject(session: Session, subject_id: UUID) -> list[Event]:
    """Return a subject's events in replay order: (occurred_at, version)."""
    order = (Event.occurred_at, Event.subject_version)
    return list(session.scalars(select(Event).where(Event.subject_id == subject_id).order_by(*order)))


def last_witnessed_at(session: Session, subject_id: UUID) -> datetime | None:
    """Return when we last recorded that something happened to this subject.

    What a sender's clock has a moment ahead of ours is taken at its word: nothing we witness precedes it.
    """
    newest = select(func.max(Event.received_at), func.max(Event.occurred_at))
    both = session.execute(newest.where(Event.subject_id == subject_id, is_move())).one()
    return max((at for at in both if at is not None), default=None)


def last_of(session: Session, subject_id: UUID, kinds: Collection[str]) -> datetime | None:
    """Return when something of these kinds happened to this subject last."""
    newest = select(func.max(Event.occurred_at))
    return session.scalar(newest.where(Event.subject_id == subject_id, Event.type.in_(sorted(kinds))))


def is_move() -> ColumnElement[bool]:
    """Match what happened to a subject, not what was said of its clocks."""
    return ~Event.type.startswith("sla.")


def is_unpublished(session: Session) -> bool:
    """Whether any event waits for its place in the stream."""
    return session.scalar(select(Outbox.event_id).limit(1)) is not None


def lock_publisher(session: Session) -> Cursor:
    """Return the publisher's cursor, locked: nobody else moves what is in the outbox or the stream."""
    return session.scalars(select(Cursor).where(Cursor.name == PUBLISHER).with_for_update()).one()


def publish(session: Session, *, most: int) -> int:
    """Move events from the outbox into the stream, without gaps, and return how many.

    The publisher's row is locked, not leased: a second publisher waits, a dead one leaves no lock.
    """
    cursor = lock_publisher(session)
    place = cursor.sequence + func.row_number().over(order_by=Outbox.event_id)
    waiting = select(place, Outbox.event_id).order_by(Outbox.event_id).limit(most)
    into = insert(StreamEntry).from_select(["sequence", "event_id"], waiting)
    moved = session.scalars(into.returning(StreamEntry.event_id)).all()
    session.execute(delete(Outbox).where(Outbox.event_id.in_(moved)))
    cursor.sequence += len(moved)
    return len(moved)


def claim_keys(session: Session, rows: Iterable[dict[str, Any]], *, now: datetime) -> set[tuple[str, str]]:
    """Record idempotency keys, and return those (scope, key hash) that were new or long expired.

    Rows must be distinct by (scope, key_hash).
    """
    wanted = {
        (row["scope"], row["key_hash"]): row
        for row in sorted(rows, key=lambda row: (row["scope"], row["key_hash"]))
    }
    won = dialect.insert_new(session, Idempotency, list(wanted.values()), key=("scope", "key_hash"))
    for key in sorted(wanted.keys() - won):
        row = wanted[key]
        renewed = update(Idempotency).values(
            {name: row[name] for name in ("fingerprint", "status", "subject_id", "expires_at")}
        )
        expired = (Idempotency.scope == key[0], Idempotency.key_hash == key[1], Idempotency.expires_at <= now)
        if session.scalar(renewed.where(*expired).returning(Idempotency.status)) is not None:
            won.add(key)
    return won


def known_keys(session: Session, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Idempotency]:
    """Return what is recorded under these (scope, key hash)."""
    wanted = list(keys)
    if not wanted:
        return {}
    found = session.scalars(
        select(Idempotency).where(tuple_(Idempotency.scope, Idempotency.key_hash).in_(wanted)),
        execution_options={"populate_existing": True},
    )
    return {(row.scope, row.key_hash): row for row in found}


def settle_key(session: Session, key: tuple[str, str], *, status: int, subject_id: UUID) -> None:
    """Correct our own fresh record of a key once its outcome is known to be another subject's."""
    changed = update(Idempotency).where(Idempotency.scope == key[0], Idempotency.key_hash == key[1])
    session.execute(changed.values(status=status, subject_id=subject_id))


def claim_external_ids(session: Session, rows: Iterable[dict[str, Any]]) -> set[tuple[UUID, str]]:
    """Record external ids, and return those (source, external id) that were new; rows distinct by both."""
    ordered = sorted(rows, key=lambda row: (row["source_id"], row["external_id"]))
    return dialect.insert_new(session, ExternalId, ordered, key=("source_id", "external_id"))


def known_external_ids(
    session: Session, ids: Iterable[tuple[UUID, str]]
) -> dict[tuple[UUID, str], ExternalId]:
    """Return what is recorded under these (source, external id)."""
    wanted = list(ids)
    if not wanted:
        return {}
    found = session.scalars(
        select(ExternalId).where(tuple_(ExternalId.source_id, ExternalId.external_id).in_(wanted))
    )
    return {(row.source_id, row.external_id): row for row in found}
