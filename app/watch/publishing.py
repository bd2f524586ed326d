"""Time passes over the outbox: every event finds its place in the stream."""

from sqlalchemy.orm import Session

from app.events import store


def publish(session: Session) -> int:
    """Move the next events into the stream, and return how many."""
    return store.publish(session)
