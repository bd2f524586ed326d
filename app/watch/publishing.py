"""Time passes over the outbox: every event finds its place in the stream."""

from sqlalchemy.orm import Session

from app.events import store

MOST = 1000


def anything_to_publish(session: Session) -> bool:
    """Whether an event is not in the stream yet; asked often, so it only reads."""
    return store.is_unpublished(session)


def publish(session: Session) -> int:
    """Move the next events into the stream, up to `MOST` of them, and return how many."""
    return store.publish(session, most=MOST)
