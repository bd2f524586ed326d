"""Judge the clocks of many tickets at once; one that can't be judged spoils it for nobody else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.db import dialect
from app.db.dialect import Fault
from app.logs import get_logger
from app.sla import clocks

_log = get_logger("watch.judging")


@dataclass(frozen=True, slots=True)
class Found:
    """How many tickets changed, how many were in somebody's hand, and which can't be judged."""

    changed: int
    taken: int
    bad: tuple[UUID, ...] = ()


def judge(session: Session, ticket_ids: Sequence[UUID], *, now: datetime) -> Found:
    """Bring the clocks of tickets in line with their events and the terms of today, and say what fell due.

    Where that fails, halves are tried, and at the end the ticket that is to blame stands alone.
    """
    if not ticket_ids:
        return Found(0, 0)
    try:
        with session.begin_nested():
            seen = clocks.judge_all(session, ticket_ids, now=now)
    except Exception as error:
        if dialect.fault_of(error) not in {Fault.DATA, Fault.BUG}:
            raise
        if len(ticket_ids) == 1:
            name = type(error).__name__
            _log.warning("a ticket's clocks can't be judged", subject_id=str(ticket_ids[0]), error=name)
            return Found(0, 0, (ticket_ids[0],))
    else:
        return Found(seen.changed, len(ticket_ids) - seen.tickets)
    middle = len(ticket_ids) // 2
    one, other = (judge(session, half, now=now) for half in (ticket_ids[:middle], ticket_ids[middle:]))
    return Found(one.changed + other.changed, one.taken + other.taken, one.bad + other.bad)
