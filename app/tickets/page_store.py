"""SQL for lists of tickets: filters, and pages by keyset over (received_at, id)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from app.db import dialect
from app.models.people import Agent, Team
from app.models.tickets import Ticket
from app.people.rules import Viewer
from app.tickets.rules import searchable


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tickets are asked for; an empty filter lets all through. Teams and assignees by id or name."""

    status: Sequence[str] = ()
    kind: Sequence[str] = ()
    channel: Sequence[str] = ()
    priority: Sequence[str] = ()
    origin: Sequence[str] = ()
    team: Sequence[str] = ()
    assignee: Sequence[str] = ()
    q: str | None = None
    quarantined: bool = False


Place = tuple[datetime, UUID]


def page(
    session: Session, wanted: Wanted, *, seen_by: Viewer, after: Place | None, limit: int
) -> list[Ticket]:
    """Return up to `limit` tickets that come after a place, oldest received first."""
    query = select(Ticket).where(*_conditions(wanted, seen_by))
    if after is not None:
        # Without its column's type SQLite would compare an instant as text with numbers.
        place = (literal(after[0], Ticket.received_at.type), literal(after[1], Ticket.id.type))
        query = query.where(tuple_(Ticket.received_at, Ticket.id) > tuple_(*place))
    return list(session.scalars(query.order_by(Ticket.received_at, Ticket.id).limit(limit)))


def _conditions(wanted: Wanted, viewer: Viewer) -> list[ColumnElement[bool]]:
    plain = {
        Ticket.status: wanted.status,
        Ticket.kind: wanted.kind,
        Ticket.channel: wanted.channel,
        Ticket.priority: wanted.priority,
        Ticket.origin: wanted.origin,
    }
    conditions: list[ColumnElement[bool]] = [column.in_(values) for column, values in plain.items() if values]
    conditions.append(
        Ticket.quarantined_at.is_not(None) if wanted.quarantined else Ticket.quarantined_at.is_(None)
    )
    if viewer.team_ids is not None:
        conditions.append(Ticket.team_id.in_(viewer.team_ids))
    if wanted.team:
        conditions.append(Ticket.team_id.in_(_named(Team, wanted.team)))
    if wanted.assignee:
        conditions.append(Ticket.assignee_id.in_(_named(Agent, wanted.assignee)))
    if wanted.q:
        conditions.append(dialect.contains(Ticket.search_text.expression, searchable(wanted.q)))
    return conditions


def _named(model: type[Agent] | type[Team], values: Sequence[str]) -> Select[UUID]:
    ids = [UUID(value) for value in values if _is_uuid(value)]
    return select(model.id).where(or_(model.name.in_(values), model.id.in_(ids)))


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
