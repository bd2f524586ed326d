"""SQL for calendars and policies: what is in force, and what each said at any version."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import Select, false, literal, select, tuple_, union_all, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db import dialect
from app.errors import NotFoundError
from app.models.sla import Calendar, CalendarVersion, Policy, PolicyVersion
from app.people.store import NameTakenError

Kept = TypeVar("Kept", Calendar, Policy)
_VERSIONS: Mapping[type[Any], tuple[Any, Any]] = MappingProxyType({
    Calendar: (CalendarVersion, CalendarVersion.calendar_id),
    Policy: (PolicyVersion, PolicyVersion.policy_id),
})  # fmt: skip
"""Of each kind of thing that has versions: their table, and whose they are."""


class Head(NamedTuple):
    """Which version of a calendar or policy is in force.

    When it was made belongs to it: a version that was never committed leaves its number to another one.
    """

    kind: str
    id: UUID
    version: int
    is_default: bool
    created_at: datetime


def _heads(kind: type[Any], is_default: Any) -> Select[Any]:
    versions, owner = _VERSIONS[kind]
    newest = (owner == kind.id) & (versions.version == kind.version)
    columns = (literal(kind.__tablename__), kind.id, kind.version, is_default, versions.created_at)
    return select(*columns).join(versions, newest).where(kind.deleted_at.is_(None))


_IN_FORCE = union_all(_heads(Policy, Policy.is_default), _heads(Calendar, false()))


def in_force(session: Session) -> frozenset[Head]:
    """Return every policy and calendar that was not deleted."""
    return frozenset(Head(*row) for row in session.execute(_IN_FORCE))


def documents(
    session: Session, kind: type[Kept], wanted: Iterable[tuple[UUID, int]]
) -> dict[UUID, tuple[int, dict[str, Any], datetime]]:
    """Return by id the version, document and birth of the versions wanted, one of each."""
    versions, owner = _VERSIONS[kind]
    query = select(owner, versions.version, versions.document, versions.created_at)
    found = session.execute(query.where(tuple_(owner, versions.version).in_(list(wanted))))
    return {row[0]: (row[1], row[2], row[3]) for row in found}


def newest(session: Session, kind: type[Kept], ids: Iterable[UUID]) -> dict[UUID, int]:
    """Return by id the newest versions, also of what was deleted."""
    return dict(session.execute(select(kind.id, kind.version).where(kind.id.in_(list(ids)))).all())


def names(session: Session, kind: type[Kept], ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return names by id, also of what was deleted."""
    return dict(session.execute(select(kind.id, kind.name).where(kind.id.in_(list(ids)))).all())


def every_document(session: Session) -> list[dict[str, Any]]:
    """Return what any policy ever said, deleted ones too."""
    return list(session.scalars(select(PolicyVersion.document)))


def lock_all(session: Session) -> None:
    """Let one transaction at a time change calendars and policies: they depend on each other."""
    dialect.advisory_lock(session, "calendars and policies")


def living(session: Session, kind: type[Kept]) -> list[tuple[Kept, dict[str, Any], datetime]]:
    """Return everything of a kind with what it says and since when, by name."""
    versions, owner = _VERSIONS[kind]
    newest = (owner == kind.id) & (versions.version == kind.version)
    query = select(kind, versions.document, versions.created_at).join(versions, newest)
    rows = session.execute(query.where(kind.deleted_at.is_(None)).order_by(kind.name, kind.id))
    return [(row[0], row[1], row[2]) for row in rows]


def get(session: Session, kind: type[Kept], wanted: UUID) -> Kept:
    """Return what was not deleted.

    Raises:
        NotFoundError: there is no such thing, or no longer.
    """
    found = session.get(kind, wanted)
    if found is None or found.deleted_at is not None:
        raise NotFoundError
    return found


def hold(session: Session, kind: type[Kept], wanted: UUID) -> Kept:
    """Return what is about to change, while nothing else of the kind does.

    Raises:
        NotFoundError: there is no such thing, or no longer.
    """
    lock_all(session)
    return get(session, kind, wanted)


def at_version(
    session: Session, kind: type[Kept], wanted: UUID, version: int
) -> tuple[Kept, dict[str, Any], datetime]:
    """Return what something said at a version, also after it was deleted, and since when.

    Raises:
        NotFoundError: there is no such thing, or it had no such version.
    """
    found = session.get(kind, wanted)
    said = documents(session, kind, [(wanted, version)]).get(wanted)
    if found is None or said is None:
        raise NotFoundError
    return found, said[1], said[2]


def add(session: Session, new: Kept, document: Mapping[str, Any]) -> None:
    """Add a calendar or policy at its first version.

    Raises:
        NameTakenError: another one has its name.
    """
    new.version = 1
    session.add(new)
    _add_version(session, new, document, now=new.created_at)


def add_version(session: Session, changed: Kept, document: Mapping[str, Any], *, now: datetime) -> None:
    """Say something new from now on; what was said before stays.

    Raises:
        NameTakenError: another one has its name.
    """
    changed.version += 1
    _add_version(session, changed, document, now=now)


def _add_version(session: Session, kept: Kept, document: Mapping[str, Any], *, now: datetime) -> None:
    kept.name = document["name"]
    try:
        session.flush()
    except IntegrityError as error:
        raise NameTakenError from error
    versions, owner = _VERSIONS[type(kept)]
    row = {owner.key: kept.id, "version": kept.version, "document": dict(document), "created_at": now}
    dialect.insert_rows(session, versions, [row])


def make_default(session: Session, policy: Policy, *, is_default: bool) -> None:
    """Make a policy the default, in place of any other, or no longer."""
    if is_default:
        others = update(Policy).where(Policy.is_default, Policy.id != policy.id)
        session.execute(others.values(is_default=False))
    policy.is_default = is_default
    session.flush()


def forget(session: Session, kept: Kept, *, now: datetime) -> None:
    """Take something out of force; its versions stay."""
    kept.deleted_at = now
    session.flush()
