"""SQL for the clocks."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, delete, or_, select
from sqlalchemy.orm import Session

from app.db import dialect
from app.events.store import is_move
from app.models.events import Event
from app.models.sla import Clock
from app.models.tickets import Ticket

_CLOCK = [*Clock.__table__.columns]
_TICKET = [
    getattr(Ticket, name)
    for name in (
        "id", "kind", "channel", "priority", "language", "segment", "topic", "product", "site_id",
        "source_id", "origin", "quarantined_at", "received_at", "queue_at", "policy_id", "next_due_at",
        "version", "replayed_version", "replayed_at", "replayed_standing",
    )
]  # fmt: skip
_EVENT = (
    Event.subject_id.label("ticket_id"), Event.type, Event.subject_version, Event.occurred_at,
    Event.actor_id, Event.data,
)  # fmt: skip


def add_clocks(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Insert clocks."""
    dialect.insert_rows(session, Clock, rows)


def change_clocks(session: Session, groups: Iterable[Sequence[dict[str, Any]]]) -> None:
    """Write what was found different; the rows of a group, each with its id, have the same columns."""
    for rows in groups:
        dialect.update_rows(session, Clock, rows)


def drop_clocks(session: Session, clock_ids: Sequence[UUID]) -> None:
    """Delete episodes that a replay no longer finds."""
    if clock_ids:
        session.execute(delete(Clock).where(Clock.id.in_(clock_ids)))


def lock_tickets(session: Session, ticket_ids: Collection[UUID]) -> Sequence[Any]:
    """Return those tickets that nobody else has in hand, locked, with the columns that clocks depend on."""
    if not ticket_ids:
        return []
    query = select(*_TICKET).where(Ticket.id.in_(list(ticket_ids))).order_by(Ticket.id)
    return _read(session, query.with_for_update(skip_locked=True))


def write_tickets(session: Session, values: Mapping[UUID, dict[str, Any]]) -> None:
    """Write the same columns of many tickets."""
    dialect.update_rows(session, Ticket, [{**row, "id": ticket_id} for ticket_id, row in values.items()])


def current_clocks(session: Session, ticket_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Any]]:
    """Return of each ticket the clocks that run, and the last of each name."""
    return _clocks(session, ticket_ids, or_(Clock.stopped_at.is_(None), Clock.is_last))


def all_clocks(session: Session, ticket_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Any]]:
    """Return all clocks of each ticket."""
    return _clocks(session, ticket_ids)


def new_events(session: Session, ticket_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Any]]:
    """Return of each ticket the events its clocks have not seen, by version."""
    unseen = and_(Ticket.id == Event.subject_id, Event.subject_version > Ticket.replayed_version)
    query = select(*_EVENT).join(Ticket, unseen).where(Ticket.id.in_(list(ticket_ids)), is_move())
    return _by_ticket(session, query.order_by(Event.subject_version), ticket_ids)


def all_events(session: Session, ticket_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Any]]:
    """Return all events of each ticket, by version."""
    query = select(*_EVENT).where(Event.subject_id.in_(list(ticket_ids)), is_move())
    return _by_ticket(session, query.order_by(Event.subject_version), ticket_ids)


def _clocks(
    session: Session, ticket_ids: Collection[UUID], *where: ColumnElement[bool]
) -> Mapping[UUID, Sequence[Any]]:
    query = select(*_CLOCK).where(Clock.ticket_id.in_(list(ticket_ids)), *where)
    return _by_ticket(session, query.order_by(Clock.name, Clock.ordinal), ticket_ids)


def _by_ticket(
    session: Session, query: Select[Any], ticket_ids: Collection[UUID]
) -> Mapping[UUID, Sequence[Any]]:
    """Return the rows of every ticket asked for, none for some; rows have its id as `ticket_id`."""
    found: dict[UUID, list[Any]] = {each: [] for each in ticket_ids}
    for row in _read(session, query) if ticket_ids else ():
        found[row.ticket_id].append(row)
    return found


def _read(session: Session, query: Select[Any]) -> list[Any]:
    """Return rows as plain values: a row looks a column up by its name, time and again, and is slow at it."""
    result = session.connection().execute(query)
    names = tuple(result.keys())
    return [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in result]
