"""SQL for how tickets stand by their clocks: the worst of each, and what shows it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session

from app.models.sla import Clock, Policy
from app.models.tickets import Ticket

_RANKS: Mapping[str, int] = MappingProxyType({"none": 0, "ok": 1, "warning": 2, "breached": 3})
_BY_RANK: Mapping[int, str] = MappingProxyType({rank: name for name, rank in _RANKS.items()})
_JUDGED = Clock.target_seconds.is_not(None)


def standings(session: Session, ticket_ids: Iterable[UUID], *, now: datetime) -> dict[UUID, str]:
    """Return how each ticket stands that has a clock with a target."""
    query = select(Clock.ticket_id, _worst(now)).where(Clock.ticket_id.in_(set(ticket_ids)), _JUDGED)
    return {each: _BY_RANK[rank] for each, rank in session.execute(query.group_by(Clock.ticket_id))}


def stands(as_one_of: Iterable[str], *, now: datetime) -> ColumnElement[bool]:
    """Select tickets that stand as one of these."""
    names = set(as_one_of)
    worst = select(_worst(now)).where(Clock.ticket_id == Ticket.id, _JUDGED).scalar_subquery()
    stands_so = func.coalesce(worst, _RANKS["none"]).in_([_RANKS[each] for each in names])
    if names != {"warning"}:
        return stands_so
    # Few of all tickets are, and an index has the clocks that run.
    return and_(Ticket.id.in_(select(Clock.ticket_id).where(_is_warned(now))), stands_so)


def _worst(now: datetime) -> ColumnElement[int]:
    """Return the rank of the worst clock: past its due instant when it stopped or by now, else warned of."""
    is_late = Clock.due_at < func.coalesce(Clock.stopped_at, literal(now, Clock.due_at.type))
    ranks = case((is_late, _RANKS["breached"]), (_is_warned(now), _RANKS["warning"]), else_=_RANKS["ok"])
    return func.max(ranks)


def _is_warned(now: datetime) -> ColumnElement[bool]:
    """Tell whether a clock runs that was warned of, or would be by now.

    This does not wait for the watch: when that has to look again before a clock is due, a warning is.
    """
    is_next = and_(Clock.next_at <= now, or_(Clock.due_at.is_(None), Clock.next_at < Clock.due_at))
    return and_(Clock.stopped_at.is_(None), or_(Clock.warned > 0, is_next))


def policy_names(session: Session, policy_ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """Return the names of policies, deleted ones too."""
    wanted = {each for each in policy_ids if each}
    return dict(session.execute(select(Policy.id, Policy.name).where(Policy.id.in_(wanted))).all())


def answer_due_at(session: Session, ticket_id: UUID) -> datetime | None:
    """Return when a ticket's first answer falls due, or fell."""
    query = select(Clock.due_at).where(Clock.ticket_id == ticket_id, Clock.name == "first_response")
    return session.scalar(query.order_by(Clock.ordinal).limit(1))
