"""SQL for keys, sites and sources."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app import ids
from app.db import dialect
from app.errors import NotFoundError
from app.models.access import ApiKey, Site, Source
from app.people.store import NameTakenError


def keys(session: Session) -> list[ApiKey]:
    """Return every key, newest first."""
    return list(session.scalars(select(ApiKey).order_by(ApiKey.created_at.desc(), ApiKey.id)))


def any_key(session: Session) -> bool:
    """Whether a key was ever made."""
    return bool(session.scalar(select(func.count()).select_from(ApiKey)))


def add_key(session: Session, new: ApiKey) -> str:
    """Give a new key its secret, keep its hash only, and return the secret, this once."""
    secret = ids.new_key(ids.SECRET_PREFIX)
    new.hash, new.prefix = ids.digest(secret), secret[: len(ids.SECRET_PREFIX) + 6]
    session.add(new)
    session.flush()
    return secret


def revoke_key(session: Session, key_id: UUID, *, now: datetime) -> None:
    """End a key; ending it twice changes nothing."""
    found = session.get(ApiKey, key_id, with_for_update=True)
    if found is None:
        raise NotFoundError
    found.revoked_at = found.revoked_at or now


def note_use(session: Session, seen: dict[UUID, datetime]) -> None:
    """Note when keys were last used."""
    for key_id, at in sorted(seen.items()):
        session.execute(update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=at))


def sites(session: Session) -> list[Site]:
    """Return every site, by name."""
    return list(session.scalars(select(Site).order_by(Site.name)))


def add_site(session: Session, new: Site) -> Site:
    """Add a site with a new public key."""
    new.public_key = ids.new_key(ids.PUBLIC_PREFIX)
    row = {column.key: getattr(new, column.key) for column in Site.__table__.columns}
    if not dialect.insert_new(session, Site, [row], key=("name",)):
        raise NameTakenError
    return session.get_one(Site, new.id)


def sources(session: Session) -> list[Source]:
    """Return every source, by name."""
    return list(session.scalars(select(Source).order_by(Source.name)))


def add_source(session: Session, new: Source) -> Source:
    """Add a source."""
    row = {column.key: getattr(new, column.key) for column in Source.__table__.columns}
    if not dialect.insert_new(session, Source, [row], key=("name",)):
        raise NameTakenError
    return session.get_one(Source, new.id)


def source_id(session: Session, name: str) -> UUID | None:
    """Return the id of the source of that name."""
    return session.scalar(select(Source.id).where(Source.name == name))
