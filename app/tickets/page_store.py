"""SQL for lists of tickets: filters, and pages by keyset over an instant and the id."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from app.db import dialect
from app.models.people import Agent, Team
from app.models.sla import Policy
from app.models.tickets import Ticket
from app.people.rules import Viewer
from app.tickets import sla_store
from app.tickets.rules import searchable


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tickets are asked for, and in what order; an empty filter lets all through.

    Teams, assignees and policies by id or name. By `due` there is only what is due at all.
    """

    status: Sequence[str] = ()
    kind: Sequence[str] = ()
    channel: Sequence[str] = ()
    priority: Sequence[str] = ()
    origin: Sequence[str] = ()
    team: Sequence[str] = ()
    assignee: Sequence[str] = ()
    q: str | None = None
    quarantined: bool = False
    sla: Sequence[str] = ()
    policy: Sequence[str] = ()
    segment: Sequence[str] = ()
    due_before: datetime | None = None
    sort: str = "received"


Place = tuple[datetime, UUID]


def page(
    session: Session, wanted: Wanted, *, seen_by: Viewer, after: Place | None, limit: int, now: datetime
) -> list[Ticket]:
    """Return up to `limit` tickets that come after a place, the earliest first.

    By what is due, those that are closed are left out: whatever they still owe, nobody can do it any more.
    """
    at = Ticket.next_due_at if wanted.sort == "due" else Ticket.received_at
    query = select(Ticket).where(at.is_not(None), *_conditions(wanted, seen_by, now))
    if wanted.sort == "due":
        query = query.where(Ticket.status != literal("closed", literal_execute=True))
    if after is not None:
        # Without its column's type SQLite would compare an instant as text with numbers.
        place = (literal(after[0], at.type), literal(after[1], Ticket.id.type))
        query = query.where(tuple_(at, Ticket.id) > tuple_(*place))
    return list(session.scalars(query.order_by(at, Ticket.id).limit(limit)))


def _conditions(wanted: Wanted, viewer: Viewer, now: datetime) -> list[ColumnElement[bool]]:
    plain = {
        Ticket.status: wanted.status,
        Ticket.kind: wanted.kind,
        Ticket.channel: wanted.channel,
        Ticket.priority: wanted.priority,
        Ticket.origin: wanted.origin,
        Ticket.segment: wanted.segment,
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
    if wanted.policy:
        conditions.append(Ticket.policy_id.in_(_named(Policy, wanted.policy)))
    if wanted.sla:
        conditions.append(sla_store.stands(wanted.sla, now=now))
    if wanted.due_before is not None:
        conditions.append(Ticket.next_due_at < wanted.due_before)
    if wanted.q:
        conditions.append(dialect.contains(Ticket.search_text.expression, searchable(wanted.q)))
    return conditions


def _named(model: type[Agent] | type[Team] | type[Policy], values: Sequence[str]) -> Select[UUID]:
    ids = [UUID(value) for value in values if _is_uuid(value)]
    return select(model.id).where(or_(model.name.in_(values), model.id.in_(ids)))


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
