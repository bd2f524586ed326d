"""SQL for finding clocks that run under older terms."""

from uuid import UUID

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from app.models.sla import Calendar, Clock, Policy

RUNNING = Clock.stopped_at.is_(None)


def look_at_running(session: Session, *, after: UUID | None, most: int) -> dict[UUID, bool]:
    """Return the next tickets, by id, that have a running clock, and whether other terms judged one.

    A ticket without a policy counts as such as long as there is one that could take it. The tickets are
    picked first, or the database would read all that are left to find a few.
    """
    next_ones = select(Clock.ticket_id).where(RUNNING).distinct().order_by(Clock.ticket_id).limit(most)
    those = (next_ones if after is None else next_ones.where(Clock.ticket_id > after)).subquery()
    other = or_(
        Policy.deleted_at.is_not(None),
        Policy.version != Clock.policy_version,
        Calendar.version != Clock.calendar_version,
        and_(Clock.policy_id.is_(None), exists().where(Policy.deleted_at.is_(None)).correlate(None)),
    )
    query = (
        select(those.c.ticket_id, func.count().filter(other))
        .join(Clock, and_(Clock.ticket_id == those.c.ticket_id, RUNNING))
        .outerjoin(Policy, Policy.id == Clock.policy_id)
        .outerjoin(Calendar, Calendar.id == Clock.calendar_id)
        .group_by(those.c.ticket_id)
        .order_by(those.c.ticket_id)
    )
    return {ticket_id: bool(others) for ticket_id, others in session.execute(query)}
