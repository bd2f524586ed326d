"""SQL for the waiting episodes that response times and promises are both counted from."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, SQLColumnExpression, case, or_, select
from sqlalchemy.orm import Session

from app.errors import invalid
from app.metrics.query import CLOCKS
from app.metrics.store import Population
from app.models.sla import Clock, PolicyVersion
from app.models.tickets import Ticket
from app.policies.documents import own_clocks

EPISODES = Clock.__table__.join(Ticket.__table__, Ticket.id == Clock.ticket_id)
IS_LAST = Clock.is_last.is_(True)


def require(session: Session, clock: str) -> None:
    """Refuse a clock that no policy ever had.

    Raises:
        ValidationError: nobody knows it.
    """
    if clock in CLOCKS:
        return
    if clock not in own_clocks(session.scalars(select(PolicyVersion.document))):
        raise invalid("/query/clock", "unknown", "no policy has a clock of that name")


def of(clock: str, *, is_last: ColumnElement[bool] = IS_LAST) -> tuple[ColumnElement[bool], ...]:
    """Select the episodes of a clock as questions name it; of the two resolution clocks, one a ticket."""
    if clock == "resolution":
        return Clock.name == clock, is_last
    if clock == "resolution_first":
        return Clock.name == "resolution", Clock.ordinal == 1
    return (Clock.name == clock,)


def population(
    *which: ColumnElement[bool],
    at: SQLColumnExpression[datetime],
    stopped: SQLColumnExpression[datetime | None],
    rows: FromClause = EPISODES,
) -> Population:
    """Return episodes out of quarantine; of one that runs, the agent is who has the ticket."""
    return Population(
        rows=rows,
        where=(*which, Ticket.quarantined_at.is_(None)),
        at=at,
        dimensions={
            "site": Ticket.site_id,
            "channel": Ticket.channel,
            "source": Ticket.source_id,
            "kind": Ticket.kind,
            "team": Ticket.team_id,
            "agent": case((stopped.is_(None), Ticket.assignee_id), else_=Clock.agent_id),
            "priority": Ticket.priority,
            "topic": Ticket.topic,
            "product": Ticket.product,
            "language": Ticket.language,
            "segment": Ticket.segment,
            "policy": Clock.policy_id,
            "origin": Ticket.origin,
        },
    )


def inconsistent(
    begins: SQLColumnExpression[datetime], stopped: SQLColumnExpression[Any]
) -> ColumnElement[bool]:
    """Whether an episode ended before it began, or before its ticket did; null where it still runs."""
    return or_(stopped < begins, stopped < Ticket.occurred_at)
