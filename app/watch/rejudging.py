"""Time passes over an edit: clocks that run under older terms are judged by those of today, piece by piece.

What is over stays as it was judged. The work is done when a pass over all running clocks finds nothing, and
another one does so a while later: some process may have decided by the older terms a moment longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from app.watch import rejudging_store as store
from app.watch.judging import judge

ONCE_MORE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The last of the tickets that were looked at (None: the pass is over), and those under older terms."""

    last: UUID | None
    stale: Sequence[UUID]


def find_stale(session: Session, *, after: UUID | None, most: int) -> Stretch:
    """Look at the next tickets, by id, that have a running clock."""
    found = store.look_at_running(session, after=after, most=most)
    return Stretch(max(found, default=None), [ticket_id for ticket_id, is_stale in found.items() if is_stale])


def rejudge(session: Session, ticket_ids: Sequence[UUID], *, now: datetime) -> int:
    """Judge tickets by the terms of today, and return how many changed or were in somebody's hand.

    One that can't be judged is neither: it stays as it was, and the work comes to an end.
    """
    found = judge(session, ticket_ids, now=now)
    return found.changed + found.taken
