"""Time passes over what was kept for a while only: it goes, piece by piece, so that nobody waits behind it.

What is kept for ever is not looked at: events, clocks (figures are read from them) and external ids.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.watch import retention_store as store

PIECE = 500


def forget(session: Session, *, stream_kept: timedelta, now: datetime, most: int) -> int:
    """Forget up to `most` rows whose time is over, and return how many; none is left when it returns 0."""
    keys = store.forget_keys(session, expired_at=now, most=most)
    return keys + store.forget_entries(session, published_until=now - stream_kept, most=most - keys)
