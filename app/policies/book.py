"""The policies in force as one value, and any policy as it once was."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.models.sla import Calendar as CalendarRow
from app.models.sla import Policy as PolicyRow
from app.policies import documents, store
from app.policies.calendar import Calendar
from app.policies.store import Head
from app.policies.terms import Book, Policy

_MOST = 256
Version = tuple[UUID, int, datetime]

# A version never changes, so what was made of it is right in every transaction and for every database.
_books: dict[frozenset[Head], Book] = {}
_calendars: dict[Version, Calendar] = {}


def current(session: Session) -> Book:
    """Return every policy in force, with its calendars as they are now: a small query if all is known."""
    heads = store.in_force(session)
    book = _books.get(heads)
    if book is None:
        book = _remember(_books, heads, _compile(session, heads))
    return book


def at(session: Session, policy_id: UUID, version: int, calendars: Mapping[UUID, int]) -> Policy:
    """Return a policy at a version, with calendars at these versions and any other at its newest.

    Raises:
        NotFoundError: there never was such a version.
    """
    row, document, _ = store.at_version(session, PolicyRow, policy_id, version)
    named = documents.calendars_named(document)
    wanted = store.newest(session, CalendarRow, named) | {
        each: number for each, number in calendars.items() if each in named
    }
    kept = calendars_at(session, wanted)
    return documents.policy_of(policy_id, version, document, kept, is_default=row.is_default)


def _compile(session: Session, heads: frozenset[Head]) -> Book:
    policies = {head.id: head for head in heads if head.kind == PolicyRow.__tablename__}
    calendars = {head.id: head.version for head in heads if head.kind == CalendarRow.__tablename__}
    kept = calendars_at(session, calendars)
    said = store.documents(session, PolicyRow, [(each, head.version) for each, head in policies.items()])
    return Book(
        {
            each: documents.policy_of(each, version, document, kept, is_default=policies[each].is_default)
            for each, (version, document, _) in said.items()
        }
    )


def calendars_at(session: Session, wanted: Mapping[UUID, int]) -> dict[UUID, tuple[int, Calendar]]:
    """Return calendars at these versions; one that is known keeps the years it has worked out."""
    found: dict[UUID, tuple[int, Calendar]] = {}
    for each, (version, document, made_at) in store.documents(session, CalendarRow, wanted.items()).items():
        key = (each, version, made_at)
        calendar = _calendars.get(key) or _remember(_calendars, key, documents.calendar_of(document))
        found[each] = (version, calendar)
    return found


def _remember(known: dict[Any, Any], key: Any, value: Any) -> Any:
    """Keep a value, and forget the others when there are too many."""
    if len(known) >= _MOST:
        known.clear()
    known[key] = value
    return value
