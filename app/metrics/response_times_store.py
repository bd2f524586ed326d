"""SQL for response times: the episodes of a clock, ranked by how long they took."""

from collections.abc import Sequence

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    case,
    cast,
    func,
    null,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from app.db.dialect import microseconds_between
from app.metrics.episodes_store import inconsistent, of, population
from app.metrics.query import View
from app.metrics.rules import MICROSECONDS, PERCENTILES, Durations, reaches
from app.metrics.store import Place, facts, grouped, ranked
from app.models.sla import Clock
from app.models.tickets import Ticket


def durations(
    session: Session, view: View, *, clock: str, mode: str, within: Sequence[int]
) -> dict[Place, Durations]:
    """Return what each place holds of a clock's episodes."""
    rows = ranked(view, _episodes(view, clock, mode), "took")
    rank, n, took = rows.c.rank, rows.c.ranks, rows.c.took
    found = grouped(
        session,
        view,
        rows,
        func.count(took),
        func.sum(rows.c.is_open),
        func.sum(rows.c.is_inconsistent),
        func.sum(rows.c.is_unknown),
        # A sum of microseconds can pass 64 bits, where SQLite fails: seconds and the rest are summed apart.
        func.sum(took // MICROSECONDS),
        func.sum(took % MICROSECONDS),
        func.max(took),
        *(func.min(case((reaches(rank, n, percent), took))) for percent in PERCENTILES),
        *(func.count(case((took <= seconds * MICROSECONDS, 1))) for seconds in within),
    )
    return {place: _durations(figures) for place, figures in found}


def _durations(figures: Sequence[int | None]) -> Durations:
    n, n_open, n_inconsistent, n_unknown, whole, rest, longest, *others = figures
    return Durations(
        n=n or 0,
        n_open=n_open or 0,
        n_inconsistent=n_inconsistent or 0,
        n_unknown=n_unknown or 0,
        ranked=tuple(others[: len(PERCENTILES)]),
        total=int(whole or 0) * MICROSECONDS + int(rest or 0),
        longest=longest,
        within=tuple(each or 0 for each in others[len(PERCENTILES) :]),
    )


def _episodes(view: View, clock: str, mode: str) -> CTE:
    """Return a view's episodes; of the two resolution clocks, one a ticket.

    An episode that is open, inconsistent or of unknown duration took null: no figure of durations sees it.
    """
    begins = Ticket.occurred_at if clock == "resolution" else Clock.started_at
    is_broken = or_(Clock.inconsistent, inconsistent(begins, Clock.stopped_at))
    is_open = Clock.stopped_at.is_(None)
    took = _counted(clock) if mode == "business" else microseconds_between(begins, Clock.stopped_at)
    took = case((or_(is_broken, is_open), null()), else_=took)
    return facts(
        view,
        population(*of(clock), at=begins, stopped=Clock.stopped_at),
        cast(took, BigInteger).label("took"),
        case((is_broken, 0), (is_open, 1), else_=0).label("is_open"),
        case((is_broken, 1), else_=0).label("is_inconsistent"),
        case((is_broken, 0), (is_open, 0), (took.is_(None), 1), else_=0).label("is_unknown"),
    )


def _counted(clock: str) -> ColumnElement[int]:
    """Return the counted time of an episode, or of all resolutions of its ticket; null without a calendar."""
    if clock != "resolution":
        return case((Clock.calendar_id.is_not(None), Clock.counted))
    every = aliased(Clock)
    known = case((func.count() == func.count(every.calendar_id), func.sum(every.counted)))
    query = select(known).where(every.ticket_id == Clock.ticket_id, every.name == Clock.name)
    return query.scalar_subquery()
