"""SQL for response times: the episodes of a clock, ranked by how long they took."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import CTE, BigInteger, SQLColumnExpression, case, cast, func, null, or_, select
from sqlalchemy.orm import Session

from app.db.dialect import microseconds_between
from app.metrics.query import View
from app.metrics.rules import MICROSECONDS, PERCENTILES, Durations, reaches
from app.metrics.store import Place, Population, facts, grouped, keys
from app.models.tickets import Clock, Ticket


def durations(session: Session, view: View, *, clock: str, within: Sequence[int]) -> dict[Place, Durations]:
    """Return what each place holds of a clock's episodes."""
    ranked = _ranked(view, clock)
    rank, n, took = ranked.c.rank, ranked.c.n, ranked.c.took
    found = grouped(
        session,
        view,
        ranked,
        func.count(took),
        func.sum(ranked.c.is_open),
        func.sum(ranked.c.is_inconsistent),
        # A sum of microseconds can pass 64 bits, where SQLite fails: seconds and the rest are summed apart.
        func.sum(took // MICROSECONDS),
        func.sum(took % MICROSECONDS),
        func.max(took),
        *(func.min(case((reaches(rank, n, percent), took))) for percent in PERCENTILES),
        *(func.count(case((took <= seconds * MICROSECONDS, 1))) for seconds in within),
    )
    return {place: _durations(figures) for place, figures in found}


def _durations(figures: Sequence[int | None]) -> Durations:
    n, n_open, n_inconsistent, whole, rest, longest, *others = figures
    return Durations(
        n=n or 0,
        n_open=n_open or 0,
        n_inconsistent=n_inconsistent or 0,
        ranked=tuple(others[: len(PERCENTILES)]),
        total=int(whole or 0) * MICROSECONDS + int(rest or 0),
        longest=longest,
        within=tuple(each or 0 for each in others[len(PERCENTILES) :]),
    )


def _ranked(view: View, clock: str) -> CTE:
    """Return a view's episodes, each with its rank and the number of ranked ones in its place.

    An open or inconsistent episode took null: it sorts last, and no figure of durations sees it.
    """
    begins = Ticket.occurred_at if clock == "resolution" else Clock.started_at
    inconsistent = or_(Clock.inconsistent, Clock.stopped_at < begins, Clock.stopped_at < Ticket.occurred_at)
    took = case((inconsistent, null()), else_=microseconds_between(begins, Clock.stopped_at))
    episodes = facts(
        view,
        _episodes(clock, begins),
        cast(took, BigInteger).label("took"),
        case((inconsistent, 0), (Clock.stopped_at.is_(None), 1), else_=0).label("is_open"),
        case((inconsistent, 1), else_=0).label("is_inconsistent"),
    )
    place = keys(view, episodes)
    return select(
        episodes,
        func.row_number().over(partition_by=place, order_by=episodes.c.took.asc().nulls_last()).label("rank"),
        func.count(episodes.c.took).over(partition_by=place).label("n"),
    ).cte("ranked")


def _episodes(clock: str, begins: SQLColumnExpression[datetime]) -> Population:
    """Return the episodes of a clock; of the two resolution clocks, one episode a ticket."""
    which = {
        "resolution": (Clock.name == "resolution", Clock.is_last),
        "resolution_first": (Clock.name == "resolution", Clock.ordinal == 1),
    }.get(clock, (Clock.name == clock,))
    return Population(
        rows=Clock.__table__.join(Ticket.__table__, Ticket.id == Clock.ticket_id),
        where=(*which, Ticket.quarantined_at.is_(None)),
        at=begins,
        dimensions={
            "site": Ticket.site_id,
            "channel": Ticket.channel,
            "source": Ticket.source_id,
            "kind": Ticket.kind,
            "team": Ticket.team_id,
            "agent": case((Clock.stopped_at.is_(None), Ticket.assignee_id), else_=Clock.agent_id),
            "priority": Ticket.priority,
            "topic": Ticket.topic,
            "product": Ticket.product,
            "language": Ticket.language,
            "origin": Ticket.origin,
        },
    )
