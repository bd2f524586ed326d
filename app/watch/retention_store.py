"""SQL for forgetting: idempotency records that expired, stream entries that everybody has read."""

from datetime import datetime
from itertools import takewhile

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.orm import Session

from app.models.events import Cursor, Event, Idempotency, StreamEntry


def forget_keys(session: Session, *, expired_at: datetime, most: int) -> int:
    """Delete records of idempotency keys that expired by then, oldest first; return how many.

    Those in somebody's hand are being renewed, and stay.
    """
    key = (Idempotency.scope, Idempotency.key_hash)
    expired = select(*key).where(Idempotency.expires_at <= expired_at).order_by(Idempotency.expires_at)
    oldest = expired.limit(most).with_for_update(skip_locked=True).cte("oldest")
    gone = delete(Idempotency).where(tuple_(*key).in_(select(oldest))).returning(Idempotency.key_hash)
    return len(session.scalars(gone, execution_options={"synchronize_session": False}).all())


def forget_entries(session: Session, *, published_until: datetime, most: int) -> int:
    """Delete the oldest entries of the stream that were received by then and read by all; return how many.

    Only the beginning goes, up to the first entry that must stay: a reader meets no gap by it.
    """
    read_by_all = session.scalar(select(func.min(Cursor.sequence))) or 0
    entries = (
        select(StreamEntry.sequence, Event.received_at)
        .join(Event, Event.id == StreamEntry.event_id)
        .where(StreamEntry.sequence <= read_by_all)
    )
    oldest = session.execute(entries.order_by(StreamEntry.sequence).limit(most))
    gone = [row.sequence for row in takewhile(lambda row: row.received_at <= published_until, oldest)]
    if gone:
        session.execute(delete(StreamEntry).where(StreamEntry.sequence <= gone[-1]))
    return len(gone)
