"""Set up keys, sites and sources."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.access import store
from app.access.schemas import KeyIn, KeyOut, NewKeyOut, SiteIn, SiteOut, SourceIn, SourceOut
from app.errors import invalid
from app.events import store as events
from app.ids import new_id
from app.models.access import ApiKey, Site, Source
from app.people import store as people


def create_key(session: Session, *, new: KeyIn, by: UUID | None, now: datetime) -> NewKeyOut:
    """Make a key; its secret is in this answer and nowhere else."""
    known = {source.name for source in store.sources(session)}
    for place, name in enumerate(new.sources or ()):
        if name not in known:
            raise invalid(f"/sources/{place}", "unknown_source", "no such source")
    if new.agent_id is not None:
        people.require_agent(session, new.agent_id, pointer="/agent_id")
    key = ApiKey(**new.model_dump(), id=new_id(now), created_at=now)
    secret = store.add_key(session, key)
    events.record_configuration(session, "key.created", key.id, by=by, now=now)
    return NewKeyOut.model_validate(KeyOut.model_validate(key).model_dump() | {"key": secret})


def list_keys(session: Session) -> list[KeyOut]:
    """Return every key, without its secret."""
    return [KeyOut.model_validate(each) for each in store.keys(session)]


def revoke_key(session: Session, *, key_id: UUID, by: UUID | None, now: datetime) -> None:
    """End a key; every process refuses it within seconds."""
    store.revoke_key(session, key_id, now=now)
    events.record_configuration(session, "key.revoked", key_id, by=by, now=now)


def create_site(session: Session, *, new: SiteIn, by: UUID | None, now: datetime) -> SiteOut:
    """Add a site."""
    site = store.add_site(session, Site(**new.model_dump(), id=new_id(now), created_at=now))
    events.record_configuration(session, "site.created", site.id, by=by, now=now)
    return SiteOut.model_validate(site)


def list_sites(session: Session) -> list[SiteOut]:
    """Return every site."""
    return [SiteOut.model_validate(each) for each in store.sites(session)]


def create_source(session: Session, *, new: SourceIn, by: UUID | None, now: datetime) -> SourceOut:
    """Add a source."""
    source = store.add_source(session, Source(**new.model_dump(), id=new_id(now), created_at=now))
    events.record_configuration(session, "source.created", source.id, by=by, now=now)
    return SourceOut.model_validate(source)


def list_sources(session: Session) -> list[SourceOut]:
    """Return every source."""
    return [SourceOut.model_validate(each) for each in store.sources(session)]
