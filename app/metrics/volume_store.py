"""SQL for volume: tickets and standalone submissions, each counted once."""

from sqlalchemy import CTE, case, exists, func, literal, null, select, type_coerce, union_all
from sqlalchemy.orm import Session, aliased

from app.metrics.query import TICKET_DIMENSIONS, View
from app.metrics.store import Place, Population, facts, grouped
from app.models.satisfaction import Score
from app.models.tickets import Ticket

_COLUMNS = ("at", "quarantined_at", "origin", *TICKET_DIMENSIONS)


def counts(session: Session, view: View) -> dict[Place, tuple[int, int]]:
    """Return for each place how many came in, and how many more wait in quarantine."""
    came = _came_in()
    dimensions = {name: came.c[name] for name in (*TICKET_DIMENSIONS, "origin")}
    rows = facts(view, Population(came, (), came.c.at, dimensions), came.c.quarantined_at)
    held = rows.c.quarantined_at
    found = grouped(session, view, rows, func.count(case((held.is_(None), 1))), func.count(held))
    return {place: (n, quarantined) for place, (n, quarantined) in found}


def _came_in() -> CTE:
    """Return everything that came in, one row each: a submission of several scores is its first score."""
    earlier = aliased(Score)
    tickets = {
        "at": Ticket.occurred_at,
        "quarantined_at": Ticket.quarantined_at,
        "origin": Ticket.origin,
        "site": Ticket.site_id,
        "channel": Ticket.channel,
        "source": Ticket.source_id,
        "kind": Ticket.kind,
        "team": Ticket.team_id,
        "agent": Ticket.assignee_id,
        "priority": Ticket.priority,
        "topic": Ticket.topic,
        "product": Ticket.product,
        "language": Ticket.language,
        "segment": Ticket.segment,
        "policy": Ticket.policy_id,
    }
    scores = {
        "at": Score.given_at,
        "quarantined_at": Score.quarantined_at,
        "origin": Score.origin,
        "site": Score.site_id,
        "channel": Score.channel,
        "source": Score.source_id,
        "kind": literal("score"),
        "team": Score.team_id,
        "agent": Score.agent_id,
        "priority": type_coerce(null(), Ticket.priority.type),
        "topic": Score.topic,
        "product": Score.product,
        "language": Score.language,
        "segment": type_coerce(null(), Ticket.segment.type),
        "policy": type_coerce(null(), Ticket.policy_id.type),
    }
    same = earlier.submission_id == Score.submission_id
    first = ~exists().where(same, earlier.standalone, earlier.id < Score.id)
    return union_all(
        select(*(tickets[name].label(name) for name in _COLUMNS)),
        select(*(scores[name].label(name) for name in _COLUMNS)).where(Score.standalone, first),
    ).cte("came_in")
