"""The first admin key, made when an installation starts with none."""

from datetime import datetime

from sqlalchemy.orm import Session

from app.access import store
from app.access.rules import SCOPES
from app.db import dialect
from app.events import store as events
from app.ids import new_id
from app.models.access import ApiKey


def first_key(session: Session, *, now: datetime) -> str | None:
    """Make the first admin key and return its secret; None when there already is a key."""
    dialect.advisory_lock(session, "heard.first-key")
    if store.any_key(session):
        return None
    key = ApiKey(id=new_id(now), name="first admin key", scopes=list(SCOPES), created_at=now)
    secret = store.add_key(session, key)
    events.record_configuration(session, "key.created", key.id, by=None, now=now)
    return secret
