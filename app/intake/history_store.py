"""SQL for imports: what they create besides tickets, and taking all of it back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from app.db import dialect
from app.errors import NotFoundError
from app.events import store as events
from app.ids import new_id
from app.models.access import ApiKey, Source
from app.models.customers import Customer, CustomerIdentity
from app.models.events import Event, ExternalId, Outbox, StreamEntry
from app.models.history import Import
from app.models.people import Agent, Team, TeamMember
from app.models.satisfaction import Score
from app.models.sla import Clock
from app.models.tickets import Message, Ticket


def was_undone(session: Session, import_id: UUID) -> bool:
    """Whether this import was undone."""
    return session.scalar(select(Import.undone_at).where(Import.id == import_id)) is not None


def note_import(session: Session, import_id: UUID, *, now: datetime) -> None:
    """Note that there is such an import, once it has brought anything."""
    dialect.insert_new(
        session, Import, [{"id": import_id, "created_at": now, "undone_at": None}], key=("id",)
    )


def source_ids(
    session: Session, names: set[str], import_id: UUID | None, *, now: datetime
) -> dict[str, UUID]:
    """Return the sources by name, creating unknown ones where an import id is given to mark them with."""
    found = _sources(session, names)
    missing = sorted(names - found.keys())
    if not missing or import_id is None:
        return found
    made = [
        {
            "id": new_id(now),
            "name": name,
            "kind": "import",
            "zone": "UTC",
            "import_id": import_id,
            "created_at": now,
        }
        for name in missing
    ]
    dialect.insert_new(session, Source, made, key=("name",))
    events.record_configuration(session, "import.source_created", import_id, by=None, now=now)
    return _sources(session, names)


def _sources(session: Session, names: set[str]) -> dict[str, UUID]:
    return dict(session.execute(select(Source.name, Source.id).where(Source.name.in_(names))).all())


def forget(session: Session, subject_ids: Sequence[UUID]) -> None:
    """Take back the external ids of lines that turned out not to be loadable."""
    if subject_ids:
        session.execute(delete(ExternalId).where(ExternalId.subject_id.in_(subject_ids)))


def add_messages(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Insert messages."""
    dialect.insert_rows(session, Message, rows)


def lock_import(session: Session, import_id: UUID) -> None:
    """Make sure there is such an import.

    Raises:
        NotFoundError: there never was.
    """
    if session.get(Import, import_id, with_for_update=True) is None:
        raise NotFoundError


def remove_some(session: Session, import_id: UUID, *, most: int) -> int:
    """Remove so many tickets or lone scores of an import, with all that hangs on them; return how many."""
    lone = select(Score.submission_id).where(Score.import_id == import_id, Score.standalone).distinct()
    mine = select(Ticket.id).where(Ticket.import_id == import_id)
    found = list(session.scalars(lone.limit(most))) or list(session.scalars(mine.limit(most)))
    if not found:
        return 0
    hanging = session.scalars(select(Score.submission_id).where(Score.ticket_id.in_(found)))
    gone = {*found, *hanging}
    # What was erased must not come back with the same file: its external ids stay.
    erased = set(session.scalars(select(Ticket.id).where(Ticket.id.in_(gone), Ticket.erased_at.is_not(None))))
    events.lock_publisher(session)
    happened = select(Event.id).where(Event.subject_id.in_(gone))
    session.execute(delete(Outbox).where(Outbox.event_id.in_(happened)))
    session.execute(delete(StreamEntry).where(StreamEntry.event_id.in_(happened)))
    session.execute(delete(Event).where(Event.subject_id.in_(gone)))
    session.execute(delete(ExternalId).where(ExternalId.subject_id.in_(gone - erased)))
    session.execute(delete(Score).where(or_(Score.submission_id.in_(gone), Score.ticket_id.in_(gone))))
    session.execute(delete(Ticket).where(Ticket.id.in_(gone)))
    return len(found)


def remove_rest(session: Session, import_id: UUID, *, now: datetime) -> None:
    """Remove what an import created by the way and nobody else uses: customers, agents, teams, sources."""
    session.execute(
        delete(CustomerIdentity).where(CustomerIdentity.import_id == import_id, _unused_identity())
    )
    for model, uses in _USES.items():
        free = [~exists().where(column == model.id) for column in uses]
        session.execute(delete(model).where(model.import_id == import_id, *free))
    session.execute(update(Import).where(Import.id == import_id).values(undone_at=now))
    events.record_configuration(session, "import.undone", import_id, by=None, now=now)


def _unused_identity() -> ColumnElement[bool]:
    """An identity that later joined someone who still speaks to us stays with them."""
    return ~exists().where(Ticket.customer_id == CustomerIdentity.customer_id)


_USES: dict[Any, tuple[Any, ...]] = {
    Customer: (Ticket.customer_id, Score.customer_id),
    Agent: (
        Ticket.assignee_id, Ticket.resolver_id, Clock.agent_id, Event.actor_id, Score.agent_id,
        Message.agent_id, ApiKey.agent_id, TeamMember.agent_id,
    ),
    Team: (Ticket.team_id, Score.team_id, TeamMember.team_id),
    Source: (Ticket.source_id, Score.source_id, ExternalId.source_id),
}  # fmt: skip
