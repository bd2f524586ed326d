"""Time passes over the clocks: what falls due is said, once, at the instant it fell due.

A worker takes the tickets of the clocks that are longest due and lets their clocks follow, which says what is
true by now: after a long sleep too, and nothing twice, for what was said is kept with the clock in the same
transaction. A ticket in an agent's hand, or another worker's, is left to them.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.watch import falling_due_store as store
from app.watch.judging import judge

PUSHED = timedelta(minutes=1)


def anything_due(session: Session, *, now: datetime) -> bool:
    """Whether a clock has to be looked at; asked often, so it only reads."""
    return store.anything_due(session, now=now)


def say_what_is_due(session: Session, *, now: datetime, most: int) -> int:
    """Look at up to `most` clocks that are due, and return how many there were.

    A ticket that can't be judged is pushed away for a minute, so that it keeps nobody waiting behind it.
    """
    due = store.take_due(session, now=now, most=most)
    found = judge(session, list(dict.fromkeys(due)), now=now)
    store.push_away(session, found.bad, until=now + PUSHED)
    return len(due)
