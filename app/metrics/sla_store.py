"""SQL for promises: what became of each episode of a clock, and how late the late ones came."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    SQLColumnExpression,
    and_,
    case,
    cast,
    exists,
    func,
)
from sqlalchemy.orm import Session, aliased

from app.db.dialect import microseconds_between
from app.metrics.episodes_store import EPISODES, inconsistent, of, population
from app.metrics.query import View
from app.metrics.rules import LATE_PERCENTILES, SOON, Lateness, Verdict, reaches
from app.metrics.store import Place, facts, grouped, ranked
from app.models.events import Event
from app.models.sla import Clock
from app.models.tickets import Ticket

_BEGAN, _ENDED = Event.__table__.alias("began"), Event.__table__.alias("ended")
"""The events that started and ended an episode."""


@dataclass(frozen=True, slots=True)
class _Episodes:
    """Where episodes are found, which of them, and when each stopped."""

    rows: FromClause
    which: tuple[ColumnElement[bool], ...]
    stopped: SQLColumnExpression[datetime | None]


def verdicts(
    session: Session, view: View, *, clock: str, as_of: datetime, known_at: datetime | None
) -> dict[Place, Lateness]:
    """Return what each place holds of a clock's episodes."""
    rows = ranked(view, _judged(view, clock, as_of, known_at), "late")
    found = grouped(
        session,
        view,
        rows,
        func.max(rows.c.late),
        *(
            func.min(case((reaches(rows.c.rank, rows.c.ranks, percent), rows.c.late)))
            for percent in LATE_PERCENTILES
        ),
        *(func.count(case((rows.c.verdict == each, 1))) for each in Verdict),
    )
    return {place: _lateness(figures) for place, figures in found}


def _lateness(figures: Sequence[Any]) -> Lateness:
    longest, *others = figures
    ranks, counts = others[: len(LATE_PERCENTILES)], others[len(LATE_PERCENTILES) :]
    return Lateness(dict(zip(Verdict, counts, strict=True)), tuple(ranks), longest)


def _judged(view: View, clock: str, as_of: datetime, known_at: datetime | None) -> CTE:
    """Return a view's episodes, each with its verdict, and the time a late one was late."""
    found = _known(clock, known_at) if known_at else _Episodes(EPISODES, of(clock), Clock.stopped_at)
    verdict = _verdict(found.stopped, as_of)
    late = case((verdict == Verdict.LATE, microseconds_between(Clock.due_at, found.stopped)))
    return facts(
        view,
        population(*found.which, at=Clock.started_at, stopped=found.stopped, rows=found.rows),
        verdict.label("verdict"),
        cast(late, BigInteger).label("late"),
    )


def _verdict(stopped: SQLColumnExpression[datetime | None], as_of: datetime) -> ColumnElement[str]:
    """Return what became of an episode: the first of these that is true."""
    due_at = Clock.due_at
    return case(
        (inconsistent(Clock.started_at, stopped), Verdict.INCONSISTENT),
        (Clock.target_seconds.is_(None), Verdict.UNJUDGED),
        (stopped > due_at, Verdict.LATE),
        (stopped.is_not(None), Verdict.MET),
        (due_at < as_of, Verdict.OVERDUE),
        (due_at.is_(None), Verdict.PAUSED),
        (due_at <= as_of + SOON, Verdict.DUE_SOON),
        else_=Verdict.RUNNING,
    )


def _known(clock: str, known_at: datetime) -> _Episodes:
    """Return the episodes that were known by an instant; those whose end was not known ran."""
    had_begun = _told(_BEGAN) <= known_at
    # What ended before clocks were judged may not say by which event.
    had_ended = func.coalesce(_told(_ENDED), Clock.stopped_at) <= known_at
    rows = EPISODES.join(_BEGAN, _is_event(_BEGAN, Clock.ticket_id, Clock.start_version))
    return _Episodes(
        rows.outerjoin(_ENDED, _is_event(_ENDED, Clock.ticket_id, Clock.stop_version)),
        (*of(clock, is_last=~_had_later(known_at)), had_begun),
        case((had_ended, Clock.stopped_at)),
    )


def _had_later(known_at: datetime) -> ColumnElement[bool]:
    """Tell whether the ticket was known to have a later episode of the same clock."""
    later, began = aliased(Clock), Event.__table__.alias("later_began")
    same = and_(later.ticket_id == Clock.ticket_id, later.name == Clock.name, later.ordinal > Clock.ordinal)
    known = _told(began) <= known_at
    return exists().where(same, _is_event(began, later.ticket_id, later.start_version), known)


def _is_event(
    event: FromClause, ticket_id: SQLColumnExpression[UUID], version: SQLColumnExpression[int | None]
) -> ColumnElement[bool]:
    return and_(event.c.subject_id == ticket_id, event.c.subject_version == version)


def _told(event: FromClause) -> ColumnElement[datetime]:
    """Return when an event became known: an imported one was when it happened, to whoever wrote it down."""
    return case((Ticket.origin == "import", event.c.occurred_at), else_=event.c.received_at)
